import assert from 'node:assert/strict';
import { checkNotifications, checkSubscription } from '../../src/console/notificationChecks.ts';
import type { OrderNotification } from '../../src/contracts/orders.ts';
import { KEY, row } from './rows.ts';

describe('the checks of notifications', () => {
  const told = (...versions: readonly number[]) =>
    versions.map((version) => ({ workflowId: KEY, version }) as OrderNotification);

  it('find the change of state that nobody was told of', () => {
    assert.deepEqual(checkNotifications([row()], told(1, 2, 3, 3)), []);
    assert.deepEqual(checkNotifications([row()], told(1)), [
      { subject: KEY, says: 'versions 2, 3 were not announced' },
    ]);
    assert.equal(checkNotifications([row()], []).length, 1);
  });

  it('find what did not reach a subscription, and what should not have', () => {
    assert.deepEqual(
      checkSubscription('support', new Set(['n1', 'n2']), new Set(['n2', 'n1'])),
      [],
    );
    assert.deepEqual(checkSubscription('support', new Set(['n1']), new Set(['n2'])), [
      { subject: 'n1', says: 'did not reach support' },
      { subject: 'n2', says: 'reached support, which is not meant for it' },
    ]);
  });
});
