import { z } from 'zod';
import { on, signalReference, workflowReference, type Route } from '../../src/bridges/index.ts';
import { FOLLOW, TASK_QUEUE, type Scan } from './contracts.ts';
import type { parcelWorkflow, subscriberWorkflow } from './workflows.ts';

const parcel = workflowReference<typeof parcelWorkflow>('parcelWorkflow', TASK_QUEUE);
const subscriber = workflowReference<typeof subscriberWorkflow>('subscriberWorkflow', TASK_QUEUE);
const follow = signalReference<[string]>(FOLLOW);

const registered = z.object({ parcelId: z.string(), origin: z.string() });
const scanned: z.ZodType<Scan> = z.object({
  parcelId: z.string(),
  place: z.string(),
  delivered: z.boolean(),
});
const followed = z.object({ subscriberId: z.string(), parcelId: z.string() });

const workflowIdOf = ({ data }: { readonly data: { readonly parcelId: string } }) =>
  `parcel:${data.parcelId}`;

export const routes: readonly Route[] = [
  on('carrier', 'ParcelRegistered', registered).start(parcel, (event) => ({
    workflowId: workflowIdOf(event),
    args: [event.data.origin],
  })),
  on('carrier', 'ParcelScanned', scanned).inbox(workflowIdOf, {
    early: '15m',
    late: 'acknowledge',
  }),
  on('shop', 'ParcelFollowed', followed).signalWithStart(
    subscriber,
    follow,
    ({ data }) => ({
      workflowId: `subscriber:${data.subscriberId}`,
      args: [2],
      signalArgs: [data.parcelId],
    }),
    { late: 'park' },
  ),
];
