import { DeleteMessageBatchCommand, type Message, type SQSClient } from '@aws-sdk/client-sqs';
import { setTimeout as delay } from 'node:timers/promises';
import { createBatcher } from './batch.ts';
import { createCapacity, type Capacity } from './capacity.ts';
import type { Core, EventAbout } from './core.ts';
import type { Logger } from './logger.ts';
import type { Metrics } from './metrics.ts';
import { createHider } from './hider.ts';
import { noteOf, parkMessage } from './parking.ts';
import type { Queue } from './queue.ts';
import type { Lease, SourceMessage } from './record.ts';
import type { Settlement } from './settlement.ts';
import { inTime } from './sqsClient.ts';
import { sourceMessageOf } from './sourceMessage.ts';

/** How long a received message is hidden from others, in seconds. */
export const VISIBILITY_SECONDS = 30;
/** How long it is kept hidden at the most, in milliseconds: something that hangs must not hold it for ever. */
const LONGEST_HOLD = 300_000;
/** The most messages that one receive brings. */
const FULL_RECEIVE = 10;
/** How often the messages in hand are looked over, in milliseconds. */
const HEARTBEAT = 2_500;
/** A delete that fails is tried so often, alone after the first time; then the message comes again. */
const DELETE_ATTEMPTS = 4;
/** How long the first delete of a batch waits for others, in milliseconds; nothing waits for it but its receipt. */
const DELETE_LINGER = 150;

export interface SqsSource {
  readonly queue: Queue;
  /** How many messages are in hand. */
  readonly inHand: number;
  /** The age of the oldest of them since it was sent, in seconds; 0 where there is none. */
  readonly lagSeconds: number;
  readonly capacity: Capacity;
  /** Whether the last receive came back full: there is more where it came from. */
  readonly isPouring: boolean;
  /** Takes what a receive returned. @param receivedAt - when at the latest SQS answered, in milliseconds since the epoch. */
  take(messages: readonly Message[], receivedAt?: number): void;
  /** Resolves when nothing is in hand. From now on deletes do not wait for others. */
  empty(): Promise<void>;
  close(): void;
}

/** The messages of one queue, from receive to settlement. */
export function createSqsSource(
  sqs: SQSClient,
  queue: Queue,
  core: Core,
  logger: Logger,
  metrics: Metrics,
): SqsSource {
  const inHand = new Map<Message, Lease>();
  let bytes = 0;
  let emptied = Promise.withResolvers<void>();
  let isEnding = false;
  let isPouring = false;

  const removes = createBatcher<Message>(
    DELETE_LINGER,
    async (messages) =>
      await sqs.send(
        new DeleteMessageBatchCommand({
          QueueUrl: queue.url,
          Entries: messages.map(({ ReceiptHandle }, index) => ({
            Id: String(index),
            ReceiptHandle,
          })),
        }),
        inTime(),
      ),
  );
  const hides = createHider(sqs, queue);
  const capacity = createCapacity(() => ({ messages: inHand.size, bytes }));

  async function deleteMessage(message: Message): Promise<void> {
    for (let attempt = 1; attempt <= DELETE_ATTEMPTS; attempt += 1) {
      const removing = removes.add(message);
      if (isEnding) removes.flush();
      if (await removing) return;
      await delay(100 * 2 ** attempt * (0.5 + Math.random() / 2));
    }
    logger.warn({ messageId: message.MessageId, queue: queue.name }, 'not deleted');
  }

  async function carryOut(
    message: Message,
    source: SourceMessage,
    settlement: Settlement,
    about: EventAbout,
  ): Promise<void> {
    switch (settlement.kind) {
      case 'drop':
        return;
      case 'delete':
        return await deleteMessage(message);
      case 'release':
        await hides.add({ message, seconds: settlement.delaySeconds });
        return;
      case 'park':
        await parkMessage(sqs, queue, message, noteOf(source, message, settlement, about), logger);
        return await deleteMessage(message);
    }
  }

  async function handle(message: Message, lease: Lease): Promise<void> {
    try {
      const source = sourceMessageOf(queue, message, lease, sqs.config.systemClockOffset);
      await core.handle(source, (settlement, about) =>
        carryOut(message, source, settlement, about),
      );
    } finally {
      inHand.delete(message);
      bytes -= message.Body?.length ?? 0;
      capacity.settled(1);
      if (inHand.size === 0) emptied.resolve();
    }
  }

  /** Only what is past half of its visibility timeout costs a call: under normal load, nothing. */
  async function renew(message: Message, lease: Lease): Promise<void> {
    const now = Date.now();
    if (lease.until - now > (VISIBILITY_SECONDS * 1_000) / 2 || now >= lease.cap) return;
    // A lease that ran out is lost: somebody else may have the message.
    if (now >= lease.until) return;
    if (await hides.add({ message, seconds: VISIBILITY_SECONDS })) {
      lease.until = now + VISIBILITY_SECONDS * 1_000;
    }
  }
  const heartbeat = setInterval(() => {
    for (const [message, lease] of inHand) void renew(message, lease);
  }, HEARTBEAT);

  return {
    queue,
    capacity,
    get inHand() {
      return inHand.size;
    },
    get lagSeconds() {
      const now = Date.now() + sqs.config.systemClockOffset;
      const sent = [...inHand.keys()].map(({ Attributes }) =>
        Number(Attributes?.SentTimestamp ?? now),
      );
      return Math.max(0, (now - Math.min(now, ...sent)) / 1_000);
    },
    get isPouring() {
      return isPouring;
    },
    take(messages, receivedAt = Date.now()) {
      isPouring = messages.length === FULL_RECEIVE;
      if (messages.length === 0) return;
      if (inHand.size === 0) emptied = Promise.withResolvers();
      metrics.received(queue.name, messages.length);
      for (const message of messages) {
        const lease = {
          until: receivedAt + VISIBILITY_SECONDS * 1_000,
          cap: receivedAt + LONGEST_HOLD,
        };
        inHand.set(message, lease);
        bytes += message.Body?.length ?? 0;
        void handle(message, lease);
      }
    },
    async empty() {
      isEnding = true;
      removes.flush();
      if (inHand.size > 0) await emptied.promise;
    },
    close() {
      clearInterval(heartbeat);
    },
  };
}
