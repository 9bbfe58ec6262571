import type { Client } from '@temporalio/client';
import {
  decodeArrayFromPayloads,
  decodeMapFromPayloads,
} from '@temporalio/common/lib/internal-non-workflow/index.js';
import { optionalTsToMs } from '@temporalio/common/lib/time.js';
import type { temporal } from '@temporalio/proto';
import type { QueryDefinition } from '@temporalio/common';
import {
  inboxQuery,
  inboxSignal,
  type InboxContent,
  type InboxEvent,
  type InboxRecord,
} from '../contracts/inbox.ts';
import { orderQuery, orderWorkflow } from '../contracts/orders.ts';
import type { WorkflowReference } from '../contracts/references.ts';
import { returnQuery, returnWorkflow } from '../contracts/returns.ts';
import type { OrderState } from '../domain/order.ts';
import type { ReturnState } from '../domain/return.ts';

type HistoryEvent = temporal.api.history.v1.IHistoryEvent;

/** What Temporal knows of one workflow that has an inbox. */
export interface WorkflowFacts<State extends string> {
  readonly workflowId: string;
  readonly running: boolean;
  /** In milliseconds since the epoch; null while it runs. */
  readonly closedAt: number | null;
  /** The state the workflow says it is in; null where its run ended without saying so. */
  readonly state: State | null;
  /** The event that started it. */
  readonly startedBy: string | null;
  readonly inbox: InboxContent;
  /** The IDs of all events that were signalled to the present run, by its history. */
  readonly signalled: readonly string[];
}

export type OrderFacts = WorkflowFacts<OrderState>;
export type ReturnFacts = WorkflowFacts<ReturnState>;

/** Reads every order's workflow: its history, and, while it runs, what it says of itself. */
export async function readOrderFacts(client: Client): Promise<readonly OrderFacts[]> {
  return await readAll(client, orderWorkflow, orderQuery);
}

/** Reads every return's workflow in the same way. */
export async function readReturnFacts(client: Client): Promise<readonly ReturnFacts[]> {
  return await readAll(client, returnWorkflow, returnQuery);
}

async function readAll<State extends string>(
  client: Client,
  { workflowType }: WorkflowReference,
  query: QueryDefinition<{ readonly state: State }>,
): Promise<readonly WorkflowFacts<State>[]> {
  const ids = new Set<string>();
  for await (const { workflowId } of client.workflow.list({
    query: `WorkflowType = '${workflowType}'`,
  })) {
    ids.add(workflowId);
  }
  const facts: WorkflowFacts<State>[] = [];
  for (const workflowId of ids) facts.push(await readFacts(client, workflowId, query));
  return facts;
}

async function readFacts<State extends string>(
  client: Client,
  workflowId: string,
  query: QueryDefinition<{ readonly state: State }>,
): Promise<WorkflowFacts<State>> {
  const handle = client.workflow.getHandle(workflowId);
  const { events } = await handle.fetchHistory();
  const history = events ?? [];
  const memo = history[0]?.workflowExecutionStartedEventAttributes?.memo?.fields;
  const { eventId } = (await decodeMapFromPayloads(converter(client), memo)) ?? {};
  const completed = history.at(-1)?.workflowExecutionCompletedEventAttributes?.result?.payloads;
  const [result] = (await decode(client, completed)) as [Result<State>?];
  const last = history.at(-1);
  const running = !isClosing(last);
  return {
    workflowId,
    running,
    closedAt: running ? null : (optionalTsToMs(last?.eventTime) ?? null),
    startedBy: typeof eventId === 'string' ? eventId : null,
    signalled: await readSignalled(client, history),
    ...(running
      ? { state: (await handle.query(query)).state, inbox: await handle.query(inboxQuery) }
      : {
          state: result?.state ?? null,
          inbox: { records: result?.events ?? [], pending: [], repeats: 0 },
        }),
  };
}

/** What both kinds of workflow end with. */
interface Result<State extends string> {
  readonly state: State;
  readonly events: readonly InboxRecord[];
}

async function readSignalled(
  client: Client,
  history: readonly HistoryEvent[],
): Promise<readonly string[]> {
  const ids: string[] = [];
  for (const { workflowExecutionSignaledEventAttributes: signal } of history) {
    if (signal?.signalName !== inboxSignal.name) continue;
    const [events] = (await decode(client, signal.input?.payloads)) as [readonly InboxEvent[]];
    ids.push(...events.map(({ id }) => id));
  }
  return ids;
}

/** Whether a history's last event ended its run. */
function isClosing(event: HistoryEvent | undefined): boolean {
  return Boolean(
    event?.workflowExecutionCompletedEventAttributes ??
    event?.workflowExecutionFailedEventAttributes ??
    event?.workflowExecutionTimedOutEventAttributes ??
    event?.workflowExecutionCanceledEventAttributes ??
    event?.workflowExecutionTerminatedEventAttributes,
  );
}

async function decode(
  client: Client,
  payloads: temporal.api.common.v1.IPayload[] | null | undefined,
): Promise<unknown[]> {
  return await decodeArrayFromPayloads(converter(client), payloads);
}

function converter(client: Client) {
  return client.options.loadedDataConverter;
}
