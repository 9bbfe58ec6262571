import { orderRoutes } from '../bridges/orderRoutes.ts';
import type { Route } from '../bridges/route.ts';
import { loadConfig, readEnvironment } from '../platform/config.ts';

/** The queues that the bridge reads. @throws UserError where none are set. */
export function readQueueUrls(): readonly string[] {
  return loadConfig('bridge').queueUrls;
}

/** The order service's routes, as its bridge has them. */
export function readRoutes(): readonly Route[] {
  // Events may be explained where no queue is set.
  const config = loadConfig('bridge', {
    ...readEnvironment(),
    WAYBILL_QUEUE_URLS: 'http://unused',
  });
  return orderRoutes({ policy: config.orderPolicy, earlySeconds: config.earlyLimitSeconds });
}
