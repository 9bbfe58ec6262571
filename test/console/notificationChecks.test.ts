import assert from 'node:assert/strict';
import {
  checkNotifications,
  checkReturnNotifications,
  checkSubscription,
} from '../../src/console/notificationChecks.ts';
import type { TimelineEntry } from '../../src/contracts/timeline.ts';
import { KEY, returnRow, row } from './rows.ts';

describe('the checks of notifications', () => {
  const toldOf = (workflowId: string, ...versions: readonly number[]) =>
    versions.map((version) => ({
      workflowId,
      version,
      notificationId: `${workflowId}/${version}`,
    }));
  const told = (...versions: readonly number[]) => toldOf(KEY, ...versions);

  it('find the change of state that nobody was told of', () => {
    assert.deepEqual(checkNotifications([row()], told(1, 2, 3, 3)), []);
    assert.deepEqual(checkNotifications([row()], told(1)), [
      { subject: KEY, says: 'versions 2, 3 were not announced' },
    ]);
    assert.equal(checkNotifications([row()], []).length, 1);
  });

  it('find a change that is told of under several IDs, and an ID that stands for several', () => {
    const [first = assert.fail()] = told(1);
    assert.deepEqual(
      checkNotifications([row()], [...told(1, 2, 3), { ...first, notificationId: 'drawn' }]),
      [{ subject: KEY, says: 'versions 1 were announced under several IDs' }],
    );
    assert.deepEqual(checkNotifications([row()], [...told(1, 2), { ...first, version: 3 }]), [
      { subject: KEY, says: 'several versions were announced under one ID' },
    ]);
  });

  it('find the change of a return, and the reminder, that nobody was told of', () => {
    const at = '2027-03-20T12:00:00.000Z';
    const known = { at, outcome: null, reason: null, by: null, took: null };
    const timeline: readonly TimelineEntry[] = [
      { ...known, n: 2, kind: 'state', name: 'requested' },
      { ...known, n: 3, kind: 'step', name: 'open-return' },
      { ...known, n: 4, kind: 'state', name: 'awaiting-goods' },
      { ...known, n: 5, kind: 'step', name: 'remind-customer' },
    ];
    const rows = [returnRow({ timeline })];
    assert.deepEqual(checkReturnNotifications(rows, toldOf('return:r-1', 5, 4, 2, 2)), []);
    assert.deepEqual(checkReturnNotifications(rows, [...told(4, 5), ...toldOf('return:r-1', 2)]), [
      { subject: 'return:r-1', says: 'versions 4, 5 were not announced' },
    ]);
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
