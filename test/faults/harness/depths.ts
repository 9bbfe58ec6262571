import { setTimeout as delay } from 'node:timers/promises';
import { PurgeQueueCommand } from '@aws-sdk/client-sqs';
import type { StackClients } from '../../../dev/clients.ts';
import { patiently } from '../../../dev/feed/patience.ts';
import type { Stack } from '../../../dev/stack.ts';
import { countMessages } from '../../../src/console/queues.ts';

/** The emulator slows down past this: no queue of a soak may hold more. */
export const DEEPEST = 5_000;
/** The subscribers' queues, which nobody reads here, are emptied from here on: as if they were. */
const READ_FROM = 2_000;
const EVERY = 1_000;

/** Watches how deep the queues are. */
export interface Depths {
  /**
   * Of all queues that somebody empties by himself, as last seen: dead letters wait to be redriven.
   *
   * @throws what ended the watching.
   */
  readonly latest: number;
  /** Ever seen. */
  readonly most: number;
  stop(): Promise<void>;
}

export function watchDepths({ sqs, queues }: StackClients, { outputs }: Stack): Depths {
  const stopping = new AbortController();
  const read = [...queues.map(({ url }) => url), outputs.AuditQueueUrl];
  const deadLetters = queues.map(({ deadLetterUrl }) => deadLetterUrl);
  const unread = [outputs.CustomersQueueUrl, outputs.AnalyticsQueueUrl, outputs.SecurityQueueUrl];
  const depthsOf = async (urls: readonly string[]) =>
    await Promise.all(urls.map((url) => patiently(() => countMessages(sqs, url))));
  let latest = 0;
  let most = 0;
  let failure: unknown;
  const watching = (async () => {
    while (!stopping.signal.aborted) {
      latest = Math.max(...(await depthsOf(read)));
      const others = await depthsOf(unread);
      most = Math.max(most, latest, ...others, ...(await depthsOf(deadLetters)));
      for (const [index, depth] of others.entries()) {
        const QueueUrl = unread[index];
        if (depth >= READ_FROM)
          await patiently(() => sqs.send(new PurgeQueueCommand({ QueueUrl })));
      }
      await delay(EVERY);
    }
  })();
  // Its failure is told by `latest` and `stop`.
  watching.catch((error: unknown) => (failure = error));
  return {
    get latest() {
      if (failure !== undefined) throw failure;
      return latest;
    },
    get most() {
      return most;
    },
    async stop() {
      stopping.abort();
      await watching;
    },
  };
}
