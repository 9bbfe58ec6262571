import { WorkflowNotFoundError, type Client } from '@temporalio/client';
import { inboxSignal } from '../contracts/inbox.ts';
import { nameRefusal, type Refusal } from './answer.ts';
import type { InboxPlan, Planned } from './route.ts';
import { startOnce } from './startOnce.ts';

/** What came of a delivery, by name. */
export type Delivery =
  | 'delivered'
  | 'duplicate'
  | 'conflict'
  | 'ignored'
  /** The workflow never existed. */
  | 'early'
  /** It existed, and is closed. */
  | 'late'
  | Exclude<Refusal, 'not-found'>;

export interface Delivered {
  readonly delivery: Delivery;
  /** What Temporal said, where it refused. */
  readonly error?: unknown;
}

/** Hands one event to Temporal. @param deadline - for each call, in milliseconds since the epoch. */
export async function deliver(
  client: Client,
  { event, plan }: Planned,
  deadline: number,
): Promise<Delivered> {
  try {
    return await client.connection.withDeadline(deadline, async (): Promise<Delivered> => {
      switch (plan.operation) {
        case 'ignore':
          return { delivery: 'ignored' };
        case 'start': {
          const answer = await startOnce(client, {
            ...plan,
            eventId: event.id,
            content: event.data,
          });
          return { delivery: answer === 'started' ? 'delivered' : answer };
        }
        case 'inbox':
          return await signalInbox(client, plan, event);
      }
    });
  } catch (error) {
    const refusal = nameRefusal(error);
    return { delivery: refusal === 'not-found' ? 'unexpected' : refusal, error };
  }
}

async function signalInbox(
  client: Client,
  { workflowId }: InboxPlan,
  { id, type, data }: Planned['event'],
): Promise<Delivered> {
  const handle = client.workflow.getHandle(workflowId);
  try {
    await handle.signal(inboxSignal, [{ id, type, data }]);
    return { delivery: 'delivered' };
  } catch (error) {
    if (!(error instanceof WorkflowNotFoundError)) throw error;
  }
  // "Never existed" and "closed" are the same error, and differ in what the service knows of the ID.
  try {
    const { status } = await handle.describe();
    // It was started in between: the next delivery finds it.
    return { delivery: status.name === 'RUNNING' ? 'busy' : 'late' };
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return { delivery: 'early' };
    throw error;
  }
}
