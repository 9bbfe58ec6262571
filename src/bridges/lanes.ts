import type { Delivered } from './deliver.ts';
import type { Plan } from './plan.ts';
import type { Lease, MessageTrace } from './record.ts';
import type { Planned } from './route.ts';

/** One event on its way to Temporal. */
export interface Job {
  readonly planned: Planned;
  /** Of its body, in bytes. */
  readonly size: number;
  readonly lease: Lease;
  readonly trace: MessageTrace;
  readonly resolve: (delivered: Delivered) => void;
}

/** The events in hand for one workflow, in their order. While a call is on its way the others wait. */
export interface Lane {
  readonly key: string;
  readonly jobs: Job[];
  /** Its place among the lanes that wait for a call: the lower the earlier. */
  turn: number;
}

/** The most events of one call, and the most bytes. */
const MOST_EVENTS = 100;
const MOST_BYTES = 256 * 1024;

/** What a call needs beside its place among all calls. */
export type CallKind =
  /** It starts a workflow at once. */
  | 'start'
  | 'signal'
  /** Its answer comes from a worker, so that it says nothing about the service. */
  | 'update';

const KINDS = {
  start: 'start',
  signalWithStart: 'start',
  inbox: 'signal',
  signal: 'signal',
  update: 'update',
  updateWithStart: 'update',
  ignore: 'signal',
} as const satisfies Record<Plan['operation'], CallKind>;

export function kindOf({ operation }: Plan): CallKind {
  return KINDS[operation];
}

/** Tells workflows apart. */
export function laneKeyOf({ plan, namespace, event }: Planned): string {
  return `${namespace ?? ''}\n${plan.operation === 'ignore' ? event.id : plan.workflowId}`;
}

/** Takes what goes with the next call: the first event, and where that is for an inbox, those behind it that are too. */
export function takeBatch({ jobs }: Lane): readonly Job[] {
  let size = 0;
  let count = 0;
  for (const job of jobs) {
    const isFirst = count === 0;
    if (!isFirst && (job.planned.plan.operation !== 'inbox' || size + job.size > MOST_BYTES)) break;
    size += job.size;
    count += 1;
    if (job.planned.plan.operation !== 'inbox' || count === MOST_EVENTS) break;
  }
  return jobs.splice(0, count);
}

/**
 * Takes what must not overtake an event of its workflow that comes again: all behind it, up to a start, which may be what
 * it waits for.
 *
 * @param from - the index in the lane of the first that is behind it.
 */
export function takeBehind({ jobs }: Lane, from = 0): readonly Job[] {
  const start = jobs.findIndex(
    ({ planned }, index) => index >= from && !('earlySeconds' in planned.plan),
  );
  return jobs.splice(from, (start === -1 ? jobs.length : start) - from);
}
