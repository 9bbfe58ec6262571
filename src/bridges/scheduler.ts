import { WorkflowNotFoundError } from '@temporalio/client';
import { createAllowance } from './allowance.ts';
import { isDeadline } from './answer.ts';
import { createBreaker, type Breaker } from './breaker.ts';
import { deliver, isSettling, type Delivered } from './deliver.ts';
import {
  kindOf,
  laneKeyOf,
  takeBatch,
  takeBehind,
  type CallKind,
  type Job,
  type Lane,
} from './lanes.ts';
import { createLimiter } from './limiter.ts';
import type { Logger } from './logger.ts';
import type { Metrics } from './metrics.ts';
import type { Operation } from './plan.ts';
import type { Lease } from './record.ts';
import type { Temporal } from './temporal.ts';
import { inSpan } from './tracing.ts';

/** The longest one call to Temporal may take, in milliseconds. */
const CALL_DEADLINE = 10_000;
/** The least: with less, an answer that comes too late would look like an outage. */
const LEAST_DEADLINE = 1_000;
/** How much of a lease is kept for settling, in milliseconds. */
const SETTLING_TIME = 5_000;
/** How often the leases of what waits are looked at, in milliseconds. */
const LEASE_CHECK = 1_000;
const PROBE_DEADLINE = 3_000;
/** Updates wait for workers: so many at once, beside the other calls. */
const MOST_UPDATES = 50;
/**
 * How long an event for an inbox waits for others while there is a backlog, in milliseconds, and how many are worth no
 * wait: what is behind it in the queue has waited longer, and a call for each costs Temporal more than one for all.
 */
const GATHERING = 50;
const ENOUGH = 50;
/** How long nothing is sent after Temporal asked for fewer requests, in milliseconds. It doubles from the first to the last. */
const FIRST_PAUSE = 100;
const LAST_PAUSE = 5_000;

export interface SchedulerOptions {
  readonly temporal: Temporal;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** The most workflows started in a second; undefined: no limit but what Temporal can take. */
  readonly startsPerSecond: number | undefined;
  /** Whether more events are known to wait in a queue. */
  readonly hasBacklog: () => boolean;
  /** Nothing more is received: what waits for Temporal to come back is given back. */
  readonly ending: AbortSignal;
  /** What has not been handed to Temporal yet is given back. */
  readonly stopping: AbortSignal;
}

export interface Scheduler {
  readonly breaker: Breaker;
  /** How many calls may be in flight, and are. */
  readonly limit: number;
  readonly inFlight: number;
  /** Delivers one event in its turn: behind those of the same workflow that came before it, beside all others. Never rejects. */
  deliver(job: Omit<Job, 'resolve'>): Promise<Delivered>;
  close(): void;
}

/** Decides which call to Temporal goes next, when, and with what. */
export function createScheduler(options: SchedulerOptions): Scheduler {
  const { temporal, logger, metrics, hasBacklog, ending, stopping } = options;
  const limiter = createLimiter();
  const lanes = new Map<string, Lane>();
  const waiting: Record<CallKind, Lane[]> = { start: [], signal: [], update: [] };
  const starts = createAllowance(options.startsPerSecond, pump);
  const breaker = createBreaker({ probe, onShut: pump, logger, signal: ending });
  let turns = 0;
  let updates = 0;
  /** The lane whose call opened the breaker. */
  let culprit: Lane | undefined;
  let pause = FIRST_PAUSE;
  let resume: NodeJS.Timeout | undefined;
  /** What arrives together is sent together: calls begin when all that came in has been looked at. */
  let pumping: NodeJS.Immediate | undefined;

  /** Lines a lane up for its next call, unless it waits for more to go with it. */
  function line(lane: Lane): void {
    const [job] = lane.jobs;
    if (!job) return void lanes.delete(lane.key);
    const isGathering =
      job.planned.plan.operation === 'inbox' &&
      lane.jobs.length < ENOUGH &&
      hasBacklog() &&
      !ending.aborted;
    if (isGathering) setTimeout(lineUp, GATHERING, lane);
    else lineUp(lane);
  }

  function lineUp(lane: Lane): void {
    const [job] = lane.jobs;
    if (!job) return void lanes.delete(lane.key);
    lane.turn = turns;
    turns += 1;
    waiting[kindOf(job.planned.plan)].push(lane);
    pumping ??= setImmediate(pump);
  }

  /** The lane whose turn it is, among those whose call may go out now. */
  function next(): Lane | undefined {
    const free: CallKind[] = [];
    if (limiter.hasRoom) {
      free.push('signal');
      if (starts.isFree) free.push('start');
    }
    const [update] = waiting.update;
    if (updates < MOST_UPDATES && (!startsWorkflow(update) || starts.isFree)) free.push('update');
    let chosen: CallKind | undefined;
    for (const kind of free) {
      const turn = waiting[kind][0]?.turn;
      if (turn === undefined) continue;
      if (chosen === undefined || turn < (waiting[chosen][0]?.turn ?? 0)) chosen = kind;
    }
    return chosen && waiting[chosen].shift();
  }

  function pump(): void {
    clearImmediate(pumping);
    pumping = undefined;
    while (!breaker.isOpen && resume === undefined) {
      const lane = next();
      if (!lane) return;
      void run(lane);
    }
  }

  /** @returns what came of its first event; undefined when nothing was sent. */
  async function run(lane: Lane): Promise<Delivered | undefined> {
    const batch = takeBatch(lane);
    const time = Math.min(...batch.map(({ lease }) => callTimeOf(lease)));
    if (time < LEAST_DEADLINE) {
      // The sweep would have found it within a second; a call must not be begun any more.
      for (const { resolve } of [...batch, ...takeBehind(lane)]) {
        resolve({ delivery: breaker.isOpen ? 'unavailable' : 'held-too-long' });
      }
      line(lane);
      return undefined;
    }
    const [first] = batch as readonly [Job];
    const kind = kindOf(first.planned.plan);
    const isSteered = kind !== 'update';
    if (isSteered) limiter.begin();
    else updates += 1;
    if ('taskQueue' in first.planned.plan) starts.take();
    const calledAt = Date.now();
    const began = performance.now();
    const answers = await inSpan(batch, () =>
      deliver(
        temporal,
        batch.map(({ planned }) => planned),
        calledAt + time,
      ),
    );
    const latency = performance.now() - began;
    const [answer] = answers as readonly [Delivered];
    if (isSteered) limiter.end(answer.delivery === 'delivered' ? latency : null);
    else updates -= 1;
    metrics.called(first.planned.plan.operation, latency, batch.length);
    if (comesAgain(answer, first.planned.plan.operation, calledAt, lane)) {
      lane.jobs.unshift(...batch);
    } else {
      batch.forEach(({ resolve }, index) => resolve(answers[index] ?? answer));
      const again = answers.find(({ delivery }) => !isSettling(delivery));
      if (again) for (const { resolve } of takeBehind(lane)) resolve(answerBehind(again));
    }
    line(lane);
    pumping ??= setImmediate(pump);
    return answer;
  }

  /** Whether the events of a call stay in hand for another one, as its answer concerns all calls. */
  function comesAgain(
    answer: Delivered,
    operation: Operation,
    calledAt: number,
    lane: Lane,
  ): boolean {
    const { delivery, error } = answer;
    if (delivery === 'unavailable' || delivery === 'denied') {
      // A call that hangs while others are answered says nothing about Temporal.
      const isAlone = isDeadline(error) && breaker.answeredSince(calledAt);
      if (delivery === 'unavailable' && isAlone) return false;
      trip(delivery, error, lane);
      return !ending.aborted;
    }
    if (delivery === 'throttled') {
      metrics.throttled(operation);
      limiter.refused();
      hold();
      return !stopping.aborted;
    }
    breaker.answered();
    pause = FIRST_PAUSE;
    return false;
  }

  function trip(code: 'unavailable' | 'denied', error: unknown, lane: Lane): void {
    if (!breaker.isOpen) culprit = lane;
    breaker.trip(code, String(error));
    // Nobody waits for it to shut any more.
    if (ending.aborted) giveBack({ delivery: code, error }, () => true);
  }

  /** Sends nothing for a while. */
  function hold(): void {
    if (resume) return;
    resume = setTimeout(
      () => {
        resume = undefined;
        pump();
      },
      pause * (0.5 + Math.random() / 2),
    );
    pause = Math.min(LAST_PAUSE, pause * 2);
  }

  /** What opened the breaker is what it has to shut for: another namespace, say, may answer all the while. */
  function takeCulprit(): Lane | undefined {
    for (const lined of Object.values(waiting)) {
      const index = lined.findIndex((lane) => lane === culprit);
      if (index !== -1) return lined.splice(index, 1)[0];
    }
    return undefined;
  }

  /** While the breaker is open: an event in hand tells best whether events can be delivered. */
  async function probe(): Promise<void> {
    const lane = takeCulprit() ?? waiting.start.shift() ?? waiting.signal.shift();
    const answer = lane && (await run(lane));
    if (answer) {
      if (isOutage(answer)) throw answer.error;
      return;
    }
    await temporal.call(Date.now() + PROBE_DEADLINE, 'probe', async () => {
      try {
        // What it asks about need not exist.
        await temporal.in(undefined).getHandle('waybill-probe').describe();
      } catch (error) {
        if (!(error instanceof WorkflowNotFoundError)) throw error;
      }
    });
  }

  /** Gives back what waits and is not worth holding any longer. */
  function giveBack(answer: Delivered, isDue: (job: Job) => boolean): void {
    for (const lane of lanes.values()) {
      for (let first = lane.jobs.findIndex(isDue); first !== -1;) {
        const due = [...lane.jobs.splice(first, 1), ...takeBehind(lane, first)];
        for (const { resolve } of due) resolve(answer);
        first = lane.jobs.findIndex(isDue);
      }
    }
    // What is first in a lane now may be of another kind.
    const lined = Object.values(waiting).flatMap((some) => some.splice(0));
    for (const lane of lined.toSorted((one, other) => one.turn - other.turn)) {
      const [job] = lane.jobs;
      if (job) waiting[kindOf(job.planned.plan)].push(lane);
      else lanes.delete(lane.key);
    }
  }

  const sweep = setInterval(() => {
    giveBack(
      { delivery: breaker.isOpen ? 'unavailable' : 'held-too-long' },
      ({ lease }) => callTimeOf(lease) < LEAST_DEADLINE,
    );
  }, LEASE_CHECK).unref();
  const onEnding = () => {
    if (breaker.isOpen) giveBack({ delivery: 'unavailable' }, () => true);
  };
  const onStopping = () => giveBack({ delivery: 'stopping' }, () => true);
  ending.addEventListener('abort', onEnding);
  stopping.addEventListener('abort', onStopping);

  return {
    breaker,
    get limit() {
      return limiter.limit;
    },
    get inFlight() {
      return limiter.inFlight + updates;
    },
    deliver(job) {
      return new Promise((resolve) => {
        if (stopping.aborted) return resolve({ delivery: 'stopping' });
        if (ending.aborted && breaker.isOpen) return resolve({ delivery: 'unavailable' });
        const key = laneKeyOf(job.planned);
        const lane = lanes.get(key);
        if (lane) return void lane.jobs.push({ ...job, resolve });
        const created: Lane = { key, jobs: [{ ...job, resolve }], turn: 0 };
        lanes.set(key, created);
        line(created);
      });
    },
    close() {
      clearInterval(sweep);
      clearTimeout(resume);
      clearImmediate(pumping);
      starts.close();
      ending.removeEventListener('abort', onEnding);
      stopping.removeEventListener('abort', onStopping);
    },
  };
}

function startsWorkflow(lane: Lane | undefined): boolean {
  const plan = lane?.jobs[0]?.planned.plan;
  return plan !== undefined && 'taskQueue' in plan;
}

/** What those behind an event that comes again are told: what concerns their workflow concerns them too. */
function answerBehind(again: Delivered): Delivered {
  const { delivery } = again;
  return delivery === 'early' || delivery === 'busy' ? again : { delivery: 'workflow-stopped' };
}

/** How long a call may take, in milliseconds. */
function callTimeOf({ until }: Lease): number {
  return Math.min(CALL_DEADLINE, until - SETTLING_TIME - Date.now());
}

function isOutage({ delivery }: Delivered): boolean {
  return delivery === 'unavailable' || delivery === 'denied';
}
