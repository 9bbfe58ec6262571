import { setTimeout as delay } from 'node:timers/promises';
import { isGrpcServiceError, type Connection } from '@temporalio/client';
import proto from '@temporalio/proto';
import {
  DEPLOYMENT,
  ORDERS_TASK_QUEUE,
  PARTNERS_TASK_QUEUE,
  PAYMENTS_TASK_QUEUE,
} from '../contracts/taskQueues.ts';

const { TASK_QUEUE_TYPE_ACTIVITY: ACTIVITY, TASK_QUEUE_TYPE_WORKFLOW: WORKFLOW } =
  proto.temporal.api.enums.v1.TaskQueueType;
/** gRPC's status codes: nobody of this version has polled; not yet. */
const NOT_YET: readonly number[] = [5, 9];
/** In milliseconds. */
const LOOK_EVERY = 1_000;

/** What workers of a version have to poll before tasks go to it. */
const POLLED = [
  { name: ORDERS_TASK_QUEUE, type: WORKFLOW, says: `workflows of ${ORDERS_TASK_QUEUE}` },
  { name: ORDERS_TASK_QUEUE, type: ACTIVITY, says: `activities of ${ORDERS_TASK_QUEUE}` },
  { name: PAYMENTS_TASK_QUEUE, type: ACTIVITY, says: `activities of ${PAYMENTS_TASK_QUEUE}` },
  { name: PARTNERS_TASK_QUEUE, type: ACTIVITY, says: `activities of ${PARTNERS_TASK_QUEUE}` },
];

export interface RolloutOptions {
  readonly namespace: string;
  readonly buildId: string;
  /** How long workers of this build may take to come, in milliseconds. */
  readonly within: number;
}

/** Nothing was changed: tasks go where they went. */
export class RolloutError extends Error {
  override readonly name = 'RolloutError';
}

/**
 * Sends all tasks to the workers of one build, once these poll all task queues: running workflows go on with its code.
 *
 * @returns the build that got the tasks before, null where these were workers without one.
 * @throws RolloutError when no workers of this build come in time, or Temporal says that they do not do.
 */
export async function rollOut(
  { workflowService }: Pick<Connection, 'workflowService'>,
  { namespace, buildId, within }: RolloutOptions,
): Promise<string | null> {
  const deadline = Date.now() + within;
  for (;;) {
    const missing = await missingPollers();
    const refusal =
      missing.length === 0 ? await makeCurrent() : `nobody polls the ${missing.join(', the ')}`;
    if (typeof refusal === 'object') return refusal.before;
    if (Date.now() > deadline) throw new RolloutError(refusal);
    await delay(LOOK_EVERY);
  }

  async function missingPollers(): Promise<readonly string[]> {
    const version = { deploymentName: DEPLOYMENT, buildId };
    const described = await unlessNotYet(
      workflowService.describeWorkerDeploymentVersion({ namespace, deploymentVersion: version }),
    );
    const polled = typeof described === 'string' ? [] : described.versionTaskQueues;
    return POLLED.filter(
      ({ name, type }) => !polled.some((queue) => queue.name === name && queue.type === type),
    ).map(({ says }) => says);
  }

  /** Temporal itself refuses a version whose pollers have gone, or who miss a task queue of the one before. */
  async function makeCurrent(): Promise<string | { readonly before: string | null }> {
    const answer = await unlessNotYet(
      workflowService.setWorkerDeploymentCurrentVersion({
        namespace,
        deploymentName: DEPLOYMENT,
        buildId,
      }),
    );
    if (typeof answer === 'string') return answer;
    return { before: answer.previousDeploymentVersion?.buildId ?? null };
  }
}

/** What Temporal says where the version is not there yet, or not as it has to be. */
async function unlessNotYet<Answer extends object>(
  asking: Promise<Answer>,
): Promise<Answer | string> {
  try {
    return await asking;
  } catch (error) {
    if (isGrpcServiceError(error) && NOT_YET.includes(Number(error.code))) return error.details;
    throw error;
  }
}
