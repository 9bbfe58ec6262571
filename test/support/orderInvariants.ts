import assert from 'node:assert/strict';
import { checkOrders, checkStock, type Disagreement } from '../../src/console/checks.ts';
import type { LedgerEntry } from '../../src/console/ledger.ts';
import { checkReturns } from '../../src/console/returnChecks.ts';
import type { Stored } from '../../src/console/tables.ts';
import type { WorkflowFacts } from '../../src/console/workflowFacts.ts';
import { amountOf, linesLeft } from '../../src/domain/lines.ts';
import type { OrderState } from '../../src/domain/order.ts';
import type { Ended } from './sequenceRunner.ts';
import type { TestProvider } from './provider.ts';

/** All that is known once sequences have ended. */
export interface Known {
  readonly stored: Stored;
  readonly ledger: readonly LedgerEntry[];
  readonly provider: TestProvider;
}

/** What an order that was placed and not refused at the door may come to. */
const ENDS: ReadonlySet<OrderState> = new Set<OrderState>([
  'closed',
  'cancelled',
  'refunded',
  'rejected',
]);

/**
 * That money and stock of an order add up, that it ended as the business allows, and that each event was decided once.
 *
 * @throws AssertionError with what is known of the order.
 */
export function assertAddsUp(ended: Ended, known: Known): void {
  const { orderKey, result } = ended;
  const row = known.stored.orders.find(({ workflowId }) => workflowId === orderKey);
  assert.ok(row, `${orderKey} has no row`);
  assert.equal(row.state, result.state);
  assert.ok(ENDS.has(row.state));
  assertMoney(ended, row, known);
  assertPieces(row, known);
  assertParcels(row, known);
  assert.deepEqual(
    row.cancelledLines.filter(({ settled }) => !settled),
    [],
  );
  assert.equal(row.revision, row.timeline.at(-1)?.n);
  assertDecided(ended);
}

type Row = Stored['orders'][number];

function assertMoney({ orderKey, returns }: Ended, row: Row, known: Known): void {
  const intents = known.ledger.filter((intent) => intent.orderKey === orderKey);
  const [captured, refunded] = [
    sum(intents.map((intent) => intent.captured)),
    sum(intents.map((intent) => intent.refunded)),
  ];
  const lost = sum(intents.flatMap((intent) => intent.lost.map(({ amount }) => amount)));
  const byReturns = sum(returns.map(({ result }) => result.refunded));
  // Nobody holds money of an order that has ended but for what was captured, once.
  for (const { status, captured: its } of intents) {
    assert.ok(
      its > 0 || ['canceled', 'requires_payment_method', 'requires_confirmation'].includes(status),
      status,
    );
  }
  assert.ok(intents.filter((intent) => intent.captured > 0).length <= 1);
  assert.deepEqual([row.payment.captured, row.payment.refunded + byReturns], [captured, refunded]);
  const left = amountOf(row.state === 'closed' ? linesLeft(row.lines, row.cancelledLines) : []);
  const kept = captured - refunded + byReturns;
  // What a bank has given back to the customer is not refunded once more.
  if (lost === 0) assert.equal(kept, left);
  else assert.ok(left <= kept && kept <= left + lost, `${kept} is kept for lines of ${left}`);
  if (row.state === 'cancelled') assert.equal(refunded, 0);
  // Of an order whose parcels are all lost, the bank may have given all of it back.
  if (row.state === 'refunded') assert.ok(refunded + lost > 0);
  const { refundable = 0, overdrawn = 0 } =
    known.stored.payments.find((payment) => payment.orderKey === orderKey) ?? {};
  assert.equal(refundable - overdrawn, captured - refunded - lost);
}

/** What is reserved is what was sold, or is gone with its parcel. */
function assertPieces(row: Row, { stored }: Known): void {
  const reservationOf = (key: string) =>
    stored.reservations.find(({ orderKey, status }) => orderKey === key && status === 'reserved');
  const left = row.state === 'closed' ? linesLeft(row.lines, row.cancelledLines) : [];
  const lost = row.cancelledLines.filter((line) => line.lost && row.cancellation === null);
  const kept = [...left, ...lost.flatMap(({ line }) => row.lines[line - 1] ?? [])];
  assert.deepEqual(bySku(reservationOf(row.workflowId)?.pieces ?? []), bySku(kept), 'reserved');
  for (const { shipmentId, status } of row.shipments) {
    const isReplaced = reservationOf(`${row.workflowId}/parcel/${shipmentId}`) !== undefined;
    assert.equal(isReplaced, status === 'replaced', `parcel ${shipmentId}`);
  }
}

function assertParcels(row: Row, { provider }: Known): void {
  const { shipments, state, cancellation } = row;
  const delivered = shipments.filter(({ status }) => status === 'delivered');
  // What an operator had sent, nobody knows.
  if (delivered.every(({ carrier }) => carrier !== null)) {
    const brought = delivered.flatMap(({ shipmentId }) => {
      const known = provider.ledger.shipments.get(`${row.workflowId}:${shipmentId}`);
      return known?.parcel?.pieces ?? [];
    });
    const due = state === 'closed' ? linesLeft(row.lines, row.cancelledLines) : [];
    // It was lost with what was cancelled, and found.
    const found = row.cancelledLines.filter(
      ({ line, lost }) => lost && delivered.some(({ holds }) => holds?.includes(line)),
    );
    const all = [...due, ...found.flatMap(({ line }) => row.lines[line - 1] ?? [])];
    assert.deepEqual(bySku(brought), bySku(all), 'delivered');
  }
  const statuses = shipments.map(({ status }) => status);
  if (state === 'closed') assert.ok(statuses.includes('delivered'), String(statuses));
  if (cancellation !== null) assert.ok(!statuses.includes('delivered'), String(statuses));
  for (const { shipmentId, status } of shipments) {
    const { status: actual } =
      provider.ledger.shipments.get(`${row.workflowId}:${shipmentId}`) ?? {};
    if (status === 'cancelled') assert.equal(actual, 'cancelled');
    else if (status === 'returned' || status === 'recalled') assert.equal(actual, 'recalled');
  }
}

/** Every event that was taken was decided, once. */
function assertDecided({ result, sent }: Ended): void {
  const decided = result.events.map(({ id }) => id);
  assert.equal(new Set(decided).size, decided.length);
  assert.deepEqual(
    sent.filter(({ id }) => !decided.includes(id)),
    [],
  );
}

/** What the service's own audit has to say of orders and returns that have ended: nothing, if all is well. */
export function auditOf(
  ended: readonly Ended[],
  { stored, ledger }: Known,
): readonly Disagreement[] {
  const orders = ended.map(({ orderKey, result, sent }) =>
    factsOf(
      orderKey,
      result,
      sent.map(({ id }) => id),
    ),
  );
  const returns = ended.flatMap((each) =>
    each.returns.map(({ returnKey, result }) => factsOf(returnKey, result, [])),
  );
  return [
    ...checkOrders(orders, stored, ledger),
    ...checkReturns(returns, stored),
    ...checkStock(stored),
  ];
}

function factsOf<State extends string>(
  workflowId: string,
  { state, events }: { readonly state: State; readonly events: Ended['result']['events'] },
  signalled: readonly string[],
): WorkflowFacts<State> {
  const inbox = { records: events, pending: [], repeats: 0 };
  return { workflowId, running: false, closedAt: 0, state, startedBy: null, inbox, signalled };
}

function bySku(
  pieces: readonly { readonly sku: string; readonly quantity: number }[],
): ReadonlyMap<string, number> {
  const sums = new Map<string, number>();
  for (const { sku, quantity } of pieces) sums.set(sku, (sums.get(sku) ?? 0) + quantity);
  return sums;
}

function sum(amounts: readonly number[]): number {
  return amounts.reduce((total, amount) => total + amount, 0);
}
