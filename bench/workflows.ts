import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import { inboxSignal, type InboxEvent } from '../src/contracts/inbox.ts';
import { concurrently } from './concurrently.ts';
import { type Load, WORKFLOW_TYPE, workflowId } from './events.ts';

const CALLS_AT_ONCE = 40;
/** What a workflow that no worker takes has in its history before its first signal: started, task scheduled. */
const FIRST_EVENTS = 2;
/** Visibility is written behind the calls, so many milliseconds at the most. */
const VISIBILITY_LAG = 60_000;

/** Starts the workflows that the events are for. */
export async function startWorkflows(client: Client, load: Load): Promise<void> {
  await concurrently(CALLS_AT_ONCE, load.workflows, async (index) => {
    await client.workflow.start(WORKFLOW_TYPE, {
      workflowId: workflowId(load, index),
      taskQueue: load.name,
    });
  });
}

/** @throws Error unless each event has started a workflow of its own, and nothing else has started any. */
export async function assertStarted(client: Client, { name, events }: Load): Promise<void> {
  const deadline = Date.now() + VISIBILITY_LAG;
  for (;;) {
    const { count } = await client.workflow.count(
      `TaskQueue = "${name}" AND WorkflowId STARTS_WITH "${name}-"`,
    );
    if (count === events) return;
    if (count > events || Date.now() > deadline) {
      throw new Error(`${name}: expected ${events} workflows, found ${count}`);
    }
    await delay(200);
  }
}

/** @throws Error unless each workflow has been signalled as often as there are events for it. */
export async function assertSignalled(client: Client, load: Load): Promise<void> {
  await concurrently(CALLS_AT_ONCE, load.workflows, async (index) => {
    const { historyLength } = await client.workflow.getHandle(workflowId(load, index)).describe();
    expectEvents(load, index, historyLength - FIRST_EVENTS);
  });
}

/** @throws Error unless each workflow's inbox was sent each of its events once. */
export async function assertInInboxes(client: Client, load: Load): Promise<void> {
  await concurrently(4, load.workflows, async (index) => {
    const { events } = await client.workflow.getHandle(workflowId(load, index)).fetchHistory();
    const ids = (events ?? []).flatMap(
      ({ workflowExecutionSignaledEventAttributes: signalled }) => {
        if (signalled?.signalName !== inboxSignal.name) return [];
        const [payload] = signalled.input?.payloads ?? [];
        if (!payload) return [];
        return defaultPayloadConverter
          .fromPayload<readonly InboxEvent[]>(payload)
          .map(({ id }) => id);
      },
    );
    expectEvents(load, index, ids.length);
    expectEvents(load, index, new Set(ids).size);
  });
}

function expectEvents(load: Load, index: number, found: number): void {
  const { name, events, workflows } = load;
  const expected = Math.floor(events / workflows) + (index < events % workflows ? 1 : 0);
  if (found === expected) return;
  throw new Error(`${name}: expected ${expected} events in workflow ${index}, found ${found}`);
}
