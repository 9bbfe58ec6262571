import { z } from 'zod';
import { on, type Route, type TargetOptions } from '../../src/bridges/index.ts';
import { workflowReference } from '../../src/contracts/references.ts';
import type { inboxWorkflow } from './inboxWorkflow.ts';

/** How long an event waits for its workflow, in seconds. */
export const EARLY_SECONDS = 2;
export const SOURCE = 'test';

/** A raw event; its data names the workflow that it is for. */
export function rawEvent(type: string, id: string, eventId: string, more: object = {}) {
  return { source: SOURCE, type, eventId, data: { version: 1, id, ...more } };
}

/**
 * `Begin` starts a workflow; everything else goes into its inbox.
 *
 * @param admitted - an event is validated once this resolves.
 */
export function testRoutes(taskQueue: string, admitted?: Promise<void>): readonly Route[] {
  const plain = z.object({ version: z.literal(1), id: z.string(), note: z.string().optional() });
  const data = admitted
    ? z
        .unknown()
        .transform(async (value) => {
          await admitted;
          return value;
        })
        .pipe(plain)
    : plain;
  const inbox = (type: string, change: Partial<TargetOptions<z.infer<typeof data>>> = {}) =>
    on(SOURCE, type, data).inbox((event) => event.data.id, {
      early: EARLY_SECONDS * 1_000,
      late: 'acknowledge',
      ...change,
    });
  return [
    on(SOURCE, 'Begin', data).start(
      workflowReference<typeof inboxWorkflow>('inboxWorkflow', taskQueue),
      (event) => ({
        workflowId: event.data.id,
        args: [],
      }),
    ),
    inbox('Event'),
    inbox('End'),
    inbox('Patient', { early: '60s' }),
    inbox('Strict', { late: 'park' }),
  ];
}
