import type { Connection } from '@temporalio/client';
import { allowed } from './refusal.ts';

/**
 * For how many days a namespace keeps closed workflows, at the least: as long as SQS keeps a message at the most. What is
 * redriven on its last day still meets the workflow that has dealt with it.
 */
export const LEAST_RETENTION_DAYS = 14;

const DAY_SECONDS = 86_400;

/** Has a namespace keep closed workflows for `LEAST_RETENTION_DAYS`; what keeps them longer is left as it is. */
export async function ensureRetention(
  { workflowService }: Pick<Connection, 'workflowService'>,
  namespace: string,
): Promise<'different' | 'refused' | 'as it should be'> {
  const { config } = await workflowService.describeNamespace({ namespace });
  const seconds = Number(config?.workflowExecutionRetentionTtl?.seconds ?? 0);
  if (seconds >= LEAST_RETENTION_DAYS * DAY_SECONDS) return 'as it should be';
  const wanted = { seconds: (LEAST_RETENTION_DAYS * DAY_SECONDS) as never };
  const isChanged = await allowed(() =>
    workflowService.updateNamespace({
      namespace,
      config: { workflowExecutionRetentionTtl: wanted },
    }),
  );
  return isChanged ? 'different' : 'refused';
}
