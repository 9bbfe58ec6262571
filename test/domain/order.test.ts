import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  decideCancellation,
  decidePaymentAuthorised,
  decidePaymentCaptured,
  decidePaymentFailed,
  decidePaymentMethod,
  decideReview,
  decideStockReserved,
  openOrder,
  piecesBySku,
  totalOf,
  type Order,
  type OrderLine,
} from '../../src/domain/order.ts';
import {
  decideDelivered,
  decideDispatched,
  isDelivered,
  isDispatched,
} from '../../src/domain/shipment.ts';

const order = openOrder({ amount: 2500, currency: 'USD' }, 'pm_card_visa');
const cancellation = { reason: 'changed-my-mind', requestedBy: 'customer' };

function withPayment(known: Partial<Order['payment']>): Order {
  return { ...order, payment: { ...order.payment, ...known } };
}

function applied(decision: ReturnType<typeof decideCancellation>): Order {
  assert.equal(decision.outcome, 'applied', JSON.stringify(decision));
  return (decision as { order: Order }).order;
}

describe('an order', () => {
  it('needs no payment when it is free', () => {
    assert.equal(openOrder({ amount: 0, currency: 'USD' }, null).payment.status, 'not-needed');
    assert.equal(order.payment.status, 'open');
  });

  it('totals its lines and merges them by SKU, whatever they are', () => {
    const line = fc.record({
      sku: fc.constantFrom('a', 'b', 'c'),
      quantity: fc.integer({ min: 1, max: 40 }),
      amount: fc.integer({ min: 0, max: 99_999 }),
      sellerId: fc.constant('s'),
    });
    fc.assert(
      fc.property(fc.array(line), (lines: OrderLine[]) => {
        const pieces = piecesBySku(lines);
        assert.equal(
          pieces.reduce((sum, { quantity }) => sum + quantity, 0),
          lines.reduce((sum, { quantity }) => sum + quantity, 0),
        );
        assert.equal(new Set(pieces.map(({ sku }) => sku)).size, pieces.length);
        assert.ok(Number.isInteger(totalOf(lines, 'USD').amount));
      }),
    );
  });

  it('can be cancelled until its first parcel left, once', () => {
    const waiting = { ...order, waitingFor: 'dispatch' } as const;
    const cancelled = applied(decideCancellation(waiting, cancellation));
    assert.deepEqual([cancelled.cancellation, cancelled.waitingFor], [cancellation, null]);
    assert.deepEqual(decideCancellation(cancelled, cancellation), {
      outcome: 'duplicate',
      reason: 'already-cancelled',
    });
    const dispatched = applied(decideDispatched(order, 'parcel-1'));
    assert.deepEqual(decideCancellation(dispatched, cancellation), {
      outcome: 'refused',
      reason: 'already-dispatched',
    });
    assert.deepEqual(decideCancellation({ ...order, state: 'closed' }, cancellation), {
      outcome: 'refused',
      reason: 'order-closed',
    });
  });

  it('sends no parcel once it is cancelled', () => {
    const cancelled = applied(decideCancellation(order, cancellation));
    for (const decide of [decideDispatched, decideDelivered]) {
      assert.deepEqual(decide(cancelled, 'parcel-1'), {
        outcome: 'refused',
        reason: 'order-cancelled',
      });
    }
  });

  it('takes another payment method while nothing has been paid', () => {
    assert.equal(applied(decidePaymentMethod(order, 'pm_2')).payment.method, 'pm_2');
    for (const status of ['in-flight', 'declined'] as const) {
      const next = applied(decidePaymentMethod(withPayment({ status }), 'pm_2'));
      assert.equal(next.payment.method, 'pm_card_visa');
      assert.equal(next.payment.nextMethod, 'pm_2');
    }
    for (const [status, reason] of [
      ['not-needed', 'nothing-to-pay'],
      ['authorised', 'already-paid'],
      ['captured', 'already-paid'],
      ['returned', 'payment-returned'],
    ] as const) {
      assert.deepEqual(decidePaymentMethod(withPayment({ status }), 'pm_2'), {
        outcome: 'refused',
        reason,
      });
    }
  });

  it("believes the provider's capture only for its own intent and amount", () => {
    const paid = withPayment({ status: 'captured', intentId: 'pi_1', captured: 2500 });
    const money = order.total;
    const confirmed = applied(decidePaymentCaptured(paid, { intentId: 'pi_1', money }));
    assert.equal(confirmed.payment.confirmedByProvider, true);
    const again = decidePaymentCaptured(confirmed, { intentId: 'pi_1', money });
    assert.equal(again.outcome, 'duplicate');
    for (const claim of [
      { intentId: 'pi_2', money },
      { intentId: 'pi_1', money: { ...money, amount: 2501 } },
      { intentId: 'pi_1', money: { ...money, currency: 'EUR' as const } },
    ]) {
      assert.equal(decidePaymentCaptured(paid, claim).outcome, 'refused');
    }
  });

  it('does not let an old decline undo a payment', () => {
    const paid = withPayment({ status: 'captured', intentId: 'pi_1' });
    assert.equal(decidePaymentFailed(paid, { intentId: 'pi_1' }).outcome, 'refused');
    const declined = withPayment({ status: 'declined', intentId: 'pi_1' });
    assert.equal(decidePaymentFailed(declined, { intentId: 'pi_1' }).outcome, 'duplicate');
  });

  it('believes the provider that less was captured only where lines were cancelled before', () => {
    const captured = (amount: number) => ({
      intentId: 'pi_1',
      money: { ...order.total, amount },
    });
    const part = withPayment({ status: 'captured', intentId: 'pi_1', captured: 2_000 });
    assert.equal(decidePaymentCaptured(part, captured(2_000)).outcome, 'applied');
    assert.equal(decidePaymentCaptured(part, captured(2_500)).outcome, 'refused');
    // Cancelled while the capture was not answered: how much it was is not known.
    const unknown = withPayment({ status: 'in-flight', intentId: 'pi_1' });
    assert.equal(decidePaymentCaptured(unknown, captured(2_000)).outcome, 'applied');
    assert.equal(decidePaymentCaptured(unknown, captured(2_501)).outcome, 'refused');
  });

  it('is reviewed once, while that is waited for', () => {
    const review = { decision: 'reject', reason: 'stolen-card', requestedBy: 'staff:ana' } as const;
    assert.deepEqual(decideReview(order, review), { outcome: 'refused', reason: 'not-on-review' });
    const waiting = { ...order, state: 'on-review', waitingFor: 'review' } as const;
    const reviewed = applied(decideReview(waiting, review));
    assert.deepEqual(reviewed.review, review);
    assert.deepEqual(decideReview(reviewed, { ...review, decision: 'approve' }), {
      outcome: 'refused',
      reason: 'already-reviewed',
    });
    // The rejection came first, though the workflow has not come to it yet.
    assert.deepEqual(decideCancellation(reviewed, cancellation), {
      outcome: 'refused',
      reason: 'order-rejected',
    });
    assert.deepEqual(decideReview({ ...waiting, cancellation }, review), {
      outcome: 'refused',
      reason: 'order-cancelled',
    });
    assert.deepEqual(decideReview({ ...order, state: 'rejected' }, review), {
      outcome: 'refused',
      reason: 'order-rejected',
    });
  });

  it('ends with the same parcels in whatever order and however often the carrier tells', () => {
    const news = fc.array(
      fc.tuple(fc.constantFrom('p1', 'constructor'), fc.constantFrom('dispatched', 'delivered')),
    );
    fc.assert(
      fc.property(news, (told) => {
        let current: Order = order;
        for (const [parcel, status] of told) {
          const decide = status === 'delivered' ? decideDelivered : decideDispatched;
          const decision = decide(current, parcel);
          assert.notEqual(decision.outcome, 'refused');
          if (decision.outcome === 'applied') current = decision.order;
        }
        const parcels = new Set(told.map(([parcel]) => parcel));
        assert.equal(isDispatched(current.shipments), parcels.size > 0);
        const arrived = [...parcels].every((parcel) =>
          told.some(([other, status]) => other === parcel && status === 'delivered'),
        );
        assert.equal(isDelivered(current.shipments), parcels.size > 0 && arrived);
      }),
    );
  });

  it('asks the provider again once the customer has authenticated the payment, or failed to', () => {
    const asked = withPayment({ status: 'requires-action', intentId: 'pi_1' });
    const ours = { intentId: 'pi_1' };
    assert.equal(applied(decidePaymentAuthorised(asked, ours)).payment.status, 'in-flight');
    assert.equal(applied(decidePaymentFailed(asked, ours)).payment.status, 'in-flight');
    assert.deepEqual(decidePaymentAuthorised(asked, { intentId: 'pi_2' }), {
      outcome: 'refused',
      reason: 'unknown-payment-intent',
    });
    for (const status of ['authorised', 'captured'] as const) {
      const known = withPayment({ status, intentId: 'pi_1' });
      assert.equal(decidePaymentAuthorised(known, ours).outcome, 'duplicate');
    }
    assert.deepEqual(
      decidePaymentAuthorised(withPayment({ status: 'declined', intentId: 'pi_1' }), ours),
      { outcome: 'refused', reason: 'payment-declined' },
    );
  });

  it('goes on once the stock that it waits for is reserved, and not when it is cancelled', () => {
    const waiting: Order = { ...order, state: 'reserving', waitingFor: 'stock' };
    assert.equal(applied(decideStockReserved(waiting)).waitingFor, null);
    assert.equal(decideStockReserved({ ...waiting, waitingFor: null }).outcome, 'duplicate');
    assert.equal(decideStockReserved({ ...waiting, cancellation }).outcome, 'refused');
    assert.equal(decideStockReserved({ ...waiting, state: 'cancelled' }).outcome, 'refused');
  });
});
