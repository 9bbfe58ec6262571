import { SendMessageCommand, type Message, type SQSClient } from '@aws-sdk/client-sqs';
import {
  attributesOf,
  PARKING_ATTRIBUTE,
  readParkingNote,
  systemAttributesOf,
  type ParkingNote,
} from '../contracts/parking.ts';
import type { EventAbout } from './core.ts';
import type { Logger } from './logger.ts';
import type { Queue } from './queue.ts';
import type { ParkedBefore, SourceMessage } from './record.ts';
import type { Settlement } from './settlement.ts';
import { inTime } from './sqsClient.ts';

/** SQS's limits (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html). */
const MOST_ATTRIBUTES = 10;
const LARGEST_MESSAGE = 1_048_576;

/**
 * Copies a message into its queue's dead-letter queue, unchanged but for one attribute that says why. Where that
 * does not fit it goes without, and the log says so.
 *
 * @throws what SQS's client throws; the message is then where it was.
 */
export async function parkMessage(
  sqs: SQSClient,
  queue: Queue,
  message: Message,
  note: ParkingNote,
  logger: Logger,
): Promise<void> {
  const { [PARKING_ATTRIBUTE]: _, ...own } = attributesOf(message);
  const noted = {
    ...own,
    [PARKING_ATTRIBUTE]: { DataType: 'String', StringValue: asciiJson(note) },
  };
  const fits =
    Object.keys(noted).length <= MOST_ATTRIBUTES && sizeOf(message.Body, noted) <= LARGEST_MESSAGE;
  await sqs.send(
    new SendMessageCommand({
      QueueUrl: queue.deadLetterUrl,
      MessageBody: message.Body,
      MessageAttributes: fits ? noted : own,
      ...systemAttributesOf(message),
      // The event ID would make a second parking within five minutes vanish while answering success.
      ...(queue.fifo && { MessageDeduplicationId: message.MessageId }),
    }),
    inTime(),
  );
  if (!fits) {
    const { eventId, route, workflowId, records } = note;
    logger.warn(
      { messageId: message.MessageId, eventId, route, workflowId, ...(records && { records }) },
      'parked without a note',
    );
  }
}

/** What a message takes along when it is parked. */
export function noteOf(
  source: SourceMessage,
  { Attributes }: Message,
  { code, reason }: Extract<Settlement, { kind: 'park' }>,
  about: EventAbout,
): ParkingNote {
  const { parkedBefore, messageId, firstReceivedAt } = source;
  return {
    code,
    reason,
    ...about,
    messageId: parkedBefore?.messageId ?? messageId,
    firstSeen: parkedBefore?.firstSeen ?? new Date(firstReceivedAt).toISOString(),
    receives: Number(Attributes?.ApproximateReceiveCount ?? 1),
  };
}

const MESSAGE_ID = /^[\x21-\x7e]{1,100}$/;

/** What was written when the message was parked before; null where it was not. Anybody may have written it. */
export function parkedBeforeOf(message: Message): ParkedBefore | null {
  const note = readParkingNote(message);
  if (!note) return null;
  const { messageId, firstSeen, records } = note;
  return {
    messageId: messageId !== undefined && MESSAGE_ID.test(messageId) ? messageId : null,
    firstSeen: firstSeen !== undefined && Date.parse(firstSeen) > 0 ? firstSeen : null,
    records: records ?? null,
  };
}

/** SQS refuses some characters that JSON allows (U+FFFF, say), and a note may name a type or a key that came. */
function asciiJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[^\x20-\x7e]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function sizeOf(body: string | undefined, attributes: ReturnType<typeof attributesOf>): number {
  const sizes = Object.entries(attributes).map(
    ([name, { DataType = '', StringValue = '', BinaryValue }]) =>
      Buffer.byteLength(name) +
      Buffer.byteLength(DataType) +
      Buffer.byteLength(StringValue) +
      (BinaryValue?.byteLength ?? 0),
  );
  return Buffer.byteLength(body ?? '') + sizes.reduce((sum, size) => sum + size, 0);
}
