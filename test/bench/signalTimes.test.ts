import assert from 'node:assert/strict';
import { signalTimes } from '../../bench/signalTimes.ts';

const at = (milliseconds: number) => ({
  eventTime: { seconds: Math.floor(milliseconds / 1_000), nanos: (milliseconds % 1_000) * 1e6 },
});
const signal = (milliseconds: number) => ({
  ...at(milliseconds),
  workflowExecutionSignaledEventAttributes: {},
});
const taken = (milliseconds: number) => ({
  ...at(milliseconds),
  workflowTaskCompletedEventAttributes: {},
});
const scheduled = (milliseconds: number) => ({
  ...at(milliseconds),
  workflowTaskScheduledEventAttributes: {},
});

describe('the times of signals', () => {
  it('last from the signal to the end of the task that took it, across seconds', () => {
    const events = [signal(1_990), scheduled(1_990), taken(2_005), signal(3_000), taken(3_040)];
    assert.deepEqual(signalTimes(events), [15, 40]);
  });

  it('are each its own where one task took several', () => {
    assert.deepEqual(signalTimes([signal(10), signal(30), taken(50)]), [40, 20]);
  });

  it('leave out what nobody has taken', () => {
    assert.deepEqual(signalTimes([taken(5), signal(10), taken(50), signal(60)]), [40]);
  });
});
