import type { OrderNotification, OrderRow } from '../contracts/orders.ts';
import { isEnd } from '../domain/order.ts';
import type { LedgerEntry } from './ledger.ts';
import type { OrderFacts } from './orderFacts.ts';
import type { Stored } from './tables.ts';

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
    checkMoney(row, intents, say);
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

/** Checks each SKU: what there was, less what is reserved or sold, is what is left; never less than none. */
export function checkStock({ stock, reservations }: Stored): readonly Disagreement[] {
  const taken = new Map<string, number>();
  for (const { status, pieces } of reservations) {
    if (status !== 'reserved') continue;
    for (const { sku, quantity } of pieces) taken.set(sku, (taken.get(sku) ?? 0) + quantity);
  }
  return stock.flatMap(({ sku, initial, available }) => {
    const expected = initial - (taken.get(sku) ?? 0);
    return available === expected && available >= 0
      ? []
      : [{ subject: sku, says: `${available} pieces are left, expected ${expected}` }];
  });
}

/** Checks that each change of state was announced, under its own stable ID. */
export function checkNotifications(
  rows: readonly OrderRow[],
  notifications: readonly OrderNotification[],
): readonly Disagreement[] {
  const told = Map.groupBy(notifications, ({ workflowId }) => workflowId);
  return rows.flatMap(({ workflowId, version }) => {
    const versions = new Set(told.get(workflowId)?.map((one) => one.version));
    const silent = Array.from({ length: version }, (_, index) => index + 1).filter(
      (expected) => !versions.has(expected),
    );
    return silent.length === 0
      ? []
      : [{ subject: workflowId, says: `versions ${silent.join(', ')} were not announced` }];
  });
}

/** Checks that a subscription got what its filter policy lets through, and nothing else. */
export function checkSubscription(
  name: string,
  expected: ReadonlySet<string>,
  received: ReadonlySet<string>,
): readonly Disagreement[] {
  return [
    ...[...expected.difference(received)].map((id) => ({
      subject: id,
      says: `did not reach ${name}`,
    })),
    ...[...received.difference(expected)].map((id) => ({
      subject: id,
      says: `reached ${name}, which is not meant for it`,
    })),
  ];
}

type Say = (says: string) => void;

function checkInbox({ signalled, inbox, running, state }: OrderFacts, say: Say): void {
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

/** States in which the whole amount is captured, and nothing given back. */
const PAID: ReadonlySet<OrderRow['state']> = new Set<OrderRow['state']>([
  'paid',
  'fulfilling',
  'shipped',
  'delivered',
  'closed',
]);

function checkMoney(row: OrderRow, intents: readonly LedgerEntry[], say: Say): void {
  const { state, total } = row;
  if (intents.length > 1) say(`it has ${intents.length} payment intents`);
  for (const { intentId, currency } of intents) {
    if (currency !== total.currency)
      say(`${intentId} is in ${currency}, the order in ${total.currency}`);
  }
  const captured = sum(intents.map((intent) => intent.captured));
  const refunded = sum(intents.map((intent) => intent.refunded));
  const held = intents.some(({ status }) => status === 'requires_capture');
  if (captured > total.amount) say(`${captured} was captured of ${total.amount}`);
  if (refunded > captured) say(`${refunded} was refunded of ${captured} captured`);
  if (refunded !== row.payment.refunded) {
    say(`${refunded} was refunded, its row says ${row.payment.refunded}`);
  }
  if (PAID.has(state) && (captured !== total.amount || refunded !== 0)) {
    say(`it is ${state}, with ${captured} captured of ${total.amount} and ${refunded} refunded`);
  }
  if ((state === 'cancelled' || state === 'refunded') && (captured !== refunded || held)) {
    say(
      `it is ${state}, with ${captured} captured, ${refunded} refunded${held ? ', more held' : ''}`,
    );
  }
}

function checkPaymentRow(
  { workflowId }: OrderRow,
  intents: readonly LedgerEntry[],
  { payments }: Stored,
  say: Say,
): void {
  const row = payments.find(({ orderKey }) => orderKey === workflowId);
  const [intent] = intents;
  if (row?.intentId && row.intentId !== intent?.intentId) {
    say(`its payments row names ${row.intentId}, the provider ${intent?.intentId ?? 'none'}`);
  }
  if (!intent || intent.captured === 0) return;
  const refundable = intent.captured - intent.refunded;
  if (row?.refundable !== refundable) {
    say(`${refundable} can be refunded at the provider, ${row?.refundable} by its payments row`);
  }
}

function checkReservation({ workflowId, state }: OrderRow, stored: Stored, say: Say): void {
  const status = stored.reservations.find(({ orderKey }) => orderKey === workflowId)?.status;
  if ((state === 'cancelled' || state === 'refunded') && status !== 'released') {
    say(`it is ${state}, and its stock ${status ?? 'without a tombstone'}`);
  }
  if (PAID.has(state) && status !== 'reserved') say(`it is ${state}, and its stock ${status}`);
}

function sum(amounts: readonly number[]): number {
  return amounts.reduce((total, amount) => total + amount, 0);
}
