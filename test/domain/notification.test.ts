import assert from 'node:assert/strict';
import { ATTRIBUTES } from '../../src/contracts/notifications.ts';
import {
  audiencesOf,
  severityOf,
  type Audience,
  type Matter,
  type Severity,
} from '../../src/domain/notification.ts';

type Case = readonly [Matter['type'], string, string | null, Severity, ...Audience[]];

/** Type, state and reason; how severe that is, and whom it is meant for beyond support and analytics. */
const CASES: readonly Case[] = [
  ['order-state', 'received', null, 'info', 'customers'],
  ['order-state', 'screening', null, 'info'],
  ['order-state', 'on-review', 'screening-doubtful', 'info'],
  ['order-state', 'reserving', null, 'info'],
  ['order-state', 'awaiting-payment', null, 'info'],
  ['order-state', 'awaiting-payment', 'insufficient_funds', 'warning', 'customers', 'security'],
  ['order-state', 'paid', null, 'info', 'customers'],
  ['order-state', 'fulfilling', null, 'info'],
  ['order-state', 'shipped', null, 'info', 'customers'],
  ['order-state', 'delivered', null, 'info', 'customers'],
  ['order-state', 'closed', null, 'info'],
  ['order-state', 'cancelled', 'changed-my-mind', 'warning', 'customers'],
  ['order-state', 'cancelled', 'out-of-stock', 'warning', 'customers'],
  ['order-state', 'cancelled', 'stolen_card', 'warning', 'customers', 'security'],
  ['order-state', 'cancelled', 'payment-not-completed', 'warning', 'customers', 'security'],
  ['order-state', 'cancelled', 'authorisation-lapsed', 'warning', 'customers', 'security'],
  ['order-state', 'refunded', 'changed-my-mind', 'warning', 'customers'],
  ['order-state', 'rejected', 'review-expired', 'warning', 'customers'],
  ['order-state', 'needs-operator', 'return-payment-failed', 'critical'],
  ['payment-reminder', 'awaiting-payment', 'insufficient_funds', 'info', 'customers'],
  ['authentication-required', 'awaiting-payment', null, 'info', 'customers'],
  ['shipment-dispatched', 'fulfilling', null, 'info', 'customers'],
  ['shipment-delivered', 'shipped', null, 'info', 'customers'],
  ['shipment-lost', 'shipped', null, 'warning', 'customers'],
  ['lines-cancelled', 'fulfilling', null, 'info', 'customers'],
  ['shipment-returned', 'needs-operator', null, 'warning', 'customers'],
  ['return-state', 'requested', null, 'info'],
  ['return-state', 'awaiting-goods', null, 'info', 'customers'],
  ['return-state', 'inspecting', null, 'info', 'customers'],
  ['return-state', 'refunding', null, 'info'],
  ['return-state', 'refunded', null, 'info', 'customers'],
  ['return-state', 'refused', null, 'warning', 'customers'],
  ['return-state', 'rejected', 'already-returned', 'warning', 'customers'],
  ['return-state', 'expired', 'goods-not-received', 'info', 'customers'],
  ['return-state', 'needs-operator', 'refund-failed', 'critical'],
  ['return-reminder', 'awaiting-goods', null, 'info', 'customers'],
  ['dispute-opened', 'opened', 'fraudulent', 'critical', 'security'],
  ['dispute-closed', 'won', null, 'info', 'security'],
  ['dispute-closed', 'lost', null, 'warning', 'security'],
  ['audit-mismatch', 'found', null, 'critical'],
];

describe('a notification', () => {
  for (const [type, state, reason, severity, ...audiences] of CASES) {
    const whom = audiences.length > 0 ? `for ${audiences.join(' and ')}` : 'for neither';
    it(`${type} of ${state}${reason ? ` because of ${reason}` : ''} is ${severity}, ${whom}`, () => {
      const matter = { type, state, reason } as Matter;
      assert.equal(severityOf(matter), severity);
      assert.deepEqual(audiencesOf(matter), audiences);
    });
  }

  it('has no more attributes than raw delivery to a queue takes', () => {
    // One is the trace's.
    assert.ok(ATTRIBUTES.length <= 9);
  });
});
