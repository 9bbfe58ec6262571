import {
  ChangeMessageVisibilityBatchCommand,
  ReceiveMessageCommand,
  type Message,
  type SQSClient,
} from '@aws-sdk/client-sqs';

/** For how long a message is hidden from others when it is received, in milliseconds. */
const HIDDEN = 30_000;
/** The longest that one renewal hides a message, in milliseconds. */
const LONGEST_HIDDEN = 60_000;
/** How many messages one call to SQS takes. */
const BATCH = 10;

/** What is received from a queue and not deleted yet, hidden from others until it is released. */
export interface Scan {
  /** How many messages it hides. */
  readonly held: number;
  /** Receives once. Messages that are held already are not told again: none at all means that there is nothing new. */
  receive(): Promise<readonly Message[]>;
  /** Lets go of messages that were deleted; should one come all the same, it is told again. */
  forget(messages: readonly Message[]): void;
  /** The receipt handle of a message that is held: the last one, as it may have come again. */
  receiptOf(message: Message): string | undefined;
  /** Makes everything that is held visible again. */
  release(): Promise<void>;
}

interface Held {
  receipt: string | undefined;
  /** Milliseconds since the epoch, by the local clock. */
  until: number;
  /** Milliseconds. */
  hidden: number;
}

/** Begins to look through a queue. Receive counts rise by one. */
export function createScan(sqs: SQSClient, QueueUrl: string): Scan {
  const held = new Map<string, Held>();

  async function hide(some: readonly Held[], milliseconds: number): Promise<void> {
    await sqs.send(
      new ChangeMessageVisibilityBatchCommand({
        QueueUrl,
        Entries: some.map(({ receipt }, index) => ({
          Id: String(index),
          ReceiptHandle: receipt,
          VisibilityTimeout: milliseconds / 1_000,
        })),
      }),
    );
  }

  /** Each time for twice as long: what a long scan does not touch costs few calls, and a short one leaves nothing hidden for long. */
  async function renew(): Promise<void> {
    const due = Map.groupBy(
      [...held.values()].filter(({ until, hidden }) => until - Date.now() < hidden / 2),
      ({ hidden }) => Math.min(LONGEST_HIDDEN, hidden * 2),
    );
    for (const [hidden, some] of due) {
      for (const batch of inBatches(some)) {
        const until = Date.now() + hidden;
        await hide(batch, hidden);
        // One that could not be renewed comes again, under another receipt handle.
        for (const each of batch) Object.assign(each, { until, hidden });
      }
    }
  }

  return {
    get held() {
      return held.size;
    },
    async receive() {
      await renew();
      const until = Date.now() + HIDDEN;
      const { Messages = [] } = await sqs.send(
        new ReceiveMessageCommand({
          QueueUrl,
          MaxNumberOfMessages: BATCH,
          VisibilityTimeout: HIDDEN / 1_000,
          WaitTimeSeconds: 1,
          MessageAttributeNames: ['All'],
          MessageSystemAttributeNames: ['All'],
        }),
      );
      const unknown = Messages.filter(({ MessageId = '' }) => !held.has(MessageId));
      for (const { MessageId = '', ReceiptHandle } of Messages) {
        held.set(MessageId, { receipt: ReceiptHandle, until, hidden: HIDDEN });
      }
      return unknown;
    },
    forget(messages) {
      for (const { MessageId = '' } of messages) held.delete(MessageId);
    },
    receiptOf({ MessageId = '' }) {
      return held.get(MessageId)?.receipt;
    },
    async release() {
      for (const batch of inBatches([...held.values()])) await hide(batch, 0);
      held.clear();
    },
  };
}

export function inBatches<Item>(items: readonly Item[]): readonly (readonly Item[])[] {
  return Array.from({ length: Math.ceil(items.length / BATCH) }, (_, index) =>
    items.slice(index * BATCH, (index + 1) * BATCH),
  );
}
