import type { Client } from '@temporalio/client';
import { EVENT_SIGNAL, type EventData, type Load, WORKFLOW_TYPE } from './events.ts';

/** What whoever has no bridge does with an event: one call, a start or a signal. */
export async function callWith(client: Client, load: Load, data: EventData): Promise<void> {
  const { workflowId } = data;
  if (load.operation === 'start') {
    await client.workflow.start(WORKFLOW_TYPE, { workflowId, taskQueue: load.name, args: [data] });
  } else {
    await client.workflow.getHandle(workflowId).signal(EVENT_SIGNAL, data);
  }
}
