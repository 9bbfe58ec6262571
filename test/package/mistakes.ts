// What the compiler has to refuse of a user of the package: an expected error that is missing is one.
import { z } from 'zod';
import { on, signalReference, workflowReference, type Route } from '../../src/bridges/index.ts';
import { TASK_QUEUE } from './contracts.ts';
import type { parcelWorkflow } from './workflows.ts';

const parcel = workflowReference<typeof parcelWorkflow>('parcelWorkflow', TASK_QUEUE);
const follow = signalReference<[string]>('follow');
const event = on('carrier', 'ParcelLost', z.object({ parcelId: z.string() }));
const limits = { early: '1h', late: 'park' } as const;

export const routes: readonly Route[] = [
  // @ts-expect-error -- the workflow takes a string
  event.start(parcel, ({ data }) => ({ workflowId: data.parcelId, args: [1] })),
  // @ts-expect-error -- the signal takes a string
  event.signal(follow, ({ data }) => ({ workflowId: data.parcelId, args: [] }), limits),
  // @ts-expect-error -- the schema has no such field
  event.inbox(({ data }) => data.orderId, limits),
  // @ts-expect-error -- what becomes of a late event has to be said
  event.inbox(({ data }) => data.parcelId, { early: '1h' }),
];
