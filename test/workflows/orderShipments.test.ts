import assert from 'node:assert/strict';
import { GetCommand } from '@aws-sdk/lib-dynamodb';
import {
  cancelOrder,
  orderWorkflowId,
  resolveOrder,
  resumeOrder,
  type OrderRow,
} from '../../src/contracts/orders.ts';
import type { OrderLine } from '../../src/domain/order.ts';
import { advance } from '../support/clock.ts';
import { event, order, type OrderHandle, type OrderService } from '../support/orderService.ts';
import { eventually } from '../support/servers.ts';
import { CUSTOMER, fulfilling, OPERATOR, stuck, withOrderService } from '../support/orders.ts';

const DAY = 86_400;
/** One parcel of each seller. */
const TWO_SELLERS: OrderLine[] = [
  { sku: 'record', quantity: 1, amount: 2_000, sellerId: 'anna' },
  { sku: 'sleeve', quantity: 3, amount: 500, sellerId: 'bert' },
];

/** One parcel of two lines. */
const ONE_SELLER = TWO_SELLERS.map((line) => ({ ...line, sellerId: 'anna' }));

const statuses = ({ shipments }: OrderRow) => shipments.map(({ status }) => status);

describe("an order's parcels", () => {
  let service: OrderService;
  withOrderService((started) => (service = started));

  const tell = (handle: OrderHandle, type: string, shipmentId = '1') =>
    service.send(handle, event(handle, type, { shipmentId, carrier: 'post' }));
  const cancelLines = (handle: OrderHandle, ...lines: readonly number[]) =>
    handle.executeUpdate(cancelOrder, { args: [{ ...CUSTOMER, lines }] });
  const untilStatuses = (handle: OrderHandle, ...expected: readonly string[]) =>
    service.until(handle, (row) => String(statuses(row)) === String(expected));

  /** The parcel leaves the carrier's depot: from here on it can only be called back. */
  async function collect({ workflowId }: OrderHandle, shipmentId = '1'): Promise<void> {
    assert.ok(await service.provider.collect(`${workflowId}:${shipmentId}`));
  }

  /** What the carrier has a parcel hold. */
  function inParcel({ workflowId }: OrderHandle, shipmentId: string) {
    const known = service.provider.ledger.shipments.get(`${workflowId}:${shipmentId}`);
    return known?.parcel?.pieces;
  }

  /** How many pieces of a SKU are on sale. */
  async function availableOf(sku: string): Promise<unknown> {
    const { Item } = await service.table.send(
      new GetCommand({ TableName: service.outputs.StockTable, Key: { key: `SKU#${sku}` } }),
    );
    return Item?.['available'];
  }

  /** Captured and refunded are what the row says, and every piece is somewhere. */
  async function assertAddsUp(handle: OrderHandle, captured: number, refunded: number) {
    const found = await service.look(handle);
    assert.deepEqual([found.captured, found.refunded], [captured, refunded]);
    const { payment } = found.row ?? assert.fail('no row');
    assert.deepEqual([payment.captured, payment.refunded], [captured, refunded]);
    await service.assertStock();
    return found;
  }

  it('are sent by each seller, and are over with the last of them', async () => {
    const handle = await service.place({ lines: TWO_SELLERS });
    const { shipments } = await service.until(handle, fulfilling);
    assert.deepEqual(
      shipments.map(({ sellerId, lines, status, carrier, trackingNumber }) => [
        sellerId,
        lines,
        status,
        carrier !== null && trackingNumber !== null,
      ]),
      [
        ['anna', [1], 'booked', true],
        ['bert', [2], 'booked', true],
      ],
    );
    await tell(handle, 'ShipmentDelivered', '2');
    await untilStatuses(handle, 'booked', 'delivered');
    await tell(handle, 'ShipmentDispatched', '1');
    await tell(handle, 'ShipmentDispatched', '2');
    await tell(handle, 'ShipmentDelivered', '1');
    assert.equal((await handle.result()).state, 'closed');
    await assertAddsUp(handle, 2_500, 0);
    await service.record(handle, 'two-parcels');
  });

  it('are each booked once, whatever the carrier answers (FAULTS 18, 22)', async () => {
    service.provider.failOnce({ on: /PUT .*shipments/, answer: 'cut' });
    const handle = await service.place();
    const { shipments } = await service.until(handle, fulfilling);
    const reference = `${handle.workflowId}:1`;
    const asked = service.provider.requests.filter(
      (line) => line.startsWith('PUT ') && line.includes(encodeURIComponent(reference)),
    );
    assert.equal(asked.length, 2);
    const { label } = service.provider.ledger.shipments.get(reference) ?? {};
    assert.equal(shipments[0]?.trackingNumber, label?.trackingNumber ?? assert.fail('no label'));
    await service.deliver(handle);
    assert.equal((await handle.result()).state, 'closed');
  });

  it('ask for an operator where the carrier refuses one, and go on when it was mended by hand', async () => {
    const [first = assert.fail()] = TWO_SELLERS;
    const handle = await service.place({ lines: [{ ...first, sellerId: 'refused-1' }] });
    const waiting = await service.until(handle, stuck);
    assert.deepEqual([waiting.state, waiting.reason], ['needs-operator', 'book-shipment-failed']);
    await handle.executeUpdate(resumeOrder, { args: [OPERATOR] });
    const failures = ({ timeline }: OrderRow) =>
      timeline.filter(({ name }) => name === 'book-shipment').length;
    await eventually(async () => {
      const { row } = await service.look(handle);
      return row && failures(row) === 2 && stuck(row);
    });
    const reason = 'sent with another carrier';
    const answer = await handle.executeUpdate(resolveOrder, { args: [{ ...OPERATOR, reason }] });
    assert.equal(answer.accepted, true);
    await service.until(handle, fulfilling);
    await service.deliver(handle);
    assert.equal((await handle.result()).state, 'closed');
    const { row } = await service.look(handle);
    assert.ok(row?.timeline.some((each) => each.name === 'resolve' && each.reason === reason));
    await service.record(handle, 'parcel-sent-by-hand');
  });

  it('are called back where nothing is left of them, and the others go on', async () => {
    const handle = await service.place({ lines: TWO_SELLERS });
    await service.until(handle, fulfilling);
    await tell(handle, 'ShipmentDispatched', '1');
    await untilStatuses(handle, 'dispatched', 'booked');
    const late = await cancelLines(handle, 1);
    assert.equal(!late.accepted && late.reason, 'already-dispatched');
    assert.equal((await cancelLines(handle, 2)).accepted, true);
    await untilStatuses(handle, 'dispatched', 'cancelled');
    await tell(handle, 'ShipmentDelivered', '1');
    assert.equal((await handle.result()).state, 'closed');
    const { pieces } = await assertAddsUp(handle, 2_500, 500);
    assert.deepEqual(pieces, { record: 1 });
    await service.record(handle, 'parcel-cancelled');
  });

  it('are called back where a line of one is cancelled, and what is left is sent in another', async () => {
    const handle = await service.place({ lines: ONE_SELLER });
    await service.until(handle, fulfilling);
    assert.equal((await cancelLines(handle, 2)).accepted, true);
    const row = await untilStatuses(handle, 'cancelled', 'booked');
    assert.deepEqual(row.shipments[1]?.lines, [1]);
    assert.deepEqual(inParcel(handle, '2'), [{ sku: 'record', quantity: 1 }]);
    await tell(handle, 'ShipmentDelivered', '2');
    assert.equal((await handle.result()).state, 'closed');
    const { pieces } = await assertAddsUp(handle, 2_500, 500);
    assert.deepEqual(pieces, { record: 1 });
    await service.record(handle, 'parcel-in-part-cancelled');
  });

  it('are sent anew once they are back, where they had left', async () => {
    const handle = await service.place({ lines: ONE_SELLER });
    await service.until(handle, fulfilling);
    await collect(handle);
    await cancelLines(handle, 2);
    // It had left: this news of it changes nothing any more.
    await tell(handle, 'ShipmentDispatched', '1');
    const away = await untilStatuses(handle, 'recalled');
    assert.equal(away.payment.refunded, 0);
    // It may be away for days: who reads the row is to see it.
    await eventually(async () => {
      const { row } = await service.look(handle);
      return row && String(statuses(row)) === 'recalled';
    });
    await tell(handle, 'ShipmentReturned', '1');
    await untilStatuses(handle, 'returned', 'booked');
    assert.deepEqual(inParcel(handle, '2'), [{ sku: 'record', quantity: 1 }]);
    await tell(handle, 'ShipmentDelivered', '2');
    assert.equal((await handle.result()).state, 'closed');
    const { pieces } = await assertAddsUp(handle, 2_500, 500);
    assert.deepEqual(pieces, { record: 1 });
    await service.record(handle, 'parcel-in-part-recalled');
  });

  it('are sent once more without what was cancelled where they are lost on their way back', async () => {
    const before = await availableOf('sleeve');
    const handle = await service.place({ lines: ONE_SELLER });
    await service.until(handle, fulfilling);
    await collect(handle);
    await cancelLines(handle, 2);
    await untilStatuses(handle, 'recalled');
    await tell(handle, 'ShipmentLost', '1');
    await untilStatuses(handle, 'replaced', 'booked');
    assert.deepEqual(inParcel(handle, '2'), [{ sku: 'record', quantity: 1 }]);
    await tell(handle, 'ShipmentDelivered', '2');
    assert.equal((await handle.result()).state, 'closed');
    await assertAddsUp(handle, 2_500, 500);
    // Its sleeves are lost with it.
    assert.equal(await availableOf('sleeve'), Number(before) - 3);
    await service.record(handle, 'parcel-in-part-lost');
  });

  it('are sent once more where what was called back for a line never came back', async () => {
    const handle = await service.place({ lines: ONE_SELLER });
    await service.until(handle, fulfilling);
    await collect(handle);
    await cancelLines(handle, 2);
    await untilStatuses(handle, 'recalled');
    await advance(handle, 14 * DAY + 1);
    const row = await service.until(handle, stuck);
    assert.equal(row.reason, 'parcel-not-back');
    const reason = 'the carrier has lost it';
    await handle.executeUpdate(resolveOrder, { args: [{ ...OPERATOR, reason }] });
    await untilStatuses(handle, 'replaced', 'booked');
    await tell(handle, 'ShipmentDelivered', '2');
    assert.equal((await handle.result()).state, 'closed');
    await assertAddsUp(handle, 2_500, 500);
    await service.record(handle, 'parcel-in-part-not-back');
  });

  it('are not given back before they are back', async () => {
    const handle = await service.place({ lines: TWO_SELLERS });
    await service.until(handle, fulfilling);
    await collect(handle, '2');
    await cancelLines(handle, 2);
    await untilStatuses(handle, 'booked', 'recalled');
    await tell(handle, 'ShipmentDelivered', '1');
    const row = await untilStatuses(handle, 'delivered', 'recalled');
    assert.equal(row.payment.refunded, 0);
    await tell(handle, 'ShipmentReturned', '2');
    assert.equal((await handle.result()).state, 'closed');
    const { pieces } = await assertAddsUp(handle, 2_500, 500);
    assert.deepEqual(pieces, { record: 1 });
    await service.record(handle, 'parcel-recalled');
  });

  it('are waited for before the stock of a cancelled order is given back', async () => {
    const handle = await service.place();
    await service.until(handle, fulfilling);
    await collect(handle);
    await handle.executeUpdate(cancelOrder, { args: [CUSTOMER] });
    const row = await service.until(handle, ({ waitingFor }) => waitingFor === 'parcel');
    assert.deepEqual([row.reason, statuses(row)], ['parcel-recalled', ['recalled']]);
    assert.equal((await service.look(handle)).reservation, 'reserved');
    await tell(handle, 'ShipmentDispatched');
    await tell(handle, 'ShipmentReturned');
    const { state, events } = await handle.result();
    assert.equal(state, 'refunded');
    assert.deepEqual(
      events.map(({ outcome }) => outcome),
      ['duplicate', 'applied'],
    );
    const { reservation } = await assertAddsUp(handle, 2_999, 2_999);
    assert.equal(reservation, 'released');
    await service.record(handle, 'cancelled-parcel-came-back');
  });

  it('keep their pieces where they never came back to a cancelled order', async () => {
    const handle = await service.place();
    await service.until(handle, fulfilling);
    await collect(handle);
    await handle.executeUpdate(cancelOrder, { args: [CUSTOMER] });
    await service.until(handle, ({ waitingFor }) => waitingFor === 'parcel');
    await advance(handle, 14 * DAY - 60);
    await service.until(handle, ({ waitingFor }) => waitingFor === 'parcel');
    await advance(handle, 61);
    const row = await service.until(handle, stuck);
    assert.equal(row.reason, 'cancel-shipments-failed');
    const reason = 'written off';
    await handle.executeUpdate(resolveOrder, { args: [{ ...OPERATOR, reason }] });
    assert.equal((await handle.result()).state, 'refunded');
    await assertAddsUp(handle, 2_999, 2_999);
    await service.record(handle, 'cancelled-parcel-written-off');
  });

  it('ask for an operator where one never came back to an order that goes on', async () => {
    const handle = await service.place({ lines: TWO_SELLERS });
    await service.until(handle, fulfilling);
    await collect(handle, '2');
    await cancelLines(handle, 2);
    await untilStatuses(handle, 'booked', 'recalled');
    await tell(handle, 'ShipmentDelivered', '1');
    await untilStatuses(handle, 'delivered', 'recalled');
    await advance(handle, 14 * DAY + 1);
    const row = await service.until(handle, stuck);
    assert.deepEqual([row.state, row.reason], ['needs-operator', 'parcel-not-back']);
    await handle.executeUpdate(resumeOrder, { args: [OPERATOR] });
    await service.until(handle, ({ waitingFor }) => waitingFor === 'delivery');
    await advance(handle, 14 * DAY + 1);
    await service.until(handle, stuck);
    const reason = 'written off';
    await handle.executeUpdate(resolveOrder, { args: [{ ...OPERATOR, reason }] });
    assert.equal((await handle.result()).state, 'closed');
    // The money is given back; the pieces are not on sale, as nobody has them.
    const { pieces } = await assertAddsUp(handle, 2_500, 500);
    assert.deepEqual(pieces, { record: 1, sleeve: 3 });
    await service.record(handle, 'parcel-called-back-written-off');
  });

  it('keep the pieces of a line that was cancelled before all was, and is lost on its way back', async () => {
    const handle = await service.place({ lines: TWO_SELLERS });
    await service.until(handle, fulfilling);
    await collect(handle, '1');
    await cancelLines(handle, 1);
    await untilStatuses(handle, 'recalled', 'booked');
    await handle.executeUpdate(cancelOrder, { args: [CUSTOMER] });
    await service.until(handle, ({ waitingFor }) => waitingFor === 'parcel');
    const stock = await availableOf('record');
    await tell(handle, 'ShipmentLost', '1');
    assert.equal((await handle.result()).state, 'refunded');
    await assertAddsUp(handle, 2_500, 2_500);
    assert.equal(await availableOf('record'), stock);
  });

  it('are not dispatched by news that comes while they are called back (FAULTS 23)', async () => {
    for (const news of ['ShipmentReturned', 'ShipmentLost'] as const) {
      const handle = await service.place({ lines: TWO_SELLERS });
      await service.until(handle, fulfilling);
      await collect(handle, '2');
      // It takes effect, and its answer is known only at the next try.
      service.provider.failOnce({ on: /DELETE .*shipments/, answer: 'cut' });
      await cancelLines(handle, 2);
      await tell(handle, 'ShipmentDispatched', '2');
      await tell(handle, news, '2');
      const after = news === 'ShipmentReturned' ? 'returned' : 'refunded';
      await untilStatuses(handle, 'booked', after);
      await tell(handle, 'ShipmentDelivered', '1');
      const { state, events } = await handle.result();
      assert.equal(state, 'closed');
      assert.deepEqual(
        events.map(({ outcome }) => outcome),
        ['duplicate', 'applied', 'applied'],
      );
      await assertAddsUp(handle, 2_500, 500);
    }
  });

  it('ask for an operator where somebody else has cancelled one that is to be sent', async () => {
    const placed = order();
    const reference = `${orderWorkflowId(placed)}:1`;
    const url = `${service.provider.url}/carrier/shipments/${encodeURIComponent(reference)}`;
    await fetch(url, { method: 'DELETE' });
    const handle = await service.place(placed);
    const row = await service.until(handle, stuck);
    assert.deepEqual([row.reason, statuses(row)], ['shipment-cancelled', ['cancelled']]);
    const reason = 'sent by courier';
    await handle.executeUpdate(resolveOrder, { args: [{ ...OPERATOR, reason }] });
    await service.until(handle, fulfilling);
    await tell(handle, 'ShipmentDelivered', '1');
    assert.equal((await handle.result()).state, 'closed');
    await assertAddsUp(handle, 2_999, 0);
    await service.record(handle, 'parcel-cancelled-by-others');
  });

  it('are sent once more where they are lost', async () => {
    const handle = await service.place();
    await service.until(handle, fulfilling);
    await tell(handle, 'ShipmentDispatched');
    await tell(handle, 'ShipmentLost');
    const row = await untilStatuses(handle, 'replaced', 'booked');
    assert.equal(row.shipments[1]?.replaces, '1');
    await tell(handle, 'ShipmentDelivered', '1');
    await tell(handle, 'ShipmentDelivered', '2');
    const { state, events } = await handle.result();
    assert.equal(state, 'closed');
    assert.equal(events.find(({ reason }) => reason === 'already-replaced')?.outcome, 'refused');
    await assertAddsUp(handle, 2_999, 0);
    await service.record(handle, 'parcel-lost-and-replaced');
  });

  it('are refunded where they are lost, and the policy says so', async () => {
    const handle = await service.place({ lines: TWO_SELLERS }, { onLostParcel: 'refund' });
    await service.until(handle, fulfilling);
    await tell(handle, 'ShipmentLost', '2');
    await untilStatuses(handle, 'booked', 'refunded');
    await tell(handle, 'ShipmentDelivered', '1');
    assert.equal((await handle.result()).state, 'closed');
    await assertAddsUp(handle, 2_500, 500);
    await service.record(handle, 'parcel-lost-and-refunded');
  });

  it('are refunded where they are lost once more, and so is the order of nothing else', async () => {
    const handle = await service.place();
    await service.until(handle, fulfilling);
    await tell(handle, 'ShipmentLost', '1');
    await untilStatuses(handle, 'replaced', 'booked');
    await tell(handle, 'ShipmentLost', '2');
    assert.equal((await handle.result()).state, 'refunded');
    const { row } = await assertAddsUp(handle, 2_999, 2_999);
    assert.equal(row?.reason, 'parcel-lost');
    await service.record(handle, 'parcel-lost-twice');
  });

  it('give nothing back where they are lost of an order that cost nothing', async () => {
    const lines = [{ sku: 'record', quantity: 1, amount: 0, sellerId: 'anna' }];
    const handle = await service.place({ lines }, { onLostParcel: 'refund' });
    await service.until(handle, fulfilling);
    await tell(handle, 'ShipmentLost', '1');
    assert.equal((await handle.result()).state, 'cancelled');
    const { row } = await service.look(handle);
    assert.equal(row?.reason, 'parcel-lost');
    await service.record(handle, 'parcel-lost-of-free-order');
  });

  it('are not lost any more where they are found first', async () => {
    const handle = await service.place();
    await service.until(handle, fulfilling);
    await service.send(
      handle,
      event(handle, 'ShipmentLost', { shipmentId: '1' }),
      event(handle, 'ShipmentDelivered', { shipmentId: '1' }),
    );
    assert.equal((await handle.result()).state, 'closed');
    const { row } = await assertAddsUp(handle, 2_999, 0);
    assert.deepEqual(row && statuses(row), ['delivered']);
  });

  for (const winner of ['the cancellation', 'the parcel'] as const) {
    it(`have one winner where the cancellation of their lines meets them: ${winner} (FAULTS 23)`, async () => {
      const handle = await service.place({ lines: TWO_SELLERS });
      await service.until(handle, fulfilling);
      const cancel = () => cancelLines(handle, 2);
      const leave = () => tell(handle, 'ShipmentDispatched', '2');
      const isSent = winner === 'the parcel';
      for (const deed of isSent ? [leave, cancel] : [cancel, leave]) await deed();
      await untilStatuses(handle, 'booked', isSent ? 'dispatched' : 'cancelled');
      await tell(handle, 'ShipmentDelivered', '2');
      await tell(handle, 'ShipmentDelivered', '1');
      assert.equal((await handle.result()).state, 'closed');
      const { pieces } = await assertAddsUp(handle, 2_500, isSent ? 0 : 500);
      assert.deepEqual(pieces, isSent ? { record: 1, sleeve: 3 } : { record: 1 });
    });
  }

  for (const winner of ['the cancellation', 'the parcel'] as const) {
    it(`have one winner where a cancellation meets them: ${winner} (FAULTS 23)`, async () => {
      const handle = await service.place();
      await service.until(handle, fulfilling);
      const cancel = () => handle.executeUpdate(cancelOrder, { args: [CUSTOMER] });
      const leave = () => tell(handle, 'ShipmentDispatched');
      const deeds = winner === 'the parcel' ? [leave, cancel] : [cancel, leave];
      for (const deed of deeds) await deed();
      await tell(handle, 'ShipmentDelivered');
      const { state } = await handle.result();
      assert.equal(state, winner === 'the parcel' ? 'closed' : 'refunded');
      await assertAddsUp(handle, 2_999, winner === 'the parcel' ? 0 : 2_999);
    });
  }
});
