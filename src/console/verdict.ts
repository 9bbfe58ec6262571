import type { LatePlan, Plan, StartPlan } from '../bridges/plan.ts';
import type { ReadRecord } from '../bridges/reader.ts';
import type { ParkingCode } from '../contracts/parking.ts';
import type { WorkflowState } from './workflowState.ts';

/** What the bridge would do with one event, as things stand. */
export interface Verdict {
  readonly kind: 'deliver' | 'acknowledge' | 'wait' | 'park' | 'release';
  /** Why it would be parked. */
  readonly code: ParkingCode | null;
  /** `would signal order:web:42: closed 3 days ago as completed, late policy acknowledges`. */
  readonly text: string;
  /** The same without what is this event's own, by which events are counted together. */
  readonly summary: string;
}

export interface Judged {
  /** Its plan, where it came as far. */
  readonly record: ReadRecord;
  /** Of the workflow that the plan names; null: it was not asked for. */
  readonly state: WorkflowState | null;
  /** Of the workflow that the late policy would start, where the plan's is closed. */
  readonly followUpState: WorkflowState | null;
  /** The hash of an event's data, as the bridge writes it into the memo of a workflow it starts. */
  readonly contentHash: (data: unknown) => string;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** Judges one event, without asking anybody. */
export function judge(judged: Judged): Verdict {
  const { record } = judged;
  switch (record.kind) {
    case 'rejected':
      return {
        ...park(record.code),
        text: `would be parked: ${record.code}: ${record.reason}`,
      };
    case 'failed':
      return {
        kind: 'release',
        code: null,
        text: `would be released, again and again: a function of its route failed: ${record.reason}`,
        summary: 'would be released, again and again: a function of the route failed',
      };
    case 'planned':
      return judgePlan(record.planned.plan, judged);
  }
}

function judgePlan(plan: Plan, judged: Judged): Verdict {
  if (plan.operation === 'ignore') {
    const text = 'would be acknowledged: its route ignores it';
    return { kind: 'acknowledge', code: null, text, summary: text };
  }
  const { state } = judged;
  if (state === null) return outcome('deliver', plan, doing(plan));
  if (plan.operation === 'start') return judgeStart(plan, state, judged);
  switch (state.is) {
    case 'running':
      return outcome('deliver', plan, doing(plan, true), state, judged.now);
    case 'closed':
      return judgeLate(plan, plan.late, state, judged);
    case 'absent': {
      if (!('earlySeconds' in plan)) {
        return outcome('deliver', plan, doing(plan, false), state, judged.now);
      }
      const { earlySeconds } = plan;
      return earlySeconds > 0
        ? outcome(
            'wait',
            plan,
            doing(plan),
            state,
            judged.now,
            `waits for it up to ${earlySeconds} s, then parked as early`,
          )
        : parked('early', plan, state, judged.now);
    }
  }
}

function judgeStart(
  plan: StartPlan,
  state: WorkflowState,
  { record, contentHash, now }: Judged,
): Verdict {
  if (state.is === 'absent') return outcome('deliver', plan, doing(plan), state, now);
  const data = record.kind === 'planned' ? record.planned.event.data : undefined;
  return state.contentHash === contentHash(data)
    ? outcome(
        'acknowledge',
        plan,
        doing(plan),
        state,
        now,
        'started before with this content, a duplicate',
      )
    : parked('conflict', plan, state, now);
}

function judgeLate(plan: Targeted, late: LatePlan, state: WorkflowState, judged: Judged): Verdict {
  const { now } = judged;
  if (late === 'park') return parked('late', plan, state, now);
  if (late === 'acknowledge') {
    return outcome('acknowledge', plan, doing(plan, true), state, now, 'late policy acknowledges');
  }
  const next = judged.followUpState
    ? judgeStart(late, judged.followUpState, judged)
    : outcome('deliver', late, doing(late));
  const first = outcome(next.kind, plan, doing(plan, true), state, now, 'late policy');
  return {
    kind: next.kind,
    code: next.code,
    text: `${first.text} ${next.text}`,
    summary: next.code === null ? `${first.summary} ${next.summary}` : next.summary,
  };
}

type Targeted = Exclude<Plan, { operation: 'ignore' }>;

/** @param runs - whether the workflow runs, where that is known. */
function doing(plan: Targeted, runs?: boolean): (subject: string) => string {
  switch (plan.operation) {
    case 'start':
      return (subject) => `start ${subject}`;
    case 'inbox':
    case 'signal':
      return (subject) => `signal ${subject}`;
    case 'update':
      return (subject) => `update ${subject}`;
    case 'signalWithStart':
      return withStart('signal', runs);
    case 'updateWithStart':
      return withStart('update', runs);
  }
}

function withStart(verb: string, runs: boolean | undefined): (subject: string) => string {
  if (runs === undefined)
    return (subject) => `${verb} ${subject}, and start it where it does not run`;
  return (subject) => (runs ? `${verb} ${subject}` : `start and ${verb} ${subject}`);
}

function outcome(
  kind: Verdict['kind'],
  { workflowId }: Targeted,
  does: (subject: string) => string,
  state: WorkflowState | null = null,
  now = 0,
  consequence = '',
): Verdict {
  const tail = consequence && `, ${consequence}`;
  const say = (subject: string, condition: string) =>
    `would ${does(subject)}${condition && `: ${condition}`}${tail}`;
  return {
    kind,
    code: null,
    text: say(workflowId, state ? describeState(state, now) : ''),
    summary: say('a workflow', state ? (state.is === 'absent' ? NEVER : state.is) : ''),
  };
}

function parked(
  code: ParkingCode,
  { workflowId }: Targeted,
  state: WorkflowState,
  now: number,
): Verdict {
  return {
    ...park(code),
    text: `would be parked: ${code}: ${workflowId} ${verbFor(state)}${describeState(state, now)}${code === 'conflict' ? ', started before with other content' : ''}`,
  };
}

function park(code: ParkingCode) {
  return { kind: 'park', code, summary: `would be parked: ${code}` } as const;
}

function verbFor({ is }: WorkflowState): string {
  return is === 'absent' ? '' : 'is ';
}

const NEVER = 'never existed';

/** `closed 3 days ago as completed`. */
function describeState(state: WorkflowState, now: number): string {
  if (state.is === 'absent') return NEVER;
  if (state.is === 'running') return 'running';
  return `closed ${ago(now - Date.parse(state.at))} as ${state.as}`;
}

const UNITS = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
  ['second', 1_000],
] as const;

/** `3 days ago`, in the largest unit of which it is at least one. */
export function ago(milliseconds: number): string {
  const [unit, length] = UNITS.find((each) => milliseconds >= each[1]) ?? ['second', 1_000];
  const count = Math.max(0, Math.floor(milliseconds / length));
  return `${count} ${unit}${count === 1 ? '' : 's'} ago`;
}
