import { condition } from '@temporalio/workflow';
import { Inbox } from '../src/workflows/inbox.ts';

/** Takes every event as it comes, all in one run: its history grows for as long as it is sent some. */
export async function inboxWorkflow(): Promise<never> {
  const inbox = new Inbox();
  for (;;) {
    await condition(() => inbox.has());
    inbox.settleNext(
      () => true,
      () => ({ outcome: 'applied' }),
    );
  }
}
