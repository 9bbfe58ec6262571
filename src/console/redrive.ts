import { setTimeout as delay } from 'node:timers/promises';
import {
  SendMessageBatchCommand,
  type Message,
  type SendMessageBatchRequestEntry,
} from '@aws-sdk/client-sqs';
import { attributesOf, readParkingNote, systemAttributesOf } from '../contracts/parking.ts';
import { inAttempts } from './retry.ts';
import { sweep, type SweepOptions, type Swept } from './sweep.ts';

export interface RedriveOptions extends Omit<SweepOptions, 'act' | 'isBack'> {
  /** How many messages a second, at the most. */
  readonly rate: number;
}

/** What one SendMessageBatch takes in sum, in bytes. */
const LARGEST_BATCH = 1_048_576;

/**
 * Sends parked messages to their source queue once more, as they are, and only then deletes them. Killed at any
 * point it loses nothing: at worst a message is in both queues, and running it again goes on.
 */
export async function redrive({ rate, ...options }: RedriveOptions): Promise<Swept> {
  const { sqs, queue } = options;
  /** The message IDs by which what this run has sent would be known, parked again; with the time from which on, by SQS's clock. */
  const sent = new Map<string, number>();
  const pace = createPace(rate);

  async function send(messages: readonly Message[]) {
    await pace(messages.length);
    return await inAttempts(messages, async (some) => {
      const { Successful = [], Failed = [] } = await sqs.send(
        new SendMessageBatchCommand({
          QueueUrl: queue.url,
          Entries: some.map((message, index) => ({
            ...entryOf(message, queue.fifo),
            Id: String(index),
          })),
        }),
      );
      for (const { MessageId = '' } of Successful) sent.set(MessageId, 0);
      return Failed;
    });
  }

  return await sweep({
    ...options,
    // By its ID alone it may also be another copy, from a bridge that was killed while it parked.
    isBack(message) {
      const since = sent.get(originOf(message));
      return since !== undefined && Number(message.Attributes?.SentTimestamp) >= since;
    },
    async act(messages) {
      const failures = new Map<Message, string>();
      for (const batch of bySize(messages)) {
        for (const [message, reason] of await send(batch)) failures.set(message, reason);
      }
      for (const message of messages.filter((one) => !failures.has(one))) {
        sent.set(originOf(message), Number(message.Attributes?.ApproximateFirstReceiveTimestamp));
      }
      return failures;
    },
  });
}

/** The ID that SQS gave the message when it was first sent, which notes keep. */
function originOf(message: Message): string {
  return readParkingNote(message)?.messageId ?? message.MessageId ?? '';
}

/** A copy as it is sent to the source queue. */
function entryOf(message: Message, fifo: boolean): Omit<SendMessageBatchRequestEntry, 'Id'> {
  return {
    MessageBody: message.Body,
    MessageAttributes: attributesOf(message),
    ...systemAttributesOf(message),
    // One that the source queue has not seen within five minutes, or it would swallow the copy while answering success.
    ...(fifo && { MessageDeduplicationId: message.MessageId }),
  };
}

/** Splits messages, in their order, so that each part fits into one request. */
export function bySize(messages: readonly Message[]): readonly (readonly Message[])[] {
  const parts: Message[][] = [];
  let room = 0;
  for (const message of messages) {
    const size = sizeOf(message);
    if (parts.length === 0 || size > room) {
      parts.push([]);
      room = LARGEST_BATCH;
    }
    parts.at(-1)?.push(message);
    room -= size;
  }
  return parts;
}

/** Attributes count: their names, types and values. */
function sizeOf({ Body = '', MessageAttributes = {} }: Message): number {
  const sizes = Object.entries(MessageAttributes).map(
    ([name, { DataType = '', StringValue = '', BinaryValue }]) =>
      Buffer.byteLength(name) +
      Buffer.byteLength(DataType) +
      Buffer.byteLength(StringValue) +
      (BinaryValue?.byteLength ?? 0),
  );
  return Buffer.byteLength(Body) + sizes.reduce((sum, size) => sum + size, 0);
}

/** Waits until so many more may go. */
function createPace(rate: number): (count: number) => Promise<void> {
  let free = 0;
  return async (count) => {
    const now = performance.now();
    const start = Math.max(now, free);
    free = start + (count / rate) * 1_000;
    if (start > now) await delay(start - now);
  };
}
