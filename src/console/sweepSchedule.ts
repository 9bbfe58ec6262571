import { isDeepStrictEqual } from 'node:util';
import {
  ScheduleAlreadyRunning,
  ScheduleNotFoundError,
  type ScheduleClient,
  type ScheduleDescription,
  type ScheduleHandle,
} from '@temporalio/client';
import { NIGHTLY_SWEEP, SWEEP_SCHEDULE, sweepWorkflow } from '../contracts/sweep.ts';

/** What it came to. */
export interface EnsuredSchedule {
  readonly was: 'absent' | 'different' | 'as it should be';
  /** Somebody has stopped it for a while: nothing is started until they let it go on. */
  readonly paused: boolean;
}

const HOUR = 2;
const MINUTE = 30;

/** A sweep that goes on is left alone: the next is left out. What Temporal was down for is made up within the hour. */
const POLICIES = { overlap: 'SKIP', catchupWindow: 3_600_000, pauseOnFailure: false } as const;

const ACTION = {
  type: 'startWorkflow',
  workflowType: sweepWorkflow.workflowType,
  taskQueue: sweepWorkflow.taskQueue,
  workflowId: NIGHTLY_SWEEP,
  args: [],
} as const;

const WANTED = {
  spec: { calendars: [{ hour: HOUR, minute: MINUTE }], timezone: 'UTC' },
  action: { ...ACTION, args: [] },
  policies: POLICIES,
};

/**
 * Has the service swept each day at 02:30 UTC: makes the schedule, or brings what is there up to date. Whether it is
 * paused is left to whoever paused it.
 */
export async function ensureSweepSchedule(client: ScheduleClient): Promise<EnsuredSchedule> {
  const handle = client.getHandle(SWEEP_SCHEDULE);
  for (;;) {
    const found = await describe(handle);
    if (found) return await correct(handle, found);
    try {
      await client.create({ scheduleId: SWEEP_SCHEDULE, ...WANTED });
      return { was: 'absent', paused: false };
    } catch (error) {
      // Somebody else has made it meanwhile: perhaps another one.
      if (!(error instanceof ScheduleAlreadyRunning)) throw error;
    }
  }
}

async function describe(handle: ScheduleHandle): Promise<ScheduleDescription | undefined> {
  try {
    return await handle.describe();
  } catch (error) {
    if (error instanceof ScheduleNotFoundError) return undefined;
    throw error;
  }
}

async function correct(
  handle: ScheduleHandle,
  found: ScheduleDescription,
): Promise<EnsuredSchedule> {
  const { paused } = found.state;
  if (isAsWanted(found)) return { was: 'as it should be', paused };
  await handle.update(({ state }) => ({ ...WANTED, state }));
  return { was: 'different', paused };
}

/** Nothing is written where nothing is to be changed: an update would drop a run that is still to be made up. */
function isAsWanted({ spec, action, policies }: ScheduleDescription): boolean {
  const { type, workflowType, taskQueue, workflowId, args } = action;
  const found = { spec, action: { type, workflowType, taskQueue, workflowId, args }, policies };
  // As it is sent, without fields that are there and undefined.
  return isDeepStrictEqual(JSON.parse(JSON.stringify(found)), {
    spec: DESCRIBED_SPEC,
    action: ACTION,
    policies: POLICIES,
  });
}

/** The times of `WANTED`, as Temporal says them. */
const DESCRIBED_SPEC = {
  calendars: [
    {
      second: [range(0)],
      minute: [range(MINUTE)],
      hour: [range(HOUR)],
      dayOfMonth: [range(1, 31)],
      month: [range('JANUARY', 'DECEMBER')],
      year: [],
      dayOfWeek: [range('SUNDAY', 'SATURDAY')],
      comment: '',
    },
  ],
  intervals: [],
  skip: [],
  timezone: 'UTC',
};

function range<Value>(start: Value, end = start) {
  return { start, end, step: 1 };
}
