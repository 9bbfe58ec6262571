import assert from 'node:assert/strict';
import { severityOf } from '../../src/domain/notification.ts';

describe('the severity of a notification', () => {
  for (const [state, reason, severity] of [
    ['paid', null, 'info'],
    ['awaiting-payment', null, 'info'],
    ['awaiting-payment', 'insufficient_funds', 'warning'],
    ['cancelled', 'payment-not-completed', 'warning'],
    ['refunded', 'changed-my-mind', 'warning'],
    ['rejected', 'review-expired', 'warning'],
    ['needs-operator', 'return-payment-failed', 'critical'],
  ] as const) {
    it(`of ${state}${reason ? ` because of ${reason}` : ''} is ${severity}`, () => {
      assert.equal(severityOf({ version: 1, state, reason }), severity);
    });
  }
});
