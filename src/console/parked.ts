import type { Message, SQSClient } from '@aws-sdk/client-sqs';
import { readParkingNote, type ParkingNote } from '../contracts/parking.ts';
import { peekQueue, type PeekOptions } from './queues.ts';

/** One message in a dead-letter queue. */
export interface ParkedMessage {
  readonly messageId: string;
  /**
   * Why it was parked; `receives-exhausted` where SQS moved it by itself, `undelivered` where EventBridge put it here
   * instead of into the queue, `unnoted` where nothing says why.
   */
  readonly code: string;
  readonly reason: string;
  readonly eventId: string | null;
  /** `{source} {type}`. */
  readonly route: string | null;
  readonly workflowId: string | null;
  /** When it was first received, where a note says so, else when it was sent; ISO 8601. */
  readonly since: string;
  /** The FIFO message group, or the tenant of a fair queue. */
  readonly group: string | null;
  readonly body: string;
  /** What can be read of its note; null where it has none. */
  readonly note: Partial<ParkingNote> | null;
}

/** What lies in a dead-letter queue, and why. */
export async function listParked(
  sqs: SQSClient,
  dlqUrl: string,
  options: PeekOptions = {},
): Promise<readonly ParkedMessage[]> {
  return (await peekQueue(sqs, dlqUrl, options)).map(readParked);
}

/** Reads a message of a dead-letter queue. */
export function readParked(message: Message): ParkedMessage {
  const { MessageId = '', Body = '', Attributes = {} } = message;
  const note = readParkingNote(message);
  return {
    messageId: MessageId,
    ...why(note, message),
    eventId: note?.eventId ?? null,
    route: note?.route ?? null,
    workflowId: note?.workflowId ?? null,
    since: sinceOf(note, Attributes.SentTimestamp),
    group: Attributes.MessageGroupId ?? null,
    body: Body,
    note,
  };
}

/** A note stays on a message that is redriven: where SQS moved it since, the note says why it had been parked before. */
function why(note: Partial<ParkingNote> | null, { Attributes, MessageAttributes }: Message) {
  if (Attributes?.DeadLetterQueueSourceArn !== undefined) {
    const before = note?.code === undefined ? '' : `; it had been parked before as ${note.code}`;
    return { code: 'receives-exhausted', reason: `SQS moved it past its receive count${before}` };
  }
  if (note?.code !== undefined) return { code: note.code, reason: note.reason ?? '' };
  const error = MessageAttributes?.['ERROR_CODE']?.StringValue;
  if (error === undefined) return UNNOTED;
  const more = MessageAttributes?.['ERROR_MESSAGE']?.StringValue ?? '';
  return {
    code: 'undelivered',
    reason: `EventBridge could not bring it to the queue: ${error} ${more}`.trimEnd(),
  };
}

const UNNOTED = {
  code: 'unnoted',
  reason: 'no note is with it: it did not fit, and the log of the bridge has it, or others sent it',
};

function sinceOf(note: Partial<ParkingNote> | null, sent: string | undefined): string {
  const noted = Date.parse(note?.firstSeen ?? '');
  return new Date(Number.isNaN(noted) ? Number(sent ?? 0) : noted).toISOString();
}

/** Which parked messages are meant: those of which everything that is given is true. */
export interface ParkedFilter {
  readonly code?: string;
  /** `{source} {type}`. */
  readonly route?: string;
  readonly workflowId?: string;
  /** Milliseconds since it was first received, where a note says so, else since it was sent. */
  readonly olderThan?: number;
}

/** Whether a message is one of those that a filter means; an empty filter means all. */
export function isMeant(
  { code, route, workflowId, olderThan }: ParkedFilter,
  parked: ParkedMessage,
  now = Date.now(),
): boolean {
  return (
    (code === undefined || parked.code === code) &&
    (route === undefined || parked.route === route) &&
    (workflowId === undefined || parked.workflowId === workflowId) &&
    (olderThan === undefined || now - Date.parse(parked.since) > olderThan)
  );
}
