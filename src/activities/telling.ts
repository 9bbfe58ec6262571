import type { AndTell, Announcement, OrderActivities, Told } from '../contracts/activities.ts';

type Activity = (request: never) => Promise<unknown>;

/**
 * Each of these activities as one that tells what is due at the same time, under its name and `AndTell`. What cannot be
 * told is no failure of the activity: its answer says so, and the workflow has it told otherwise.
 */
export function telling<Activities extends Readonly<Record<keyof Activities, Activity>>>(
  activities: Activities,
  orders: Pick<OrderActivities, 'announceOrder'>,
): AndTell<Activities> {
  const entries = Object.entries<Activity>(activities).map(([name, activity]) => [
    `${name}AndTell`,
    async (request: never, due: Announcement): Promise<Told<unknown>> => {
      const [answer, told] = await Promise.allSettled([
        activity(request),
        orders.announceOrder(due),
      ]);
      if (answer.status === 'rejected') throw answer.reason;
      return { answer: answer.value, told: told.status === 'fulfilled' };
    },
  ]);
  return Object.fromEntries(entries) as AndTell<Activities>;
}
