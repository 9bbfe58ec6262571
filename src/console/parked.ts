import type { SQSClient } from '@aws-sdk/client-sqs';
import { peekQueue } from './queues.ts';

/** One message in a dead-letter queue. */
export interface ParkedMessage {
  readonly messageId: string;
  /** Why it was parked; `receives-exhausted` where SQS moved it by itself. */
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
  return messages.map(({ MessageId = '', Body = '', MessageAttributes }) => {
    const attribute = MessageAttributes?.['waybill']?.StringValue;
    const parked = attribute ? (JSON.parse(attribute) as Partial<ParkedMessage>) : {};
    return {
      messageId: MessageId,
      code: parked.code ?? 'receives-exhausted',
      reason: parked.reason ?? 'SQS moved it past its receive count',
      eventId: parked.eventId ?? null,
      body: Body,
    };
  });
}
