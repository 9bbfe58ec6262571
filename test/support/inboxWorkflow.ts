import { condition } from '@temporalio/workflow';
import type { InboxContent } from '../../src/contracts/inbox.ts';
import { Inbox } from '../../src/workflows/inbox.ts';

/** Takes every event as it comes, until one of type `End`: what the bridge's tests look into. */
export async function inboxWorkflow(): Promise<InboxContent> {
  const inbox = new Inbox();
  let hasEnded = false;
  while (!hasEnded) {
    await condition(() => inbox.has(() => true));
    inbox.settleNext(
      () => true,
      ({ type }) => {
        hasEnded = type === 'End';
        return { outcome: 'applied' };
      },
    );
  }
  return inbox.content();
}
