import { orderWorkflowId, type OrderRow } from '../contracts/orders.ts';
import type { ReturnRow } from '../contracts/returns.ts';
import { isEnd } from '../domain/order.ts';
import type { LedgerEntry } from './ledger.ts';
import type { Stored } from './tables.ts';
import type { OrderFacts, WorkflowFacts } from './workflowFacts.ts';

/** Something that two sources say differently. */
export interface Disagreement {
  /** What it is about: an order's workflow ID, a SKU, an event. */
  readonly subject: string;
  readonly says: string;
}

/** Checks each order: workflow, row, ledger, payments table and reservation have to say the same. */
export function checkOrders(
  facts: readonly OrderFacts[],
  stored: Stored,
  ledger: readonly LedgerEntry[],
): readonly Disagreement[] {
  const rows = new Map(stored.orders.map((row) => [row.workflowId, row]));
  const found: Disagreement[] = [];
  for (const order of facts) {
    const { workflowId } = order;
    if (order.state === 'duplicate') continue;
    const say = (says: string) => found.push({ subject: workflowId, says });
    checkInbox(order, say);
    const row = rows.get(workflowId);
    if (!row) say(`its workflow is ${order.state}, but it has no row`);
    else checkRow(order, row, say);
    if (!row) continue;
    const intents = ledger.filter(({ orderKey }) => orderKey === workflowId);
    checkMoney(row, intents, stored.returns, say);
    checkPaymentRow(row, intents, stored, say);
    checkReservation(row, stored, say);
  }
  const known = new Set(facts.map(({ workflowId }) => workflowId));
  for (const row of stored.orders) {
    // Past the namespace's retention only the row remains, of an order that ended.
    if (!known.has(row.workflowId) && !isEnd(row.state)) {
      found.push({ subject: row.workflowId, says: `its row is ${row.state}, without a workflow` });
    }
  }
  for (const { orderKey, intentId, captured } of ledger) {
    if (orderKey !== null && !rows.has(orderKey) && captured > 0) {
      found.push({
        subject: orderKey,
        says: `${intentId} captured ${captured} for an unknown order`,
      });
    }
  }
  return found;
}

/**
 * Checks each SKU: what there was, less what is reserved, sold or lost, and with what came back and is on sale again,
 * and what was received from a supplier, is what is left; never less than none.
 */
export function checkStock({
  stock,
  reservations,
  restocks,
  receipts,
}: Stored): readonly Disagreement[] {
  const taken = new Map<string, number>();
  const count = (pieces: Pieces, sign: 1 | -1) => {
    for (const { sku, quantity } of pieces) {
      taken.set(sku, (taken.get(sku) ?? 0) + sign * quantity);
    }
  };
  for (const { status, pieces, lost = [] } of reservations) {
    count(status === 'reserved' ? pieces : lost, 1);
  }
  for (const { pieces } of restocks) count(pieces, -1);
  count(receipts, -1);
  return stock.flatMap(({ sku, initial, available }) => {
    const expected = initial - (taken.get(sku) ?? 0);
    return available === expected && available >= 0
      ? []
      : [{ subject: sku, says: `${available} pieces are left, expected ${expected}` }];
  });
}

export type Say = (says: string) => void;

type Pieces = readonly { readonly sku: string; readonly quantity: number }[];

/** Checks that a workflow's inbox has every event it was sent, and dealt with all before the end. */
export function checkInbox(
  { signalled, inbox, running, state }: WorkflowFacts<string>,
  say: Say,
): void {
  if (!running && state === null) say('its workflow ended without a state');
  const known = new Set([...inbox.records, ...inbox.pending].map(({ id }) => id));
  for (const id of signalled)
    if (!known.has(id)) say(`${id} was signalled, and is not in its inbox`);
  if (!running && inbox.pending.length > 0) say('its workflow ended with events undecided');
}

function checkRow({ state, running }: OrderFacts, row: OrderRow, say: Say): void {
  if (row.state !== state) say(`its workflow is ${state}, its row ${row.state}`);
  if (!running && !isEnd(row.state)) say(`its workflow ended while it was ${row.state}`);
  if (running && row.waitingFor === null) say(`it is ${row.state}, and waits for nothing named`);
}

/** States in which the lines that are left are paid, and reserved or sold. */
const PAID: ReadonlySet<OrderRow['state']> = new Set<OrderRow['state']>([
  'paid',
  'fulfilling',
  'shipped',
  'delivered',
  'closed',
]);

/** Ends in which nothing is held any more, neither money nor stock. */
const UNDONE: ReadonlySet<OrderRow['state']> = new Set<OrderRow['state']>([
  'rejected',
  'cancelled',
  'refunded',
]);

/**
 * Of a payment intent that took and holds nothing. An order may have any number of these: one whose creation was
 * answered 500 although it took effect, or that lapsed and was renewed.
 */
const HOLDING_NOTHING: ReadonlySet<string> = new Set([
  'requires_payment_method',
  'requires_confirmation',
  'canceled',
]);

function checkMoney(
  row: OrderRow,
  intents: readonly LedgerEntry[],
  returns: readonly ReturnRow[],
  say: Say,
): void {
  const { state, total, payment } = row;
  const confirmed = intents.filter(({ status }) => !HOLDING_NOTHING.has(status));
  if (confirmed.length > 1) say(`it has ${confirmed.length} payment intents that were confirmed`);
  for (const { intentId, currency } of intents) {
    if (currency !== total.currency)
      say(`${intentId} is in ${currency}, the order in ${total.currency}`);
  }
  const captured = sum(intents.map((intent) => intent.captured));
  const refunded = sum(intents.map((intent) => intent.refunded));
  const lost = sum(intents.flatMap((intent) => intent.lost.map(({ amount }) => amount)));
  const held = intents.some(({ status }) => status === 'requires_capture');
  if (captured > total.amount) say(`${captured} was captured of ${total.amount}`);
  if (refunded > captured) say(`${refunded} was refunded of ${captured} captured`);
  // Before that its answer may be on the way.
  const isCaptureKnown = payment.status === 'captured' || payment.status === 'returned';
  if (isCaptureKnown && captured !== payment.captured) {
    say(`${captured} was captured, its row says ${payment.captured}`);
  }

  const { left, givenUp } = linesOf(row);
  const byReturns = refundsOf(row, returns);
  const least = payment.refunded + byReturns.settled;
  // What is being given back is at the provider first, and in the row once that has answered.
  const most = least + byReturns.underWay + sum(givenUp.map(({ amount }) => amount));
  if (refunded < least || refunded > most) {
    const others = byReturns.settled > 0 ? `, and its returns ${byReturns.settled}` : '';
    say(`${refunded} was refunded, its row says ${payment.refunded}${others}`);
  }

  if (PAID.has(state)) {
    const kept = captured - payment.refunded;
    const cost = sum(left.map(({ amount }) => amount));
    // What is lost in a dispute is not refunded once more.
    if (kept < cost || kept > cost + lost + sum(givenUp.map(({ amount }) => amount))) {
      say(
        `it is ${state}, with ${captured} captured and ${payment.refunded} refunded for lines of ${cost}`,
      );
    }
  }
  if (UNDONE.has(state) && (refunded < captured - lost || held)) {
    say(
      `it is ${state}, with ${captured} captured, ${refunded} refunded${held ? ', more held' : ''}`,
    );
  }
}

/**
 * The lines that were not cancelled, those that were and are not given back yet, and those whose pieces are gone with
 * their parcel.
 */
function linesOf({ lines, cancelledLines }: OrderRow) {
  const cancelled = new Map(cancelledLines.map((line) => [line.line, line]));
  const of = (is: (line: OrderRow['cancelledLines'][number] | undefined) => boolean) =>
    lines.filter((_, index) => is(cancelled.get(index + 1)));
  return {
    left: of((line) => line === undefined),
    givenUp: of((line) => line?.settled === false),
    lost: of((line) => line?.lost === true),
  };
}

/** What the returns of an order gave back, and what they are about to, in minor units. */
function refundsOf({ workflowId }: OrderRow, returns: readonly ReturnRow[]) {
  const amountOf = (states: readonly ReturnRow['state'][]) =>
    sum(
      returns.map((row) =>
        orderWorkflowId(row) === workflowId && states.includes(row.state)
          ? (row.refund?.amount ?? 0)
          : 0,
      ),
    );
  return { settled: amountOf(['refunded']), underWay: amountOf(['refunding', 'needs-operator']) };
}

function checkPaymentRow(
  { workflowId }: OrderRow,
  intents: readonly LedgerEntry[],
  { payments }: Stored,
  say: Say,
): void {
  const row = payments.find(({ orderKey }) => orderKey === workflowId);
  const intent = intents.find(({ captured }) => captured > 0);
  const isKnown = intents.some(({ intentId }) => intentId === row?.intentId);
  if (row?.intentId && (!isKnown || (intent && intent.intentId !== row.intentId))) {
    const known = intent ?? intents[0];
    say(`its payments row names ${row.intentId}, the provider ${known?.intentId ?? 'none'}`);
  }
  if (!intent) return;
  // That a dispute is lost is at the provider first, and in the row once its workflow has closed it.
  const lost = intent.lost.filter(({ disputeId }) => row?.decided?.has(disputeId));
  const overdrawn = row?.overdrawn ?? 0;
  const refundable =
    intent.captured - intent.refunded - sum(lost.map(({ amount }) => amount)) + overdrawn;
  if (row?.refundable !== refundable) {
    say(`${refundable} can be refunded at the provider, ${row?.refundable} by its payments row`);
  }
}

function checkReservation(row: OrderRow, { reservations }: Stored, say: Say): void {
  const { workflowId, state } = row;
  const reservation = reservations.find(({ orderKey }) => orderKey === workflowId);
  const status = reservation?.status;
  const { left, givenUp, lost } = linesOf(row);
  // Not undone but lost with its parcels: then they took their pieces with them.
  const isUndone = UNDONE.has(state) && !(row.cancellation === null && lost.length > 0);
  if (isUndone && (status === 'reserved' || (!status && hasReserved(row)))) {
    say(`it is ${state}, and its stock ${status ?? 'without a tombstone'}`);
  }
  if (PAID.has(state) && status !== 'reserved') say(`it is ${state}, and its stock ${status}`);
  if (isUndone || reservation?.status !== 'reserved') return;

  const least = bySku([...left, ...lost]);
  const most = bySku([...left, ...lost, ...givenUp.filter((line) => !lost.includes(line))]);
  const reserved = bySku(reservation.pieces);
  for (const sku of new Set([...most.keys(), ...reserved.keys()])) {
    const pieces = reserved.get(sku) ?? 0;
    const expected = least.get(sku) ?? 0;
    if (pieces < expected || pieces > (most.get(sku) ?? 0)) {
      say(`${pieces} pieces of ${sku} are reserved, its lines have ${expected}`);
    }
  }
}

/** Whether it is known to have come to reserving, which only an order does that nothing had stopped before. */
function hasReserved({ timeline, payment }: OrderRow): boolean {
  return (
    payment.attempt > 0 ||
    timeline.some(({ kind, name }) => kind === 'state' && name === 'reserving')
  );
}

function bySku(pieces: Pieces): ReadonlyMap<string, number> {
  const merged = new Map<string, number>();
  for (const { sku, quantity } of pieces) merged.set(sku, (merged.get(sku) ?? 0) + quantity);
  return merged;
}

function sum(amounts: readonly number[]): number {
  return amounts.reduce((total, amount) => total + amount, 0);
}
