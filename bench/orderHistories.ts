import type { Client } from '@temporalio/client';
import type { History } from './historyCost.ts';

/** The histories of a workflow, beginning with this run: of the runs it continued in, and of its children. */
export async function fetchHistories(
  client: Client,
  workflowId: string,
  runId: string,
): Promise<readonly History[]> {
  const history = await client.workflow.getHandle(workflowId, runId).fetchHistory();
  const histories: History[] = [history];
  for (const event of history.events ?? []) {
    const next = event.workflowExecutionContinuedAsNewEventAttributes?.newExecutionRunId;
    const child = event.childWorkflowExecutionStartedEventAttributes?.workflowExecution;
    if (next) histories.push(...(await fetchHistories(client, workflowId, next)));
    if (child?.workflowId && child.runId) {
      histories.push(...(await fetchHistories(client, child.workflowId, child.runId)));
    }
  }
  return histories;
}
