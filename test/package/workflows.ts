import { condition, defineSignal, setHandler } from '@temporalio/workflow';
import { Inbox } from '../../src/workflows/inbox.ts';
import { FOLLOW, type Scan } from './contracts.ts';

/** Follows one parcel until it is delivered, and answers by which places it went. */
export async function parcelWorkflow(origin: string): Promise<readonly string[]> {
  const inbox = new Inbox();
  const places = [origin];
  let isDelivered = false;
  while (!isDelivered) {
    await condition(() => inbox.has());
    inbox.settleNext(
      () => true,
      (event) => {
        const { place, delivered } = event.data as Scan;
        places.push(place);
        isDelivered = delivered;
        return { outcome: 'applied' };
      },
    );
  }
  return places;
}

/** Keeps which parcels somebody follows, until there are as many as agreed. */
export async function subscriberWorkflow(most: number): Promise<readonly string[]> {
  const followed = new Set<string>();
  setHandler(defineSignal<[string]>(FOLLOW), (parcelId) => void followed.add(parcelId));
  await condition(() => followed.size >= most);
  return [...followed];
}
