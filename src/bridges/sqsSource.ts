import {
  ChangeMessageVisibilityBatchCommand,
  DeleteMessageBatchCommand,
  type Message,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import { setTimeout as delay } from 'node:timers/promises';
import { createBatcher } from './batch.ts';
import type { Core, EventAbout } from './core.ts';
import type { Logger } from './logger.ts';
import { parkMessage, readNote } from './parking.ts';
import type { Queue } from './queue.ts';
import type { Lease, SourceRecord } from './record.ts';
import type { Settlement } from './settlement.ts';

/** How long a received message is hidden from others, in seconds. */
export const VISIBILITY_SECONDS = 30;
/** How long it is kept hidden at the most, in milliseconds: something that hangs must not hold it for ever. */
const LONGEST_HOLD = 300_000;
/** How often the messages in hand are looked over, in milliseconds. */
const HEARTBEAT = 2_500;
/** A delete that fails is tried so often, alone after the first time; then the message comes again. */
const DELETE_ATTEMPTS = 4;

export interface SqsSource {
  /** How many messages are in hand. */
  readonly inHand: number;
  /** Takes what a receive returned. */
  take(messages: readonly Message[]): void;
  /** Resolves when nothing is in hand. */
  empty(): Promise<void>;
  close(): void;
}

/** The messages of one queue, from receive to settlement. */
export function createSqsSource(
  sqs: SQSClient,
  queue: Queue,
  core: Core,
  logger: Logger,
): SqsSource {
  const inHand = new Map<Message, Lease>();
  let emptied = Promise.withResolvers<void>();

  const remove = createBatcher<Message>(async (messages) => {
    const { Failed = [] } = await sqs.send(
      new DeleteMessageBatchCommand({ QueueUrl: queue.url, Entries: messages.map(entryOf) }),
    );
    return indicesOf(Failed);
  });
  const hide = createBatcher<{ message: Message; seconds: number }>(async (changes) => {
    const { Failed = [] } = await sqs.send(
      new ChangeMessageVisibilityBatchCommand({
        QueueUrl: queue.url,
        Entries: changes.map(({ message, seconds }, index) => ({
          ...entryOf(message, index),
          VisibilityTimeout: seconds,
        })),
      }),
    );
    return indicesOf(Failed);
  });

  async function deleteMessage(message: Message): Promise<void> {
    for (let attempt = 1; attempt <= DELETE_ATTEMPTS; attempt += 1) {
      if (await remove(message)) return;
      await delay(100 * 2 ** attempt * (0.5 + Math.random() / 2));
    }
    logger.warn({ messageId: message.MessageId, queue: queue.name }, 'not deleted');
  }

  async function carryOut(
    message: Message,
    record: SourceRecord,
    settlement: Settlement,
    about: EventAbout,
  ): Promise<void> {
    switch (settlement.kind) {
      case 'drop':
        return;
      case 'delete':
        return await deleteMessage(message);
      case 'release':
        await hide({ message, seconds: settlement.delaySeconds });
        return;
      case 'park': {
        const noted = await parkMessage(sqs, queue, message, {
          code: settlement.code,
          reason: settlement.reason,
          ...about,
          firstSeen:
            record.parkedBefore?.firstSeen ?? new Date(record.firstReceivedAt).toISOString(),
          receives: Number(message.Attributes?.ApproximateReceiveCount ?? 1),
        });
        if (!noted)
          logger.warn({ messageId: message.MessageId, ...about }, 'parked without a note');
        return await deleteMessage(message);
      }
    }
  }

  async function handle(message: Message, lease: Lease): Promise<void> {
    const record = recordOf(queue, message, lease, sqs.config.systemClockOffset);
    try {
      await core.handle(record, (settlement, about) =>
        carryOut(message, record, settlement, about),
      );
    } finally {
      inHand.delete(message);
      if (inHand.size === 0) emptied.resolve();
    }
  }

  /** Only what is past half of its visibility timeout costs a call: under normal load, nothing. */
  async function renew(message: Message, lease: Lease): Promise<void> {
    const now = Date.now();
    if (lease.until - now > (VISIBILITY_SECONDS * 1_000) / 2 || now >= lease.cap) return;
    if (await hide({ message, seconds: VISIBILITY_SECONDS })) {
      lease.until = now + VISIBILITY_SECONDS * 1_000;
    }
  }
  const heartbeat = setInterval(() => {
    for (const [message, lease] of inHand) void renew(message, lease);
  }, HEARTBEAT);

  return {
    get inHand() {
      return inHand.size;
    },
    take(messages) {
      const now = Date.now();
      if (inHand.size === 0) emptied = Promise.withResolvers();
      for (const message of messages) {
        const lease = { until: now + VISIBILITY_SECONDS * 1_000, cap: now + LONGEST_HOLD };
        inHand.set(message, lease);
        void handle(message, lease);
      }
    },
    async empty() {
      if (inHand.size > 0) await emptied.promise;
    },
    close() {
      clearInterval(heartbeat);
    },
  };
}

/** @param clockOffset - by how much SQS's clock is ahead of ours, as the SDK saw it, in milliseconds. */
function recordOf(queue: Queue, message: Message, lease: Lease, clockOffset: number): SourceRecord {
  const { MessageId = '', Body = '', Attributes } = message;
  const firstReceivedAt = Attributes?.ApproximateFirstReceiveTimestamp;
  return {
    queue: queue.name,
    messageId: MessageId,
    body: Body,
    group: queue.fifo ? (Attributes?.MessageGroupId ?? null) : null,
    firstReceivedAt: firstReceivedAt ? Number(firstReceivedAt) - clockOffset : Date.now(),
    parkedBefore: readNote(message),
    lease,
  };
}

function entryOf({ ReceiptHandle }: Message, index: number) {
  return { Id: String(index), ReceiptHandle };
}

function indicesOf(failed: readonly { Id?: string | undefined }[]): ReadonlySet<number> {
  return new Set(failed.map(({ Id }) => Number(Id)));
}
