import type { Client } from '@temporalio/client';
import {
  decodeArrayFromPayloads,
  decodeMapFromPayloads,
} from '@temporalio/common/lib/internal-non-workflow/index.js';
import type { temporal } from '@temporalio/proto';
import { inboxQuery, inboxSignal, type InboxContent, type InboxEvent } from '../contracts/inbox.ts';
import { orderQuery, orderWorkflow, type OrderResult } from '../contracts/orders.ts';
import type { OrderState } from '../domain/order.ts';

type HistoryEvent = temporal.api.history.v1.IHistoryEvent;

/** What Temporal knows of one order. */
export interface OrderFacts {
  readonly workflowId: string;
  readonly running: boolean;
  /** The state the workflow says it is in; null where its run ended without saying so. */
  readonly state: OrderState | null;
  /** The event that started it. */
  readonly startedBy: string | null;
  readonly inbox: InboxContent;
  /** The IDs of all events that were signalled to the present run, by its history. */
  readonly signalled: readonly string[];
}

/** Reads every order's workflow: its history, and, while it runs, what it says of itself. */
export async function readOrderFacts(client: Client): Promise<readonly OrderFacts[]> {
  const ids = new Set<string>();
  for await (const { workflowId } of client.workflow.list({
    query: `WorkflowType = '${orderWorkflow.workflowType}'`,
  })) {
    ids.add(workflowId);
  }
  const facts: OrderFacts[] = [];
  for (const workflowId of ids) facts.push(await readFacts(client, workflowId));
  return facts;
}

async function readFacts(client: Client, workflowId: string): Promise<OrderFacts> {
  const handle = client.workflow.getHandle(workflowId);
  const { events } = await handle.fetchHistory();
  const history = events ?? [];
  const memo = history[0]?.workflowExecutionStartedEventAttributes?.memo?.fields;
  const { eventId } = (await decodeMapFromPayloads(converter(client), memo)) ?? {};
  const completed = history.at(-1)?.workflowExecutionCompletedEventAttributes?.result?.payloads;
  const [result] = (await decode(client, completed)) as [OrderResult?];
  const running = !isClosing(history.at(-1));
  return {
    workflowId,
    running,
    startedBy: typeof eventId === 'string' ? eventId : null,
    signalled: await readSignalled(client, history),
    ...(running
      ? { state: (await handle.query(orderQuery)).state, inbox: await handle.query(inboxQuery) }
      : {
          state: result?.state ?? null,
          inbox: { records: result?.events ?? [], pending: [], repeats: 0 },
        }),
  };
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
