import type { SQSClient } from '@aws-sdk/client-sqs';
import { peekQueue } from './queues.ts';

/** One message in a dead-letter queue. */
export interface ParkedMessage {
  readonly messageId: string;
  /** Why it was parked; `receives-exhausted` where SQS moved it by itself, `unnoted` where nothing says why. */
  readonly code: string;
  readonly reason: string;
  readonly eventId: string | null;
  readonly body: string;
}

/** What lies in a dead-letter queue, and why. */
export async function listParked(
  sqs: SQSClient,
  dlqUrl: string,
): Promise<readonly ParkedMessage[]> {
  const messages = await peekQueue(sqs, dlqUrl);
  return messages.map(({ MessageId = '', Body = '', Attributes, MessageAttributes }) => {
    const note = readNote(MessageAttributes?.['waybill']?.StringValue);
    const why = Attributes?.DeadLetterQueueSourceArn ? MOVED_BY_SQS : UNNOTED;
    return { messageId: MessageId, body: Body, ...why, eventId: null, ...note };
  });
}

const MOVED_BY_SQS = {
  code: 'receives-exhausted',
  reason: 'SQS moved it past its receive count',
};
const UNNOTED = {
  code: 'unnoted',
  reason: 'no note is with it: it did not fit, and the log of the bridge has it, or others sent it',
};

type Note = Pick<ParkedMessage, 'code' | 'reason' | 'eventId'>;

/** What the bridge wrote; an attribute of that name may also be somebody else's. */
function readNote(text = 'null'): Note | undefined {
  try {
    const { code, reason, eventId } = JSON.parse(text) as Partial<Note>;
    if (typeof code !== 'string' || typeof reason !== 'string') return undefined;
    return { code, reason, eventId: typeof eventId === 'string' ? eventId : null };
  } catch {
    return undefined;
  }
}
