import { z } from 'zod';
import { on, type Route } from '../src/bridges/index.ts';
import { signalReference, workflowReference } from '../src/contracts/references.ts';
import {
  EVENT_SIGNAL,
  EVENT_TYPE,
  type EventData,
  type Load,
  SOURCE,
  WORKFLOW_TYPE,
} from './events.ts';

const DATA = z.object({
  workflowId: z.string(),
  sentAt: z.number(),
  customer: z.string(),
  currency: z.string().length(3),
  total: z.int(),
  lines: z.array(z.object({ sku: z.string(), quantity: z.int(), price: z.int() })),
  address: z.object({
    street: z.string(),
    city: z.string(),
    postcode: z.string(),
    country: z.string(),
  }),
});

/** The bridge's routes for one run. */
export function benchRoutes({ operation, name }: Load): readonly Route[] {
  const event = on(SOURCE, EVENT_TYPE, DATA);
  const target = { early: '15m', late: 'acknowledge' } as const;
  switch (operation) {
    case 'start':
      return [
        event.start(
          workflowReference<(order: EventData) => Promise<void>>(WORKFLOW_TYPE, name),
          ({ data }) => ({ workflowId: data.workflowId, args: [data] }),
        ),
      ];
    case 'signal':
      return [
        event.signal(
          signalReference<[EventData]>(EVENT_SIGNAL),
          ({ data }) => ({ workflowId: data.workflowId, args: [data] }),
          target,
        ),
      ];
    case 'inbox':
      return [event.inbox(({ data }) => data.workflowId, target)];
  }
}
