import assert from 'node:assert/strict';
import { PutCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { WithStartWorkflowOperation } from '@temporalio/client';
import {
  awaitPayment,
  cancelOrder,
  orderQuery,
  orderWorkflow,
  orderWorkflowId,
  resumeOrder,
  type OrderRow,
} from '../../src/contracts/orders.ts';
import { DEFAULT_POLICY } from '../../src/domain/policy.ts';
import {
  PARCEL,
  event,
  order,
  type OrderHandle,
  type OrderService,
} from '../support/orderService.ts';
import { eventually } from '../support/servers.ts';
import {
  SOFT_DECLINE,
  CUSTOMER,
  LINES,
  fulfilling,
  declined,
  stuck,
  withOrderService,
} from '../support/orders.ts';

const settled = ({ cancelledLines }: OrderRow) => cancelledLines.every((line) => line.settled);

/** The steps of this kind in the timeline, with what came of them. */
function steps({ timeline }: OrderRow, ...names: readonly string[]): readonly string[] {
  return timeline
    .filter(({ kind, name }) => kind === 'step' && names.includes(name))
    .map(({ name, outcome }) => `${name} ${outcome}`);
}

describe('cancelling lines of an order', () => {
  let service: OrderService;
  withOrderService((started) => (service = started));

  const cancel = (handle: OrderHandle, ...lines: readonly number[]) =>
    handle.executeUpdate(cancelOrder, { args: [{ ...CUSTOMER, lines }] });

  /** What is captured and refunded at the provider is what the row says, and every piece is somewhere. */
  async function assertMoney(
    handle: OrderHandle,
    expected: { captured: number; refunded: number },
  ): Promise<Awaited<ReturnType<OrderService['look']>>> {
    const looked = await service.look(handle);
    const { row, captured, refunded } = looked;
    assert.deepEqual({ captured, refunded }, expected);
    assert.deepEqual(
      { captured: row?.payment.captured, refunded: row?.payment.refunded },
      expected,
      'the row',
    );
    assert.ok(row && settled(row));
    await service.assertStock();
    return looked;
  }

  it('gives back stock and money, and the rest is delivered', async () => {
    const handle = await service.place({ lines: LINES });
    const { version } = await service.until(handle, fulfilling);
    const answer = await cancel(handle, 2);
    assert.deepEqual(answer, { accepted: true, state: 'fulfilling' });
    // It was done before, which is as good.
    assert.equal((await cancel(handle, 2)).accepted, true);
    const row = await service.until(handle, settled);
    assert.deepEqual(steps(row, 'release-lines', 'refund-lines'), [
      'release-lines done',
      'refund-lines done',
    ]);
    assert.equal(row.state, 'fulfilling');
    // Whoever may have packed it is told, once.
    assert.equal(row.version, version + 1);
    // The stored row follows though the order stays in its state.
    await eventually(async () => {
      const stored = (await service.look(handle)).row;
      return stored && settled(stored) && stored.cancelledLines.length === 1;
    });
    await cancel(handle, 1);
    await service.until(handle, (row) => row.cancelledLines.length === 2 && settled(row));
    await service.deliver(handle);
    assert.equal((await handle.result()).state, 'closed');
    const { pieces, row: stored } = await assertMoney(handle, { captured: 8_500, refunded: 3_499 });
    assert.deepEqual(pieces, { record: 2 });
    assert.equal(stored?.total.amount, 8_500);
    await service.record(handle, 'order-lines-cancelled');
  });

  it('gives back the rest, to the cent, when all is cancelled after that', async () => {
    const handle = await service.place({ lines: LINES });
    await service.until(handle, fulfilling);
    await cancel(handle, 2);
    await service.until(handle, settled);
    // All that are left are the whole order.
    assert.equal((await cancel(handle, 1, 3)).accepted, true);
    assert.equal((await handle.result()).state, 'refunded');
    const { reservation, row } = await assertMoney(handle, { captured: 8_500, refunded: 8_500 });
    assert.equal(reservation, 'released');
    assert.deepEqual(row?.cancellation, CUSTOMER);
    await service.record(handle, 'order-lines-then-all');
  });

  it('gives back the rest when all is cancelled at the same time', async () => {
    const handle = await service.place({ lines: LINES });
    await service.until(handle, fulfilling);
    await Promise.all([cancel(handle, 2), handle.executeUpdate(cancelOrder, { args: [CUSTOMER] })]);
    assert.equal((await handle.result()).state, 'refunded');
    await assertMoney(handle, { captured: 8_500, refunded: 8_500 });
  });

  it('captures only what is left when a line is given up before', async () => {
    const handle = await service.place({ lines: LINES, paymentMethod: SOFT_DECLINE });
    await service.until(handle, declined);
    await cancel(handle, 3);
    const row = await service.until(handle, settled);
    assert.deepEqual([row.state, row.waitingFor], ['awaiting-payment', 'payment-method']);
    const method = { paymentMethod: 'pm_card_visa' };
    await service.send(handle, event(handle, 'PaymentMethodUpdated', method));
    const paid = await service.until(handle, fulfilling);
    const captured = {
      paymentIntentId: paid.payment.intentId,
      amount: 3_499,
      currency: 'USD',
    };
    await service.send(handle, event(handle, 'PaymentCaptured', captured));
    await service.deliver(handle);
    const { state, events } = await handle.result();
    assert.equal(state, 'closed');
    assert.ok(events.every(({ outcome }) => outcome === 'applied'));
    const { pieces } = await assertMoney(handle, { captured: 3_499, refunded: 0 });
    assert.deepEqual(pieces, { record: 1, sleeve: 3 });
    await service.record(handle, 'order-lines-before-capture');
  });

  it('refunds no more than was captured when all is cancelled after that', async () => {
    const handle = await service.place({ lines: LINES, paymentMethod: SOFT_DECLINE });
    await service.until(handle, declined);
    await cancel(handle, 3);
    const method = { paymentMethod: 'pm_card_visa' };
    await service.send(handle, event(handle, 'PaymentMethodUpdated', method));
    await service.until(handle, fulfilling);
    await cancel(handle, 2);
    await service.until(handle, settled);
    await handle.executeUpdate(cancelOrder, { args: [CUSTOMER] });
    assert.equal((await handle.result()).state, 'refunded');
    await assertMoney(handle, { captured: 3_499, refunded: 3_499 });
  });

  it('reserves only what is left when a line is given up before', async () => {
    const handle = await service.place({ lines: LINES, customerId: 'doubtful-1' });
    await service.until(handle, (row) => row.waitingFor === 'review');
    await cancel(handle, 1, 2);
    assert.ok(settled(await handle.query(orderQuery)));
    const approval = { decision: 'approve', reason: 'known', requestedBy: 'staff:ana' };
    await handle.executeUpdate('waybill.decide-review', { args: [approval] });
    await service.until(handle, fulfilling);
    await service.deliver(handle);
    assert.equal((await handle.result()).state, 'closed');
    const { pieces } = await assertMoney(handle, { captured: 5_001, refunded: 0 });
    assert.deepEqual(pieces, { record: 2 });
    await service.record(handle, 'order-lines-on-review');
  });

  it('releases what was being reserved when a line was given up', async () => {
    const placed = order({ lines: LINES });
    const { reviewWithinSeconds: _, ...policy } = DEFAULT_POLICY;
    const start = new WithStartWorkflowOperation(orderWorkflow.workflowType, {
      taskQueue: orderWorkflow.taskQueue,
      workflowId: orderWorkflowId(placed),
      args: [{ placed, policy }],
      workflowIdConflictPolicy: 'FAIL',
    });
    // It is answered as soon as the order is claimed, which is when the stock is asked for.
    const answer = await service.client.workflow.executeUpdateWithStart(cancelOrder, {
      args: [{ ...CUSTOMER, lines: [2] }],
      startWorkflowOperation: start,
    });
    assert.deepEqual(answer, { accepted: true, state: 'reserving' });
    const handle = (await start.workflowHandle()) as OrderHandle;
    const row = await service.until(handle, fulfilling);
    assert.deepEqual(steps(row, 'reserve-stock', 'release-lines', 'refund-lines'), [
      'reserve-stock reserved',
      'release-lines done',
    ]);
    await service.deliver(handle);
    assert.equal((await handle.result()).state, 'closed');
    const { pieces } = await assertMoney(handle, { captured: 8_000, refunded: 0 });
    assert.deepEqual(pieces, { record: 3 });
    await service.record(handle, 'order-lines-while-reserving');
  });

  for (const [during, path] of [
    ['authorised', /confirm/],
    ['captured', /capture/],
  ] as const) {
    it(`adds up when a line is given up while the payment is being ${during}`, async () => {
      const { promise: after, resolve: answer } = Promise.withResolvers<void>();
      service.provider.failOnce({ on: new RegExp(`POST .*${path.source}`), after });
      const asked = service.provider.requests.length;
      const handle = await service.place({ lines: LINES });
      await eventually(() =>
        Promise.resolve(service.provider.requests.slice(asked).some((line) => path.test(line))),
      );
      assert.equal((await cancel(handle, 2)).accepted, true);
      answer();
      const row = await service.until(handle, (now) => fulfilling(now) && settled(now));
      // What is confirmed is the order's total whatever becomes of its lines.
      assert.equal(row.total.amount, 8_500);
      await service.deliver(handle);
      assert.equal((await handle.result()).state, 'closed');
      // One step does both, so what was given up meanwhile is taken, and given back.
      const { pieces } = await assertMoney(handle, { captured: 8_500, refunded: 500 });
      assert.deepEqual(pieces, { record: 3 });
      await service.record(handle, `order-lines-while-${during}-at-once`);
    });
  }

  it('adds up when all is cancelled while a part is being captured', async () => {
    const { promise: after, resolve: answer } = Promise.withResolvers<void>();
    const handle = await service.place({ lines: LINES, paymentMethod: SOFT_DECLINE });
    await service.until(handle, declined);
    await cancel(handle, 2);
    await service.until(handle, settled);
    service.provider.failOnce({ on: /POST .*capture/, after });
    const asked = service.provider.requests.length;
    const method = { paymentMethod: 'pm_card_visa' };
    await service.send(handle, event(handle, 'PaymentMethodUpdated', method));
    await eventually(() =>
      Promise.resolve(service.provider.requests.slice(asked).some((line) => /capture/.test(line))),
    );
    await handle.executeUpdate(cancelOrder, { args: [CUSTOMER] });
    answer();
    assert.equal((await handle.result()).state, 'refunded');
    await assertMoney(handle, { captured: 8_000, refunded: 8_000 });
    await service.record(handle, 'order-lines-then-all-while-captured');
  });

  it('adds up when all is cancelled while a line is being refunded', async () => {
    const handle = await service.place({ lines: LINES });
    await service.until(handle, fulfilling);
    const { promise: after, resolve: answer } = Promise.withResolvers<void>();
    service.provider.failOnce({ on: /POST .*refunds/, after, answer: 'cut' });
    const asked = service.provider.requests.length;
    await cancel(handle, 2);
    await eventually(() =>
      Promise.resolve(service.provider.requests.slice(asked).some((line) => /POST/.test(line))),
    );
    // The refund takes effect, and its answer is lost.
    await handle.executeUpdate(cancelOrder, { args: [CUSTOMER] });
    answer();
    assert.equal((await handle.result()).state, 'refunded');
    const { row } = await assertMoney(handle, { captured: 8_500, refunded: 8_500 });
    assert.ok(
      row && steps(row, 'refund-lines', 'return-payment').includes('return-payment refunded'),
    );
    await service.record(handle, 'order-lines-then-all-while-refunded');
  });

  it('gives back what was given up before the parcel left, however close', async () => {
    const handle = await service.place({ lines: LINES });
    await service.until(handle, fulfilling);
    const [answer] = await Promise.all([cancel(handle, 2), service.deliver(handle)]);
    if (answer.accepted) {
      // What is left goes in another parcel.
      await service.until(handle, ({ shipments }) => shipments[1]?.status === 'booked');
      await service.deliver(handle);
    }
    assert.equal((await handle.result()).state, 'closed');
    await assertMoney(handle, { captured: 8_500, refunded: answer.accepted ? 500 : 0 });
    if (!answer.accepted) assert.equal(answer.wonBy?.what, 'ShipmentDispatched');
  });

  it('refuses what cannot be', async () => {
    const lines = [...LINES, { sku: 'sleeve', quantity: 1, amount: 0, sellerId: 'seller-1' }];
    const handle = await service.place({ lines });
    await service.until(handle, fulfilling);
    const refused = async (...numbers: number[]) => {
      const answer = await cancel(handle, ...numbers);
      assert.ok(!answer.accepted);
      return answer;
    };
    assert.equal((await refused(5)).reason, 'unknown-line');
    assert.equal((await refused(1, 2, 3)).reason, 'only-free-lines-left');
    const dispatched = event(handle, 'ShipmentDispatched', PARCEL);
    await service.send(handle, dispatched);
    await service.until(handle, (row) => row.state === 'shipped');
    const late = await refused(2);
    assert.equal(late.reason, 'already-dispatched');
    assert.deepEqual([late.wonBy?.what, late.wonBy?.by], ['ShipmentDispatched', dispatched.id]);
    await service.send(handle, event(handle, 'ShipmentDelivered', PARCEL));
    assert.equal((await handle.result()).state, 'closed');
    await assertMoney(handle, { captured: 8_500, refunded: 0 });
  });

  /** A refund fails where the payment's row says that nothing is left to refund. */
  async function setRefundable(handle: OrderHandle, refundable: number): Promise<void> {
    await service.table.send(
      new UpdateCommand({
        TableName: service.outputs.PaymentsTable,
        Key: { orderKey: handle.workflowId, entry: 'PAYMENT' },
        UpdateExpression: 'SET refundable = :refundable',
        ExpressionAttributeValues: { ':refundable': refundable },
      }),
    );
  }

  it('asks for an operator when the refund keeps failing, and then goes on', async () => {
    const handle = await service.place({ lines: LINES }, { compensationRetrySeconds: 2 });
    await service.until(handle, fulfilling);
    await setRefundable(handle, 0);
    await cancel(handle, 2);
    const row = await service.until(handle, stuck);
    assert.deepEqual([row.state, row.reason], ['needs-operator', 'refund-lines-failed']);
    assert.deepEqual(steps(row, 'release-lines', 'refund-lines'), [
      'release-lines done',
      'refund-lines failed',
    ]);
    assert.equal((await handle.executeUpdate(awaitPayment)).outcome, 'paid');
    // What is left of its parcel may leave meanwhile, and decides about what follows.
    const left = { ...PARCEL, shipmentId: '2' };
    await service.send(handle, event(handle, 'ShipmentDispatched', left));
    const late = await cancel(handle, 1);
    assert.ok(!late.accepted);
    assert.deepEqual([late.reason, late.wonBy?.what], ['already-dispatched', 'ShipmentDispatched']);

    await setRefundable(handle, 8_500);
    const answer = await handle.executeUpdate(resumeOrder, {
      args: [{ requestedBy: 'staff:ana' }],
    });
    assert.equal(answer.accepted, true);
    await service.send(handle, event(handle, 'ShipmentDelivered', left));
    assert.equal((await handle.result()).state, 'closed');
    await assertMoney(handle, { captured: 8_500, refunded: 500 });
    await service.record(handle, 'order-lines-needs-operator');
  });

  it('can be cancelled as a whole while an operator is needed', async () => {
    const handle = await service.place({ lines: LINES }, { compensationRetrySeconds: 2 });
    await service.until(handle, fulfilling);
    await setRefundable(handle, 0);
    await cancel(handle, 2);
    await service.until(handle, stuck);
    await setRefundable(handle, 8_500);
    assert.equal((await handle.executeUpdate(cancelOrder, { args: [CUSTOMER] })).accepted, true);
    assert.equal((await handle.result()).state, 'refunded');
    await assertMoney(handle, { captured: 8_500, refunded: 8_500 });
    await service.record(handle, 'order-lines-needs-operator-then-all');
  });

  it('asks for an operator when the stock cannot be given back, and then goes on', async () => {
    const handle = await service.place({ lines: LINES }, { compensationRetrySeconds: 2 });
    await service.until(handle, fulfilling);
    const reserve = (pieces: readonly object[]) =>
      service.table.send(
        new PutCommand({
          TableName: service.outputs.StockTable,
          Item: { key: `RESERVATION#${handle.workflowId}`, status: 'reserved', pieces },
        }),
      );
    await reserve([{ sku: 'sleeve', quantity: 1 }]);
    await cancel(handle, 2);
    const row = await service.until(handle, stuck);
    assert.equal(row.reason, 'release-lines-failed');
    await reserve([
      { sku: 'record', quantity: 3 },
      { sku: 'sleeve', quantity: 3 },
    ]);
    await handle.executeUpdate(resumeOrder, { args: [{ requestedBy: 'staff:ana' }] });
    await service.until(handle, (now) => fulfilling(now) && settled(now));
    await service.deliver(handle);
    assert.equal((await handle.result()).state, 'closed');
    const { pieces } = await assertMoney(handle, { captured: 8_500, refunded: 500 });
    assert.deepEqual(pieces, { record: 3 });
  });
});
