import {
  SendMessageCommand,
  type Message,
  type MessageAttributeValue,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import type { ParkingCode } from './codes.ts';
import { isEventId } from './envelope.ts';
import type { Queue } from './queue.ts';
import type { ParkedBefore } from './record.ts';

/** Why and when a message was parked: the JSON of its attribute `waybill`. */
export interface ParkingNote {
  readonly code: ParkingCode;
  readonly reason: string;
  /** `{source} {type}`; null where the event could not be read so far. */
  readonly route: string | null;
  readonly eventId: string | null;
  /** When it was first received, ISO 8601. */
  readonly firstSeen: string;
  /** How often it had been received. */
  readonly receives: number;
}

const ATTRIBUTE = 'waybill';
/** SQS's limits (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html). */
const MOST_ATTRIBUTES = 10;
const LARGEST_MESSAGE = 1_048_576;

/**
 * Copies a message into its queue's dead-letter queue, unchanged but for one attribute that says why. Where that
 * does not fit it goes without.
 *
 * @returns whether the note is with it.
 * @throws what SQS's client throws; the message is then where it was.
 */
export async function parkMessage(
  sqs: SQSClient,
  queue: Queue,
  message: Message,
  note: ParkingNote,
): Promise<boolean> {
  const { [ATTRIBUTE]: _, ...own } = message.MessageAttributes ?? {};
  const noted = { ...own, [ATTRIBUTE]: { DataType: 'String', StringValue: asciiJson(note) } };
  const fits =
    Object.keys(noted).length <= MOST_ATTRIBUTES && sizeOf(message.Body, noted) <= LARGEST_MESSAGE;
  const { MessageGroupId: group, AWSTraceHeader: trace } = message.Attributes ?? {};
  await sqs.send(
    new SendMessageCommand({
      QueueUrl: queue.deadLetterUrl,
      MessageBody: message.Body,
      MessageAttributes: copied(fits ? noted : own),
      ...(trace && {
        MessageSystemAttributes: { AWSTraceHeader: { DataType: 'String', StringValue: trace } },
      }),
      // On a standard queue too: fair queues tell tenants apart by it.
      ...(group && { MessageGroupId: group }),
      // The event ID would make a second parking within five minutes vanish while answering success.
      ...(queue.fifo && { MessageDeduplicationId: message.MessageId }),
    }),
  );
  return fits;
}

/** What was written when the message was parked before; null where it was not. Anybody may have written it. */
export function readNote(message: Message): ParkedBefore | null {
  const text = message.MessageAttributes?.[ATTRIBUTE]?.StringValue;
  if (text === undefined) return null;
  let note: { readonly [Key in keyof ParkingNote]?: unknown } | null;
  try {
    note = JSON.parse(text) as typeof note;
  } catch {
    return null;
  }
  const { eventId, firstSeen } = note ?? {};
  return {
    eventId: typeof eventId === 'string' && isEventId(eventId) ? eventId : null,
    firstSeen: typeof firstSeen === 'string' && Date.parse(firstSeen) > 0 ? firstSeen : null,
  };
}

/** SQS refuses some characters that JSON allows (U+FFFF, say), and a note may name a type or a key that came. */
function asciiJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[^\x20-\x7e]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

type Attributes = Readonly<Record<string, MessageAttributeValue>>;

/** What can be sent again: lists are reserved by SQS, and refused even when empty. */
function copied(attributes: Attributes): Record<string, MessageAttributeValue> {
  return Object.fromEntries(
    Object.entries(attributes).map(([name, { DataType, StringValue, BinaryValue }]) => [
      name,
      {
        DataType,
        ...(StringValue !== undefined && { StringValue }),
        ...(BinaryValue !== undefined && { BinaryValue }),
      },
    ]),
  );
}

function sizeOf(body: string | undefined, attributes: Attributes): number {
  const sizes = Object.entries(attributes).map(
    ([name, { DataType = '', StringValue = '', BinaryValue }]) =>
      Buffer.byteLength(name) +
      Buffer.byteLength(DataType) +
      Buffer.byteLength(StringValue) +
      (BinaryValue?.byteLength ?? 0),
  );
  return Buffer.byteLength(body ?? '') + sizes.reduce((sum, size) => sum + size, 0);
}
