import type { Message } from '@aws-sdk/client-sqs';
import type { Plan } from '../bridges/plan.ts';
import type { ReadableMessage, Reader, ReadRecord } from '../bridges/reader.ts';
import { readParkingNote } from '../contracts/parking.ts';
import { inboxSignal } from '../contracts/inbox.ts';
import { judge, type Verdict } from './verdict.ts';
import type { ReadState, WorkflowState } from './workflowState.ts';

export interface ExplainOptions {
  readonly read: Reader;
  /** The hash that the bridge writes into the memo of a workflow it starts. */
  readonly contentHash: (data: unknown) => string;
  /** Absent: nobody is asked. */
  readonly readState?: ReadState;
}

/** What is explained: one message, which may hold several events. */
export interface Explainable extends ReadableMessage {
  /** Where it is from: a file and line, or a message ID. */
  readonly from: string;
}

/** What would become of one event, and why. */
export interface Explained {
  readonly from: string;
  /** Which one of the message's records. */
  readonly index: number;
  readonly eventId: string | null;
  /** `{source} {type}`; null where it could not be read so far. */
  readonly route: string | null;
  /** What the route makes of it; null where it would not be delivered. */
  readonly plan: Plan | null;
  /** What the workflow would be given, from outside: the arguments of a start, signal or update. */
  readonly payload: readonly unknown[] | null;
  /** Of the workflow; null where it was not asked for. */
  readonly state: WorkflowState | null;
  readonly verdict: Verdict;
}

/** How many messages are explained at once. */
const AT_ONCE = 10;

/** Says for each event what the bridge would do with it. It delivers nothing and changes nothing. */
export async function explain(
  messages: readonly Explainable[],
  options: ExplainOptions,
): Promise<readonly Explained[]> {
  const explained: Explained[] = [];
  for (let first = 0; first < messages.length; first += AT_ONCE) {
    const some = messages.slice(first, first + AT_ONCE);
    const each = await Promise.all(some.map((message) => explainMessage(message, options)));
    explained.push(...each.flat());
  }
  return explained;
}

async function explainMessage(
  message: Explainable,
  options: ExplainOptions,
): Promise<readonly Explained[]> {
  const records = await options.read(message);
  const parked = message.parkedBefore?.records ?? null;
  const open = records.filter(({ index }) => parked === null || parked.includes(index));
  return await Promise.all(open.map((record) => explainRecord(message.from, record, options)));
}

async function explainRecord(
  from: string,
  record: ReadRecord,
  { contentHash, readState }: ExplainOptions,
): Promise<Explained> {
  const planned = record.kind === 'planned' ? record.planned : null;
  const plan = planned?.plan ?? null;
  const stateOf = async (target: Plan | null) =>
    readState && target && target.operation !== 'ignore'
      ? await readState(target.workflowId, planned?.namespace)
      : null;
  const state = await stateOf(plan);
  const followUpState = state?.is === 'closed' ? await stateOf(followUpOf(plan)) : null;
  const identity = record.kind === 'planned' ? record.planned.event : record.identity;
  return {
    from,
    index: record.index,
    eventId: identity?.id ?? null,
    route: identity && `${identity.source} ${identity.type}`,
    plan,
    payload: planned && payloadOf(planned.plan, planned.event),
    state,
    verdict: judge({ record, state, followUpState, contentHash, now: Date.now() }),
  };
}

function followUpOf(plan: Plan | null): Plan | null {
  return plan && 'late' in plan && typeof plan.late === 'object' ? plan.late : null;
}

function payloadOf(
  plan: Plan,
  { id, type, data }: { readonly id: string; readonly type: string; readonly data: unknown },
): readonly unknown[] | null {
  switch (plan.operation) {
    case 'ignore':
      return null;
    case 'inbox':
      return [[{ id, type, data }]];
    case 'start':
    case 'signal':
    case 'update':
      return plan.args;
    case 'signalWithStart':
      return plan.signalArgs;
    case 'updateWithStart':
      return plan.updateArgs;
  }
}

/** `signal waybill.events`, `start orderWorkflow on orders`: the operation by the names that the workflow knows. */
export function describeOperation(plan: Plan): string {
  switch (plan.operation) {
    case 'ignore':
      return 'none';
    case 'start':
      return `start ${plan.workflowType} on ${plan.taskQueue}`;
    case 'inbox':
      return `signal ${inboxSignal.name}`;
    case 'signal':
      return `signal ${plan.signal}`;
    case 'update':
      return `update ${plan.update}`;
    case 'signalWithStart':
      return `signal ${plan.signal}, with start ${plan.workflowType} on ${plan.taskQueue}`;
    case 'updateWithStart':
      return `update ${plan.update}, with start ${plan.workflowType} on ${plan.taskQueue}`;
  }
}

/** A message as it was received from a queue. */
export function explainableOf(message: Message): Explainable {
  const { MessageId = '', Body = '' } = message;
  const note = readParkingNote(message);
  return {
    from: MessageId,
    messageId: MessageId,
    body: Body,
    parkedBefore: note && {
      messageId: note.messageId ?? null,
      firstSeen: note.firstSeen ?? null,
      records: note.records ?? null,
    },
  };
}

/** Counts what would become of events that are parked: the same together, in full where it is one alone. */
export function summarise(explained: readonly Explained[]): readonly string[] {
  const groups = Map.groupBy(explained, ({ verdict }) => verdict.summary);
  return [...groups.values()]
    .toSorted((some, others) => others.length - some.length)
    .map((some) => {
      const [first] = some as [Explained];
      const text = some.length === 1 ? first.verdict.text : first.verdict.summary;
      return `${some.length} x ${text.replace(/^would be parked:/, 'would be parked again:')}`;
    });
}
