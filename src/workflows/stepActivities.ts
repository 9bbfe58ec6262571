import {
  proxyActivities,
  type ActivityInterfaceFor,
  type ActivityOptions,
} from '@temporalio/workflow';
import type { Announcement, Told } from '../contracts/activities.ts';
import type { OrderRecord } from './orderRecord.ts';

/**
 * Activities of an order's steps. Each takes along what is due to be told of the order, if anything is, so that a change
 * of state which a step follows costs neither an activity nor a workflow task of its own.
 */
export function stepActivities<Activities extends object>(
  order: OrderRecord,
  options: ActivityOptions,
): ActivityInterfaceFor<Activities> {
  const plain = proxyActivities<Activities>(options);
  // Told apart from their steps, orders of the first edition must not wait a single turn more than they ever did.
  if (order.edition === 1) return plain;
  const telling = proxyActivities<Record<string, TellingActivity>>(options);
  return new Proxy(plain, {
    get: (_, name: string) => (request: unknown) =>
      order.takeAlong(
        () => (plain as Record<string, PlainActivity>)[name]!(request),
        (due) => telling[`${name}AndTell`]!(request, due),
      ),
  });
}

type PlainActivity = (request: unknown) => Promise<unknown>;
type TellingActivity = (request: unknown, due: Announcement) => Promise<Told<unknown>>;
