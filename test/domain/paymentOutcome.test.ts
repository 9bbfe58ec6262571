import assert from 'node:assert/strict';
import { openOrder, type Order } from '../../src/domain/order.ts';
import { paymentOutcome } from '../../src/domain/paymentOutcome.ts';

const order = openOrder({ amount: 2_500, currency: 'USD' }, 'pm_card_visa');
const free = openOrder({ amount: 0, currency: 'USD' }, null);
const cancellation = { reason: 'changed-my-mind', requestedBy: 'customer:c-1' };

function paying(known: Partial<Order['payment']>, rest: Partial<Order> = {}): Order {
  return { ...order, ...rest, payment: { ...order.payment, ...known } };
}

describe('the outcome of a payment', () => {
  it('is not known while the service is at work on it', () => {
    for (const known of [
      order,
      { ...free, state: 'reserving' } as const,
      paying({ status: 'in-flight' }, { state: 'awaiting-payment' }),
      paying({ status: 'authorised' }, { state: 'awaiting-payment' }),
      // Another method has been given, or a decision, and the workflow is about to take it up.
      paying({ status: 'declined', nextMethod: 'pm_2' }, { waitingFor: 'payment-method' }),
      {
        ...order,
        state: 'on-review',
        waitingFor: 'review',
        review: { decision: 'approve', reason: 'known', requestedBy: 'staff:ana' },
      } as const,
    ]) {
      assert.equal(paymentOutcome(known, null), null);
    }
  });

  it('is paid once it is captured, or an order that costs nothing has its stock', () => {
    assert.equal(paymentOutcome(paying({ status: 'captured' }), null)?.outcome, 'paid');
    const stuck = paying(
      { status: 'captured' },
      { state: 'needs-operator', waitingFor: 'operator' },
    );
    assert.equal(paymentOutcome(stuck, 'refund-lines-failed')?.outcome, 'paid');
    const fulfilling = { ...free, state: 'fulfilling' } as const;
    assert.equal(paymentOutcome(fulfilling, null)?.outcome, 'paid');
  });

  it('says what it depends on, and why', () => {
    const declined = paying(
      { status: 'declined', declineCode: 'insufficient_funds' },
      { state: 'awaiting-payment', waitingFor: 'payment-method' },
    );
    assert.deepEqual(paymentOutcome(declined, 'insufficient_funds'), {
      outcome: 'declined',
      state: 'awaiting-payment',
      reason: 'insufficient_funds',
    });
    const doubtful = { ...order, state: 'on-review', waitingFor: 'review' } as const;
    assert.deepEqual(paymentOutcome(doubtful, 'screening-doubtful'), {
      outcome: 'on-review',
      state: 'on-review',
      reason: 'screening-doubtful',
    });
  });

  it('is stopped where the order goes no further', () => {
    for (const [stopped, reason] of [
      [{ ...order, cancellation }, 'changed-my-mind'],
      [paying({ status: 'captured' }, { cancellation }), 'changed-my-mind'],
      [{ ...order, state: 'rejected' }, 'review-expired'],
      [{ ...free, state: 'needs-operator', waitingFor: 'operator' }, 'release-lines-failed'],
    ] as const) {
      assert.deepEqual(paymentOutcome(stopped, reason), {
        outcome: 'stopped',
        state: stopped.state,
        reason,
      });
    }
    assert.equal(paymentOutcome({ ...order, state: 'duplicate' }, null)?.outcome, 'duplicate');
  });
});
