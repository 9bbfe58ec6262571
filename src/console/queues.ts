import { GetQueueAttributesCommand, type Message, type SQSClient } from '@aws-sdk/client-sqs';
import { createScan } from './scan.ts';

export interface PeekOptions {
  /** Ends the look, once it is true of what was seen. */
  readonly enough?: (seen: readonly Message[]) => boolean;
  /** Told how many messages were seen so far. */
  readonly onProgress?: (seen: number) => void;
}

/**
 * Looks at what a queue holds, and leaves it there. Meant for queues that nobody consumes, such as dead-letter
 * queues: others do not see the messages for as long as this takes, and receive counts rise by one. Of a FIFO
 * queue's message groups only what can be received at once is seen.
 */
export async function peekQueue(
  sqs: SQSClient,
  queueUrl: string,
  { enough = () => false, onProgress }: PeekOptions = {},
): Promise<readonly Message[]> {
  const scan = createScan(sqs, queueUrl);
  const seen: Message[] = [];
  try {
    while (!enough(seen)) {
      const found = await scan.receive();
      if (found.length === 0) break;
      seen.push(...found);
      onProgress?.(seen.length);
    }
  } finally {
    await scan.release();
  }
  return seen;
}

/** How many messages a queue holds, as SQS says: it is approximate. */
export interface Depth {
  /** Those that wait, and those that are delayed. */
  readonly waiting: number;
  /** Those that somebody has received and not deleted. */
  readonly inFlight: number;
}

export async function readDepth(sqs: SQSClient, QueueUrl: string): Promise<Depth> {
  const { Attributes = {} } = await sqs.send(
    new GetQueueAttributesCommand({ QueueUrl, AttributeNames: DEPTH_ATTRIBUTES }),
  );
  return depthOf(Attributes);
}

const DEPTH_ATTRIBUTES = [
  'ApproximateNumberOfMessages' as const,
  'ApproximateNumberOfMessagesDelayed' as const,
  'ApproximateNumberOfMessagesNotVisible' as const,
];

/** From a queue's attributes. */
export function depthOf(attributes: Readonly<Record<string, string | undefined>>): Depth {
  const [waiting = 0, delayed = 0, inFlight = 0] = DEPTH_ATTRIBUTES.map((name) =>
    Number(attributes[name] ?? 0),
  );
  return { waiting: waiting + delayed, inFlight };
}

/** How many messages a queue holds: waiting, delayed and in flight. SQS says it is approximate. */
export async function countMessages(sqs: SQSClient, queueUrl: string): Promise<number> {
  const { waiting, inFlight } = await readDepth(sqs, queueUrl);
  return waiting + inFlight;
}
