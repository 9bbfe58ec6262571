import { z } from 'zod';
import { sweepWorkflow, sweepWorkflowId } from '../contracts/sweep.ts';
import { on, type Route } from './route.ts';

/**
 * What becomes of events about the service's own running: what a scheduled rule of EventBridge sends starts a sweep, one
 * for each event. Its ID alone tells a redelivery, as neither time nor rule is kept of an envelope; so no such
 * event is told from another by the rule that sent it. What keeps others out is the policy of the queue, to which no
 * rule but the sweep's may send.
 */
export function operationsRoutes(): readonly Route[] {
  return [
    on('aws.events', 'Scheduled Event', z.object({})).start(sweepWorkflow, ({ id }) => ({
      workflowId: sweepWorkflowId(id),
      args: [],
    })),
  ];
}
