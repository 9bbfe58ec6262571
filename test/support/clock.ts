import type { WorkflowHandle } from '@temporalio/client';
import { msToTs } from '@temporalio/common/lib/time.js';
import { uniqueId } from './servers.ts';

/** How long a move of the clock may take, in milliseconds of ours. */
const DEADLINE = 20_000;

/**
 * Moves a running workflow's clock on by so many seconds: its timers and retry backoffs fire as if that time
 * had passed, and it goes on at the usual pace from there. Nothing is skipped while an activity runs.
 */
export async function advance(handle: WorkflowHandle, seconds: number): Promise<void> {
  const { connection, options } = handle.client;
  const { workflowService: service } = connection;
  const target = {
    namespace: options.namespace,
    workflowExecution: { workflowId: handle.workflowId },
  };
  const id = uniqueId('advance');
  await connection.withDeadline(Date.now() + DEADLINE, async () => {
    await service.updateWorkflowExecutionOptions({
      ...target,
      workflowExecutionOptions: {
        timeSkippingConfig: {
          enabled: true,
          fastForwardConfig: { id, duration: msToTs(seconds * 1_000) },
        },
      },
      updateMask: { paths: ['time_skipping_config'] },
    });
    await service.pollWorkflowExecutionTimeSkipping({ ...target, fastForwardId: id });
  });
}
