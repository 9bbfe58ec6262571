import {
  WorkflowExecutionAlreadyStartedError,
  type WorkflowClient,
  type WorkflowExecutionDescription,
} from '@temporalio/client';
import type { Priority } from '@temporalio/common';
import { contentHash } from './contentHash.ts';

export interface StartOnce {
  readonly workflowId: string;
  readonly workflowType: string;
  readonly taskQueue: string;
  readonly args: readonly unknown[];
  /** Default: Temporal's own. */
  readonly priority?: Priority | undefined;
  /** Kept in the memo, so that the messages can be found from the workflow. */
  readonly eventId: string;
  /** What makes two starts the same one; not the arguments, into which the starter may put more than came. */
  readonly content: unknown;
}

/** `duplicate`: started before with the same content. `conflict`: with other content. */
export type StartAnswer = 'started' | 'duplicate' | 'conflict';

/**
 * Starts a workflow unless its ID has been used before, running or closed, for as long as Temporal retains it.
 *
 * @throws what Temporal's client throws, other than that it was started already.
 */
export async function startOnce(client: WorkflowClient, start: StartOnce): Promise<StartAnswer> {
  const { workflowId, workflowType, taskQueue, args, priority, eventId } = start;
  const hash = contentHash(start.content);
  try {
    await client.start(workflowType, {
      workflowId,
      taskQueue,
      args: [...args],
      ...(priority && { priority }),
      memo: { eventId, contentHash: hash },
      workflowIdConflictPolicy: 'FAIL',
      workflowIdReusePolicy: 'REJECT_DUPLICATE',
    });
    return 'started';
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    const known = await client.getHandle(workflowId).describe();
    return hashIn(known) === hash ? 'duplicate' : 'conflict';
  }
}

function hashIn({ memo }: WorkflowExecutionDescription): unknown {
  return memo?.['contentHash'];
}
