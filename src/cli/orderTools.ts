import { operationsRoutes } from '../bridges/operationsRoutes.ts';
import { orderRoutes } from '../bridges/orderRoutes.ts';
import type { Route } from '../bridges/route.ts';
import { loadConfig } from '../platform/config.ts';

/** The queues that the bridge reads. @throws UserError where none are set. */
export function readQueueUrls(): readonly string[] {
  return loadConfig('queues').queueUrls;
}

/** The order service's routes, as its bridge has them. */
export function readRoutes(): readonly Route[] {
  const config = loadConfig('routes');
  return [
    ...orderRoutes({ ...config, earlySeconds: config.earlyLimitSeconds }),
    ...operationsRoutes(),
  ];
}
