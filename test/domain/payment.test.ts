import assert from 'node:assert/strict';
import { openOrder } from '../../src/domain/order.ts';
import { canRenew, paymentReminders } from '../../src/domain/payment.ts';
import { DEFAULT_POLICY } from '../../src/domain/policy.ts';

describe('a payment that is awaited', () => {
  const HOUR = 3_600_000;
  const BEGAN = 1_000_000;
  const { payment: open } = openOrder({ amount: 100, currency: 'USD' }, 'pm');
  const payment = { ...open, methodUntil: BEGAN + 24 * HOUR };

  it('is reminded of after an hour and after twelve', () => {
    const times = [BEGAN + HOUR, BEGAN + 12 * HOUR];
    assert.deepEqual(paymentReminders(DEFAULT_POLICY, payment), times);
  });

  it('is not reminded of where the order was placed before there were reminders, or nobody asks', () => {
    const { remindAfterSeconds: _, ...before } = DEFAULT_POLICY;
    assert.deepEqual(paymentReminders(before, payment), []);
    assert.deepEqual(paymentReminders(DEFAULT_POLICY, open), []);
  });

  it('has its authorisation renewed once, unless it was returned', () => {
    assert.equal(canRenew('payment_intent_canceled', 0), true);
    assert.equal(canRenew('payment_intent_canceled', 1), false);
    assert.equal(canRenew('payment_returned', 0), false);
  });
});
