import assert from 'node:assert/strict';
import fc from 'fast-check';
import { openOrder, type Decision, type Order, type OrderLine } from '../../src/domain/order.ts';
import {
  decideDelivered,
  decideDispatched,
  decideLost,
  decideReturned,
  isAllLost,
  isDelivered,
  isDispatched,
  isParcelKnown,
  nextParcelWork,
  parcelNotices,
  planShipments,
  sendAnew,
  strandedParcel,
  withReplacement,
  withShipment,
  type Shipment,
  type ShipmentStatus,
} from '../../src/domain/shipment.ts';

const LINES: readonly OrderLine[] = [
  { sku: 'mug', quantity: 1, amount: 100, sellerId: 'anna' },
  { sku: 'cap', quantity: 2, amount: 200, sellerId: 'bert' },
  { sku: 'pin', quantity: 3, amount: 300, sellerId: 'anna' },
];
const CUSTOMER = { reason: 'changed-my-mind', requestedBy: 'customer' };
const PLANNED = planShipments(LINES, []);

function orderWith(shipments: readonly Shipment[], change: Partial<Order> = {}): Order {
  return { ...openOrder({ amount: 600, currency: 'USD' }, 'pm'), shipments, ...change };
}

/** An order of one parcel in this status. */
function orderIn(status: ShipmentStatus, change: Partial<Order> = {}): Order {
  return orderWith(withShipment(PLANNED.slice(0, 1), '1', { status }), change);
}

function cancelledLine(line: number) {
  return { line, step: 1, settled: false, ...CUSTOMER };
}

function statusAfter(decision: Decision): ShipmentStatus | undefined {
  assert.equal(decision.outcome, 'applied');
  return decision.outcome === 'applied' ? decision.order.shipments[0]?.status : undefined;
}

describe('the parcels of an order', () => {
  it('are one for each seller, with the lines that go on', () => {
    assert.deepEqual(
      PLANNED.map(({ shipmentId, sellerId, lines }) => [shipmentId, sellerId, lines]),
      [
        ['1', 'anna', [1, 3]],
        ['2', 'bert', [2]],
      ],
    );
    const left = planShipments(LINES, [{ line: 2 }, { line: 3 }]);
    assert.deepEqual(
      left.map(({ sellerId, lines }) => [sellerId, lines]),
      [['anna', [1]]],
    );
  });

  it('are stranded where somebody cancelled them at the carrier before, unless nothing is left for them', () => {
    const cancelled = withShipment(PLANNED.slice(0, 1), '1', { status: 'cancelled' });
    assert.equal(strandedParcel(PLANNED, []), undefined);
    assert.equal(strandedParcel(cancelled, [])?.shipmentId, '1');
    assert.equal(strandedParcel(cancelled, [{ line: 1 }])?.shipmentId, '1');
    assert.equal(strandedParcel(cancelled, [{ line: 1 }, { line: 3 }]), undefined);
    assert.equal(strandedParcel(withShipment(cancelled, '1', { holds: [1, 3] }), []), undefined);
  });

  it('are booked, called back once nothing is left of them, and made good where they are lost', () => {
    const to = (shipments: readonly Shipment[], ...lines: readonly number[]) => {
      const work = nextParcelWork(
        shipments,
        lines.map((line) => ({ line })),
      );
      return work && [work.to, work.shipment.shipmentId];
    };
    assert.deepEqual(to(PLANNED), ['book', '1']);
    const booked = withShipment(PLANNED, '1', { status: 'booked' });
    assert.deepEqual(to(booked), ['book', '2']);
    assert.deepEqual(to(booked, 1), ['book', '2']);
    assert.deepEqual(to(booked, 1, 3), ['cancel', '1']);
    assert.deepEqual(to(withShipment(booked, '2', { status: 'lost' })), ['make-good', '2']);
    const both = withShipment(booked, '2', { status: 'booked' });
    assert.equal(to(both), null);
    for (const status of ['dispatched', 'delivered', 'recalled', 'cancelled'] as const) {
      assert.equal(to(withShipment(both, '1', { status }), 1, 3), null, status);
    }
  });

  it('are called back where a part of what was booked is cancelled, and the rest is sent in another', () => {
    const booked = withShipment(PLANNED.slice(0, 1), '1', { status: 'booked', holds: [1, 3] });
    const cancelled = [{ line: 3 }];
    const work = (shipments: readonly Shipment[], lines = cancelled) =>
      nextParcelWork(shipments, lines)?.to;
    assert.equal(work(booked), 'cancel');
    assert.equal(work(withShipment(booked, '1', { holds: [1] })), undefined);
    assert.equal(work(withShipment(booked, '1', { status: 'dispatched' })), undefined);
    assert.equal(work(withShipment(booked, '1', { status: 'recalled' })), undefined);
    for (const status of ['cancelled', 'returned'] as const) {
      const back = withShipment(booked, '1', { status });
      assert.equal(work(back), 'send-anew', status);
      assert.equal(work(back, [{ line: 1 }, { line: 3 }]), undefined, status);
      const order = orderWith(back, { cancelledLines: [cancelledLine(3)], parcelUntil: 7 });
      const { shipments, parcelUntil } = sendAnew(order, back[0] as Shipment);
      assert.equal(parcelUntil, null);
      const [old, next] = shipments;
      assert.deepEqual([old?.status, old?.holds], [status, []]);
      const { shipmentId, ...rest } = next ?? assert.fail('no parcel');
      assert.equal(shipmentId, '2');
      assert.deepEqual(rest, { ...rest, status: 'planned', lines: [1], replaces: null });
      assert.equal(work(shipments), 'book');
    }
  });

  it('wait with news until the carrier has answered us', () => {
    assert.equal(isParcelKnown(orderWith([]), '1'), false);
    assert.equal(isParcelKnown(orderIn('planned'), '1'), false);
    assert.equal(isParcelKnown(orderIn('booked'), '1'), true);
    // Nobody knows that one: it is refused, not waited for.
    assert.equal(isParcelKnown(orderIn('booked'), '7'), true);
    const undone = { cancellation: CUSTOMER };
    assert.equal(isParcelKnown(orderIn('booked', undone), '1'), false);
    assert.equal(isParcelKnown(orderIn('recalled', undone), '1'), true);
    // It is to be called back, though the order goes on: what comes first is the carrier's answer.
    const emptied = { cancelledLines: [cancelledLine(1), cancelledLine(3)] };
    assert.equal(isParcelKnown(orderIn('booked', emptied), '1'), false);
    assert.equal(isParcelKnown(orderIn('dispatched', emptied), '1'), true);
    assert.equal(isParcelKnown(orderIn('recalled', emptied), '1'), true);
    const inPart = { cancelledLines: [cancelledLine(1)] };
    assert.equal(isParcelKnown(orderIn('booked', inPart), '1'), true);
    const shipments = withShipment(PLANNED, '1', { status: 'booked', holds: [1, 3] });
    assert.equal(isParcelKnown(orderWith(shipments, inPart), '1'), false);
  });

  it('are lost until they are found, and not any more once that was made good', () => {
    assert.equal(statusAfter(decideLost(orderIn('booked'), '1')), 'lost');
    assert.equal(statusAfter(decideLost(orderIn('dispatched'), '1')), 'lost');
    assert.equal(statusAfter(decideDelivered(orderIn('lost'), '1')), 'delivered');
    for (const status of ['replaced', 'refunded'] as const) {
      assert.deepEqual(decideDelivered(orderIn(status), '1'), {
        outcome: 'refused',
        reason: `already-${status}`,
      });
      assert.equal(decideLost(orderIn(status), '1').outcome, 'duplicate');
    }
    assert.deepEqual(decideLost(orderIn('delivered'), '1'), {
      outcome: 'refused',
      reason: 'already-delivered',
    });
  });

  it('keep what was cancelled and has arrived all the same', () => {
    const shipments = withShipment(PLANNED, '1', { status: 'lost', holds: [1, 3] });
    const found = decideDelivered(
      orderWith(shipments, { cancelledLines: [cancelledLine(2), cancelledLine(3)] }),
      '1',
    );
    assert.ok(found.outcome === 'applied');
    assert.deepEqual(
      found.order.cancelledLines.map(({ line, lost }) => [line, lost]),
      [
        [2, undefined],
        [3, true],
      ],
    );
  });

  it('come back, or are lost, also where the order is undone meanwhile', () => {
    const undone = { cancellation: CUSTOMER };
    assert.equal(statusAfter(decideReturned(orderIn('recalled', undone), '1')), 'returned');
    assert.equal(statusAfter(decideLost(orderIn('recalled', undone), '1')), 'lost');
    assert.equal(decideDispatched(orderIn('recalled', undone), '1').outcome, 'duplicate');
    assert.deepEqual(decideDispatched(orderIn('cancelled', undone), '1'), {
      outcome: 'refused',
      reason: 'order-cancelled',
    });
  });

  it('are refused where nobody planned them, unless nobody plans', () => {
    assert.deepEqual(decideDispatched(orderIn('booked'), '7'), {
      outcome: 'refused',
      reason: 'unknown-shipment',
    });
    assert.equal(statusAfter(decideDispatched(orderWith([]), '7')), 'dispatched');
  });

  it('are replaced by others of the same lines, once', () => {
    const lost = withShipment(PLANNED, '2', { status: 'lost' });
    const [, two, three] = withReplacement(lost, lost[1] as Shipment);
    assert.equal(two?.status, 'replaced');
    assert.deepEqual(three, { ...PLANNED[1], shipmentId: '3', replaces: '2' });
  });

  it('are over once each has arrived, or will not', () => {
    const of = (...statuses: readonly ShipmentStatus[]) =>
      statuses.map((status) => ({ ...PLANNED[0], status }) as Shipment);
    assert.equal(isDispatched(of('booked', 'recalled')), false);
    assert.equal(isDelivered(of('cancelled', 'returned')), false);
    assert.equal(isDelivered(of('delivered', 'cancelled')), true);
    for (const status of ['planned', 'booked', 'dispatched', 'recalled', 'lost'] as const) {
      assert.equal(isDelivered(of('delivered', status)), false, status);
    }
    assert.equal(isAllLost(of('refunded', 'cancelled')), true);
    assert.equal(isAllLost(of('refunded', 'delivered')), false);
    assert.equal(isAllLost([]), false);
  });

  it('are told one by one where the order does not say it', () => {
    const told = (count: number, status: ShipmentStatus) =>
      parcelNotices(
        PLANNED.slice(0, count),
        withShipment(PLANNED.slice(0, count), '1', { status }),
      );
    assert.deepEqual(told(1, 'dispatched'), []);
    assert.deepEqual(told(2, 'dispatched'), ['shipment-dispatched']);
    assert.deepEqual(told(2, 'delivered'), ['shipment-delivered']);
    assert.deepEqual(told(1, 'replaced'), ['shipment-lost']);
    assert.deepEqual(told(1, 'refunded'), ['shipment-lost']);
    assert.deepEqual(told(1, 'returned'), ['shipment-returned']);
    assert.deepEqual(told(2, 'booked'), []);
  });

  it('end the same in whatever order, and however often, the carrier tells', () => {
    const news = fc.array(
      fc.tuple(fc.constantFrom('1', '2'), fc.constantFrom('dispatched', 'delivered')),
    );
    const booked = PLANNED.map((shipment) => ({ ...shipment, status: 'booked' as const }));
    fc.assert(
      fc.property(news, (told) => {
        let order = orderWith(booked);
        for (const [parcel, status] of told) {
          const decide = status === 'delivered' ? decideDelivered : decideDispatched;
          const decision = decide(order, parcel);
          assert.notEqual(decision.outcome, 'refused');
          if (decision.outcome === 'applied') order = decision.order;
        }
        for (const { shipmentId, status } of order.shipments) {
          const of = told.filter(([parcel]) => parcel === shipmentId).map(([, each]) => each);
          const last = of.includes('delivered') ? 'delivered' : (of[0] ?? 'booked');
          assert.equal(status, last);
        }
      }),
    );
  });
});
