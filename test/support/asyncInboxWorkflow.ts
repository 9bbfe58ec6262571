import { CancellationScope, condition, sleep } from '@temporalio/workflow';
import type { InboxContent, InboxEvent } from '../../src/contracts/inbox.ts';
import { Inbox, type Settled } from '../../src/workflows/inbox.ts';

/** Takes its time over every event, as the type of each says. */
export async function asyncInboxWorkflow(): Promise<InboxContent> {
  const inbox = new Inbox();
  let hasEnded = false;
  const apply = async ({ type }: InboxEvent): Promise<Settled> => {
    switch (type) {
      case 'Throw':
        throw new Error('no');
      case 'ThrowOddly':
        throw Object.create(null) as object;
      case 'TimeOut':
        await CancellationScope.withTimeout(10, () => sleep('1 day'));
        break;
      case 'Hang':
        await sleep('1 day');
        break;
      case 'End':
        hasEnded = true;
        break;
      default:
        await sleep(5);
    }
    return { outcome: 'applied' };
  };
  while (!hasEnded) {
    await condition(() => inbox.has());
    await inbox.settleNextAsync(() => true, apply);
  }
  return inbox.content();
}
