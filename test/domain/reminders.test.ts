import assert from 'node:assert/strict';
import { remindersBy, reminderTimes } from '../../src/domain/reminders.ts';

describe('reminders', () => {
  const awaited = { since: 1_000_000, until: 1_100_000 };

  it('are due in the order of time, and none from the end on', () => {
    assert.deepEqual(reminderTimes(awaited, [50, 10, 100, 200]), [1_010_000, 1_050_000]);
    assert.deepEqual(reminderTimes(awaited, []), []);
  });

  it('that came due while nobody could remind count as one', () => {
    const times = [10, 20, 30];
    assert.equal(remindersBy(10, times, 0), 1);
    assert.equal(remindersBy(25, times, 0), 2);
    assert.equal(remindersBy(99, times, 1), 3);
  });

  it('count one for each alarm, even where that is early by the clock', () => {
    assert.equal(remindersBy(9, [10, 20], 0), 1);
    assert.equal(remindersBy(19, [10, 20], 1), 2);
  });
});
