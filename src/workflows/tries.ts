import { PARTNERS_TASK_QUEUE, PAYMENTS_TASK_QUEUE } from '../contracts/taskQueues.ts';

const retry = { initialInterval: '500ms', maximumInterval: '1m' } as const;

// How long one try may take: after a worker's death the next begins no sooner.

/** How the service's own activities are tried: for ever, unless a time is set for all tries together. */
export const own = { startToCloseTimeout: '20s', retry } as const;

/** How the payment provider's activities are tried: the same. */
export const provider = {
  startToCloseTimeout: '40s',
  retry,
  taskQueue: PAYMENTS_TASK_QUEUE,
} as const;

/** How what carrier and supplier are asked for is tried: as the service's own. */
export const partner = { ...own, taskQueue: PARTNERS_TASK_QUEUE } as const;
