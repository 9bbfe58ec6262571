import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  amountOf,
  decideLinesCancellation,
  giveUpLost,
  linesLeft,
  linesToReserve,
  nextSettlement,
  replaceLost,
  settle,
  settleUnreserved,
} from '../../src/domain/lines.ts';
import {
  decideCancellation,
  openOrder,
  piecesBySku,
  totalOf,
  type Decision,
  type Order,
  type OrderLine,
} from '../../src/domain/order.ts';
import {
  decideDispatched,
  planShipments,
  withShipment,
  type Shipment,
  type ShipmentStatus,
} from '../../src/domain/shipment.ts';

const LINES: readonly OrderLine[] = [
  { sku: 'record', quantity: 1, amount: 2_000, sellerId: 's' },
  { sku: 'sleeve', quantity: 3, amount: 500, sellerId: 's' },
  { sku: 'sticker', quantity: 1, amount: 0, sellerId: 's' },
];
const CUSTOMER = { reason: 'changed-my-mind', requestedBy: 'customer:c-1' };
const placed = openOrder(totalOf(LINES, 'USD'), 'pm_card_visa');
const paid: Order = {
  ...placed,
  state: 'fulfilling',
  waitingFor: 'dispatch',
  payment: { ...placed.payment, status: 'captured', captured: 2_500 },
};

function cancel(order: Order, numbers: readonly number[], lines = LINES): Decision {
  return decideLinesCancellation(order, lines, numbers, CUSTOMER);
}

function applied(decision: Decision): Order {
  assert.equal(decision.outcome, 'applied', JSON.stringify(decision));
  return (decision as { order: Order }).order;
}

describe('cancelling lines', () => {
  it('gives up some and goes on with the others', () => {
    const order = applied(cancel(paid, [2, 2]));
    assert.equal(order.cancellation, null);
    assert.deepEqual(order.cancelledLines, [{ line: 2, step: 1, settled: false, ...CUSTOMER }]);
    assert.deepEqual(nextSettlement(order, LINES), {
      step: 1,
      released: [{ sku: 'sleeve', quantity: 3 }],
      left: [
        { sku: 'record', quantity: 1 },
        { sku: 'sticker', quantity: 1 },
      ],
      number: 1,
      refund: 500,
    });
    assert.equal(nextSettlement(settle(order, 1), LINES), null);
  });

  it('owes nothing for lines of which nothing was taken', () => {
    for (const state of ['received', 'screening', 'on-review'] as const) {
      const order = applied(cancel({ ...placed, state }, [2]));
      assert.equal(nextSettlement(order, LINES), null);
      assert.deepEqual(linesLeft(LINES, order.cancelledLines), [LINES[0], LINES[2]]);
    }
    const reserving = applied(cancel({ ...placed, state: 'reserving' }, [2]));
    assert.equal(nextSettlement(reserving, LINES)?.refund, 0);
  });

  it('is the whole order where no line is left', () => {
    assert.deepEqual(applied(cancel(paid, [1, 2, 3])).cancellation, CUSTOMER);
    const one = settle(applied(cancel(paid, [2])));
    assert.deepEqual(applied(cancel(one, [1, 2, 3])).cancellation, CUSTOMER);
    assert.deepEqual(applied(cancel(one, [1, 2, 3])).cancelledLines, one.cancelledLines);
  });

  it('leaves no order that only gives away', () => {
    assert.deepEqual(cancel(paid, [1, 2]), { outcome: 'refused', reason: 'only-free-lines-left' });
    const free = LINES.map((line) => ({ ...line, amount: 0 }));
    const order = { ...openOrder(totalOf(free, 'USD'), null), state: 'fulfilling' } as const;
    assert.equal(cancel(order, [1, 2], free).outcome, 'applied');
  });

  it('knows what is cancelled already, and what there is', () => {
    const order = applied(cancel(paid, [2]));
    const duplicate = { outcome: 'duplicate', reason: 'already-cancelled' };
    assert.deepEqual(cancel(order, [2]), duplicate);
    assert.deepEqual(applied(cancel(order, [2, 3])).cancelledLines.at(-1), {
      line: 3,
      step: 2,
      settled: false,
      ...CUSTOMER,
    });
    const whole = applied(decideCancellation(order, CUSTOMER));
    assert.deepEqual(cancel(whole, [3]), duplicate);
    for (const number of [0, 4, 1.5, -1]) {
      assert.deepEqual(cancel(order, [2, number]), { outcome: 'refused', reason: 'unknown-line' });
    }
  });

  it('is too late once a parcel has left, or the order has ended', () => {
    const one = applied(cancel(paid, [2]));
    const dispatched = applied(decideDispatched(one, 'parcel-1'));
    assert.deepEqual(cancel(dispatched, [3]), { outcome: 'refused', reason: 'already-dispatched' });
    assert.equal(cancel(dispatched, [2]).outcome, 'duplicate');
    for (const state of ['closed', 'rejected'] as const) {
      assert.deepEqual(cancel({ ...placed, state }, [1]), {
        outcome: 'refused',
        reason: `order-${state}`,
      });
    }
  });

  it('adds up to the cent and the piece, in whatever steps and with the capture at any time', () => {
    const line = fc.record({
      sku: fc.constantFrom('a', 'b', 'c'),
      quantity: fc.integer({ min: 1, max: 9 }),
      amount: fc.integer({ min: 0, max: 9_999 }),
      sellerId: fc.constant('s'),
    });
    // What happens: lines are cancelled, the oldest cancellation is settled, the money is captured.
    const deed = fc.oneof(
      fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 3 }),
      fc.constant('settle' as const),
      fc.constant('capture' as const),
    );
    fc.assert(
      fc.property(
        fc.array(line, { minLength: 1, maxLength: 6 }),
        fc.array(deed),
        (lines, deeds) => {
          const total = totalOf(lines, 'USD');
          let order: Order = { ...openOrder(total, 'pm'), state: 'awaiting-payment' };
          let held = new Map(piecesBySku(lines).map(({ sku, quantity }) => [sku, quantity]));
          const settleOne = () => {
            const next = nextSettlement(order, lines);
            if (!next) return false;
            for (const { sku, quantity } of next.released) {
              held.set(sku, (held.get(sku) ?? 0) - quantity);
            }
            held = new Map([...held].filter(([, quantity]) => quantity !== 0));
            assert.deepEqual(held, new Map(next.left.map(({ sku, quantity }) => [sku, quantity])));
            const { payment } = order;
            const refunded = payment.refunded + next.refund;
            order = settle({ ...order, payment: { ...payment, refunded } }, next.step);
            return true;
          };
          for (const each of deeds) {
            if (each === 'settle') settleOne();
            else if (each === 'capture') {
              if (order.payment.status === 'captured') continue;
              const captured = amountOf(linesLeft(lines, order.cancelledLines));
              order = { ...order, payment: { ...order.payment, status: 'captured', captured } };
            } else {
              const decision = cancel(order, each, lines);
              if (decision.outcome === 'applied' && !decision.order.cancellation) {
                order = decision.order;
              }
            }
          }
          while (settleOne());
          const left = linesLeft(lines, order.cancelledLines);
          assert.ok(left.length > 0);
          assert.deepEqual(
            held,
            new Map(piecesBySku(left).map(({ sku, quantity }) => [sku, quantity])),
          );
          const { status, captured, refunded } = order.payment;
          if (status === 'captured') assert.equal(captured - refunded, amountOf(left));
          else assert.deepEqual([captured, refunded], [0, 0]);
        },
      ),
    );
  });

  describe('whose parcels are planned', () => {
    const TWO: readonly OrderLine[] = [
      { sku: 'record', quantity: 1, amount: 2_000, sellerId: 'anna' },
      { sku: 'sleeve', quantity: 3, amount: 500, sellerId: 'bert' },
    ];
    const shipping: Order = {
      ...paid,
      payment: { ...paid.payment, status: 'captured', captured: 2_500 },
      total: totalOf(TWO, 'USD'),
      shipments: planShipments(TWO, []).map((each) => ({ ...each, status: 'booked' as const })),
    };
    const shipmentsWith = (shipmentId: string, status: ShipmentStatus) =>
      withShipment(shipping.shipments, shipmentId, { status });
    const away: Order = { ...shipping, shipments: shipmentsWith('1', 'dispatched') };

    it('can be given up until their own parcel leaves', () => {
      assert.deepEqual(decideLinesCancellation(away, TWO, [1], CUSTOMER), {
        outcome: 'refused',
        reason: 'already-dispatched',
      });
      const decision = decideLinesCancellation(away, TWO, [2], CUSTOMER);
      assert.equal(decision.outcome === 'applied' && decision.order.cancellation, null);
    });

    it('are given back once their parcel is back', () => {
      const decision = decideLinesCancellation(away, TWO, [2], CUSTOMER);
      assert.ok(decision.outcome === 'applied');
      const { order } = decision;
      const recalled = withShipment(order.shipments, '2', { status: 'recalled' });
      assert.equal(nextSettlement({ ...order, shipments: recalled }, TWO), null);
      const back = withShipment(order.shipments, '2', { status: 'returned' });
      assert.deepEqual(nextSettlement({ ...order, shipments: back }, TWO), {
        step: 1,
        number: 1,
        released: [{ sku: 'sleeve', quantity: 3 }],
        left: [{ sku: 'record', quantity: 1 }],
        refund: 500,
      });
    });

    it('are refunded and not released where their parcel is lost', () => {
      const [, lost] = shipmentsWith('2', 'lost');
      const order = giveUpLost({ ...away }, lost as Shipment);
      assert.deepEqual(order.cancelledLines, [
        {
          line: 2,
          step: 1,
          settled: false,
          lost: true,
          reason: 'parcel-lost',
          requestedBy: 'waybill',
        },
      ]);
      assert.equal(order.shipments[1]?.status, 'refunded');
      assert.deepEqual(nextSettlement(order, TWO), {
        step: 1,
        number: 1,
        released: [],
        left: [
          { sku: 'record', quantity: 1 },
          { sku: 'sleeve', quantity: 3 },
        ],
        refund: 500,
      });
      // Nothing is left that could be cancelled as a whole, and one parcel is away.
      const all = { ...order, shipments: withShipment(order.shipments, '1', { status: 'booked' }) };
      const decision = decideLinesCancellation(all, TWO, [1], CUSTOMER);
      assert.equal(decision.outcome === 'applied' && decision.order.cancelledLines.length, 2);
    });

    it('are not given back before their parcel is called back, nor once it is lost', () => {
      for (const status of ['booked', 'recalled', 'lost'] as const) {
        const order: Order = {
          ...shipping,
          cancelledLines: [{ line: 2, step: 1, settled: false, ...CUSTOMER }],
          shipments: withShipment(shipping.shipments, '2', { status, holds: [2] }),
        };
        assert.equal(nextSettlement(order, TWO), null, status);
        const without = withShipment(order.shipments, '2', { holds: [] });
        assert.equal(nextSettlement({ ...order, shipments: without }, TWO)?.step, 1, status);
      }
    });

    it('are released where their parcel is lost and did not hold them', () => {
      const cancelled = { line: 2, step: 1, settled: false, ...CUSTOMER };
      const [, parcel] = shipping.shipments;
      const lost = { ...(parcel as Shipment), status: 'lost' as const, holds: [] };
      const order = giveUpLost({ ...shipping, cancelledLines: [cancelled] }, lost);
      assert.deepEqual(order.cancelledLines, [cancelled]);
    });

    it('are lost where the parcel that is sent once more held them too', () => {
      const lost = { ...(shipping.shipments[1] as Shipment), holds: [2] };
      const cancelled = { line: 2, step: 1, ...CUSTOMER };
      for (const settled of [false, true]) {
        const order = replaceLost({ ...away, cancelledLines: [{ ...cancelled, settled }] }, lost);
        assert.equal(order.cancelledLines[0]?.lost ?? false, !settled);
        assert.deepEqual(
          order.shipments.map(({ status }) => status),
          ['dispatched', 'replaced', 'planned'],
        );
      }
    });

    it('are lost where they were given up while their parcel was on its way back', () => {
      const decision = decideLinesCancellation(away, TWO, [2], CUSTOMER);
      assert.ok(decision.outcome === 'applied');
      const order = giveUpLost(decision.order, shipping.shipments[1] as Shipment);
      assert.deepEqual(
        order.cancelledLines.map(({ step, lost }) => [step, lost]),
        [[1, true]],
      );
    });
  });

  it('have their stock reserved but for those that were given up before', () => {
    const gone = (line: number, settled: boolean) => ({ line, step: line, settled, ...CUSTOMER });
    assert.deepEqual(linesToReserve(LINES, [gone(1, true), gone(2, false)]), LINES.slice(1));
  });

  it('have nothing to give back of what was not reserved', () => {
    const gone = (line: number) => ({ line, step: line, settled: false, ...CUSTOMER });
    const cancelledLines = [gone(1), gone(2)];
    const order = { ...placed, cancelledLines };
    const settledIf = (...held: readonly OrderLine[]) =>
      settleUnreserved(order, LINES, piecesBySku(held)).cancelledLines.map(
        ({ settled }) => settled,
      );
    assert.deepEqual(settledIf(...LINES), [false, false]);
    assert.deepEqual(settledIf(...LINES.slice(1)), [true, false]);
    assert.deepEqual(settledIf(...LINES.slice(2)), [true, true]);
  });
});
