import { setTimeout as pause } from 'node:timers/promises';
import { activityInfo } from '@temporalio/activity';
import type { AndTell, Announcement, OrderActivities, Told } from '../contracts/activities.ts';

type Activity = (request: never) => Promise<unknown>;

/** How long the telling may hold up what the activity has done, in milliseconds: far less than one try may take. */
const TELLING_WITHIN = 5_000;

/**
 * Each of these activities as one that tells what is due at the same time, under its name and `AndTell`. What cannot be
 * told, or not soon, is no failure of the activity: its answer says so, and the workflow has it told otherwise. So it is
 * where the activity is tried again: an outage would have the same told at each try.
 */
export function telling<Activities extends Readonly<Record<keyof Activities, Activity>>>(
  activities: Activities,
  orders: Pick<OrderActivities, 'announceOrder'>,
): AndTell<Activities> {
  const entries = Object.entries<Activity>(activities).map(([name, activity]) => [
    `${name}AndTell`,
    async (request: never, due: Announcement): Promise<Told<unknown>> => {
      const isFirst = activityInfo().attempt === 1;
      const [answer, told] = await Promise.allSettled([
        activity(request),
        isFirst ? isTold(orders.announceOrder(due)) : false,
      ]);
      if (answer.status === 'rejected') throw answer.reason;
      return { answer: answer.value, told: told.status === 'fulfilled' && told.value };
    },
  ]);
  return Object.fromEntries(entries) as AndTell<Activities>;
}

/** Whether it is told in time. */
async function isTold(announcement: Promise<void>): Promise<boolean> {
  const tooLate = new AbortController();
  const { signal } = tooLate;
  try {
    return await Promise.race([
      announcement.then(() => true),
      pause(TELLING_WITHIN, false, { signal }),
    ]);
  } catch {
    return false;
  } finally {
    tooLate.abort();
  }
}
