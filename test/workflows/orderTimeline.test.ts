import assert from 'node:assert/strict';
import { UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { cancelOrder, changePaymentMethod, type OrderRow } from '../../src/contracts/orders.ts';
import { openOrder } from '../../src/domain/order.ts';
import { planShipments, withShipment } from '../../src/domain/shipment.ts';
import { carriedOrder } from '../../src/workflows/carriedOrder.ts';
import { PARCEL, event, type OrderHandle, type OrderService } from '../support/orderService.ts';
import { eventually } from '../support/servers.ts';
import { LINES, CUSTOMER, VISA, fulfilling, withOrderService } from '../support/orders.ts';

/** Each entry in one line. */
function lines({ timeline }: OrderRow): readonly string[] {
  return timeline.map(({ kind, name, outcome, reason }) =>
    [kind, name, outcome, reason].filter(Boolean).join(' '),
  );
}

describe("an order's timeline", () => {
  let service: OrderService;
  withOrderService((started) => (service = started));

  async function storedRow(handle: OrderHandle): Promise<OrderRow> {
    const { row } = await service.look(handle);
    assert.ok(row);
    return row;
  }

  it('tells each state, step, event and command, in one count', async () => {
    const handle = await service.place();
    await service.until(handle, fulfilling);
    await handle.executeUpdate(changePaymentMethod, { args: [VISA] });
    const dispatched = event(handle, 'ShipmentDispatched', PARCEL);
    await service.send(handle, dispatched);
    await service.until(handle, ({ state }) => state === 'shipped');
    await service.send(handle, { ...dispatched, id: 'the-same-again' });
    await service.send(handle, { id: 'poison', type: 'ShipmentDelivered', data: null });
    await service.send(handle, event(handle, 'ShipmentDelivered', PARCEL));
    await handle.result();
    const row = await storedRow(handle);
    assert.deepEqual(lines(row), [
      'state received',
      'step screen approve',
      'state reserving',
      'step reserve-stock reserved',
      'state awaiting-payment',
      'step authorise-payment captured',
      'state paid',
      'step book-shipment booked',
      'state fulfilling',
      'command change-payment-method refused already-paid',
      'event ShipmentDispatched applied',
      'state shipped',
      'event ShipmentDispatched duplicate already-dispatched',
      'event ShipmentDelivered refused handler-failed',
      'event ShipmentDelivered applied',
      'state delivered',
      'state closed',
    ]);
    assert.deepEqual(
      row.timeline.map(({ n }) => n),
      row.timeline.map((_, index) => index + 1),
    );
    assert.equal(row.revision, row.timeline.length);
    for (const { kind, took } of row.timeline) {
      assert.equal(typeof took === 'number' && took >= 0, kind === 'step');
    }
    const by = row.timeline.flatMap((entry) => entry.by ?? []);
    assert.deepEqual(by.slice(0, 4), ['customer:c-1', dispatched.id, 'the-same-again', 'poison']);
    const { startTime } = await handle.describe();
    assert.equal(row.placedAt, startTime.toISOString());
    await service.record(handle, 'order-captured-at-once');
  });

  it('tells how an order was undone', async () => {
    const handle = await service.place();
    await service.until(handle, fulfilling);
    await handle.executeUpdate(cancelOrder, { args: [CUSTOMER] });
    await handle.result();
    assert.deepEqual(lines(await storedRow(handle)).slice(-5), [
      'command cancel applied',
      'step cancel-shipment cancelled',
      'step return-payment refunded',
      'step release-stock done',
      'state refunded changed-my-mind',
    ]);
  });

  it('is in the stored row as soon as a command is decided', async () => {
    const handle = await service.place();
    await service.until(handle, fulfilling);
    await handle.executeUpdate(changePaymentMethod, { args: [VISA] });
    const row = await eventually(async () => {
      const stored = await storedRow(handle);
      return stored.timeline.at(-1)?.kind === 'command' && stored;
    });
    assert.equal(row.state, 'fulfilling');
    await handle.executeUpdate(cancelOrder, { args: [CUSTOMER] });
    await handle.result();
  });

  it('is in the stored row as soon as an event is decided, though the order stays as it is', async () => {
    const handle = await service.place();
    await service.until(handle, fulfilling);
    await service.send(handle, event(handle, 'PaymentMethodUpdated', VISA));
    const row = await eventually(async () => {
      const stored = await storedRow(handle);
      return lines(stored).at(-1) === 'event PaymentMethodUpdated refused already-paid' && stored;
    });
    assert.equal(row.state, 'fulfilling');
    await handle.executeUpdate(cancelOrder, { args: [CUSTOMER] });
    await handle.result();
    await service.record(handle, 'order-event-told');
  });

  it('tells what only confirms what is known together with what comes next', async () => {
    const handle = await service.place();
    const { payment, total } = await service.until(handle, fulfilling);
    const captured = { paymentIntentId: payment.intentId, ...total };
    await service.send(handle, event(handle, 'PaymentCaptured', captured));
    await service.until(handle, (row) => row.payment.confirmedByProvider);
    await service.deliver(handle);
    await handle.result();
    const row = await storedRow(handle);
    assert.equal(row.payment.confirmedByProvider, true);
    const { events } = await handle.fetchHistory();
    const announcements = (events ?? []).filter(
      (each) => each.activityTaskScheduledEventAttributes?.activityType?.name === 'announceOrder',
    );
    // That it waits for its parcel, that this left and arrived, and that all is over: at the most one each.
    assert.ok(announcements.length <= 3, `${announcements.length} announcements`);
  });

  it('is in the stored row to the last event, when the order has ended', async () => {
    const handle = await service.place({ customerId: 'doubtful-1' });
    const { claimedBy } = await eventually(async () => {
      const { row } = await service.look(handle);
      return row?.state === 'on-review' && row;
    });
    const claim = (owner: string) =>
      service.table.send(
        new UpdateCommand({
          TableName: service.outputs.OrdersTable,
          Key: { orderKey: handle.workflowId },
          UpdateExpression: 'SET claimedBy = :owner',
          ExpressionAttributeValues: { ':owner': owner },
        }),
      );
    // While the row is somebody else's, the announcement of the end is tried again and again, as it was sent out.
    await claim('somebody');
    await service.send(handle, event(handle, 'OrderCancelled', CUSTOMER));
    await service.until(handle, (row) => row.state === 'cancelled');
    await service.send(handle, event(handle, 'PaymentMethodUpdated', VISA));
    const late = 'event PaymentMethodUpdated refused order-cancelled';
    await service.until(handle, (row) => lines(row).at(-1) === late);
    await claim(claimedBy);
    await handle.result();
    assert.equal(lines(await storedRow(handle)).at(-1), late);
    await service.record(handle, 'order-late-event-told');
  });

  it('goes on counting in a new run', async () => {
    const entry = { kind: 'state', outcome: null, reason: null, by: null, took: null } as const;
    const handle = await service.place(
      {},
      {},
      {
        order: {
          ...openOrder({ amount: 0, currency: 'USD' }, null),
          state: 'fulfilling',
          waitingFor: 'dispatch',
          shipments: withShipment(planShipments(LINES, []), '1', { status: 'booked' }),
        },
        ledger: ['release-stock', 'cancel-shipments'],
        reason: null,
        version: 7,
        inbox: { pending: [], records: [], repeats: 0 },
        timeline: [{ ...entry, n: 41, at: '2026-01-01T00:00:00.000Z', name: 'fulfilling' }],
        placedAt: '2025-12-31T23:59:00.000Z',
      },
    );
    await service.send(handle, event(handle, 'ShipmentDelivered', PARCEL));
    await handle.result();
    const row = await storedRow(handle);
    assert.deepEqual(
      row.timeline.map(({ n, name }) => `${n} ${name}`),
      ['41 fulfilling', '42 ShipmentDelivered', '43 shipped', '44 delivered', '45 closed'],
    );
    assert.deepEqual([row.revision, row.placedAt], [45, '2025-12-31T23:59:00.000Z']);
    await service.record(handle, 'order-timeline-carried');
  });
});

describe('an order that was carried over before lines could be cancelled', () => {
  const order = openOrder({ amount: 2_500, currency: 'USD' }, 'pm_card_visa');

  function older(payment: Partial<typeof order.payment>) {
    const { cancelledLines: _, review: __, ...rest } = order;
    const { captured: ___, ...paid } = { ...order.payment, ...payment };
    return carriedOrder({ ...rest, payment: paid });
  }

  it('had captured the whole, or nothing', () => {
    assert.deepEqual(older({}), order);
    assert.equal(older({ status: 'captured' }).payment.captured, 2_500);
    assert.equal(older({ status: 'returned', refunded: 2_500 }).payment.captured, 2_500);
    assert.equal(older({ status: 'returned' }).payment.captured, 0);
  });

  it('is as it was where it lacks nothing', () => {
    const cancelledLines = [{ line: 1, step: 1, settled: true, ...CUSTOMER }];
    const part = { ...order.payment, status: 'captured', captured: 2_000 } as const;
    const newer = { ...order, cancelledLines, payment: part };
    assert.deepEqual(carriedOrder(newer), newer);
  });
});
