import assert from 'node:assert/strict';
import path from 'node:path';
import proto from '@temporalio/proto';
import { costOf, countAll, type History } from '../../bench/historyCost.ts';
import { readFolder } from '../../src/console/histories.ts';

const REPLAY = path.resolve(import.meta.dirname, '../replay');
const { History: HistoryMessage } = proto.temporal.api.history.v1;

/** A history of these events, numbered, as the client reads it. */
function history(...events: readonly object[]): History {
  return HistoryMessage.fromObject({
    events: events.map((event, index) => ({ eventId: index + 1, ...event })),
  });
}

const STARTED = { workflowExecutionStartedEventAttributes: {} };
const SIGNALLED = { workflowExecutionSignaledEventAttributes: { signalName: 'go' } };
const TASK = { workflowTaskScheduledEventAttributes: {} };
const PARENT = { workflowId: 'parent', runId: 'run' };

const actions = (...events: readonly object[]) => costOf([history(...events)]).actions;
const upsert = (...names: readonly string[]) => ({
  upsertWorkflowSearchAttributesEventAttributes: {
    searchAttributes: { indexedFields: Object.fromEntries(names.map((name) => [name, {}])) },
  },
});
const marker = (task: number, markerName: string) => ({
  markerRecordedEventAttributes: { markerName, workflowTaskCompletedEventId: task },
});

describe('what a history costs', () => {
  const recorded = new Map<string, History>();

  before(async () => {
    for await (const { name, history: one } of readFolder(REPLAY)) recorded.set(name, one);
  });

  function costOfRecorded(name: string) {
    const found = recorded.get(name);
    assert.ok(found, `no history ${name}`);
    return costOf([found]);
  }

  it('is counted in a recorded order, paid and delivered', () => {
    const { bytes, ...cost } = costOfRecorded('order-paid-and-delivered');
    assert.deepEqual(cost, {
      activities: {
        claimOrder: 1,
        reserveStock: 1,
        announceOrder: 5,
        authorisePayment: 1,
        capturePayment: 1,
      },
      localActivities: 0,
      workflowTasks: 11,
      events: 69,
      actions: { start: 1, activity: 9, signal: 2, 'search-attributes': 5 },
    });
    // Nine inputs with the row in five of them, and the bookkeeping of 69 events.
    assert.ok(bytes > 5_000 && bytes < 50_000, `${bytes} bytes`);
  });

  it('has a patch as one action, and its search attribute as none', () => {
    const { actions: counted } = costOfRecorded('order-cancelled-and-told');
    assert.equal(counted.markers, 1);
    assert.equal(counted['search-attributes'], 6);
    assert.equal(counted.update, 1);
  });

  it('has the tries beyond the first, timers, and options that were changed', () => {
    const { actions: counted } = costOfRecorded('order-screening-unavailable');
    assert.equal(counted.retry, 2);
    assert.equal(counted.timer, 1);
    assert.equal(costOfRecorded('order-lines-before-capture').actions.timer, 2);
    assert.equal(costOfRecorded('order-never-paid').actions.options, 1);
  });

  it('is known for every recorded history, and never less than a start and its activities', () => {
    assert.ok(recorded.size >= 15);
    for (const name of recorded.keys()) {
      const { actions: counted, activities, workflowTasks, events } = costOfRecorded(name);
      assert.ok(countAll(counted) >= 1 + countAll(activities), name);
      assert.ok(workflowTasks > 0 && events > 3 * workflowTasks, name);
    }
  });

  it('is that of all runs and children together', () => {
    const initiated = { startChildWorkflowExecutionInitiatedEventAttributes: {} };
    const child = {
      workflowExecutionStartedEventAttributes: { parentWorkflowExecution: PARENT },
    };
    const continued = {
      workflowExecutionStartedEventAttributes: {
        parentWorkflowExecution: PARENT,
        continuedExecutionRunId: 'before',
      },
    };
    const cost = costOf([history(STARTED, TASK, initiated), history(child), history(continued)]);
    assert.deepEqual(cost.actions, { start: 2, child: 2 });
    assert.equal(cost.events, 5);
  });

  it('has a signal that came with the start in the one action of both', () => {
    assert.deepEqual(actions(STARTED, SIGNALLED, TASK), { start: 1 });
    assert.deepEqual(actions(STARTED, TASK, SIGNALLED), { start: 1, signal: 1 });
  });

  it('has the markers of one workflow task as one action', () => {
    const local = 'core_local_activity';
    const cost = costOf([history(STARTED, marker(4, local), marker(4, local), marker(9, 'x'))]);
    assert.deepEqual(cost.actions, { start: 1, markers: 2 });
    assert.equal(cost.localActivities, 2);
  });

  it('has local activities that were tried again, schedules, resets and Nexus', () => {
    assert.deepEqual(
      actions(
        {
          workflowExecutionStartedEventAttributes: {
            searchAttributes: { indexedFields: { TemporalScheduledById: {} } },
          },
        },
        {
          workflowTaskCompletedEventAttributes: {
            meteringMetadata: { nonfirstLocalActivityExecutionAttempts: 3 },
          },
        },
        {
          workflowTaskFailedEventAttributes: {
            cause: 'WORKFLOW_TASK_FAILED_CAUSE_RESET_WORKFLOW',
          },
        },
        { workflowTaskFailedEventAttributes: {} },
        { nexusOperationScheduledEventAttributes: {} },
        { nexusOperationCancelRequestedEventAttributes: {} },
      ),
      { start: 1, schedule: 2, retry: 3, reset: 1, nexus: 2 },
    );
  });

  it('has one action for an upsert, however many attributes it has', () => {
    assert.deepEqual(actions(STARTED, upsert('One', 'Other'), upsert('TemporalChangeVersion')), {
      start: 1,
      'search-attributes': 1,
    });
  });
});
