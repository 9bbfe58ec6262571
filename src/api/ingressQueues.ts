import { createHash } from 'node:crypto';
import { SendMessageCommand, type SQSClient } from '@aws-sdk/client-sqs';
import { SOURCES } from '../contracts/events.ts';
import type { EventNames } from './incomingEvent.ts';
import { Problem } from './problems.ts';

export interface IngressQueuesOptions {
  readonly sqs: SQSClient;
  /** A FIFO queue, for the events of the payment provider. */
  readonly paymentsQueueUrl: string;
  /** A standard queue, for all others. */
  readonly ingressQueueUrl: string;
}

/** Puts an event into its queue: a JSON text, and what could be read of it. Answers the ID that SQS gave the message. */
export type Enqueue = (body: string, names: EventNames | null) => Promise<string>;

/** How long SQS may take, in milliseconds: less than senders wait for an answer. */
const DEADLINE = 5_000;
const RETRY_AFTER = 5;

/**
 * The queues that the API may put events into. What was sent twice is once in the FIFO queue, and dropped by the
 * workflow where it comes by the other one.
 */
export function createIngressQueues({
  sqs,
  paymentsQueueUrl,
  ingressQueueUrl,
}: IngressQueuesOptions): Enqueue {
  return async (body, names) => {
    const command = new SendMessageCommand({
      MessageBody: sendable(body),
      ...(names?.source === SOURCES.payments
        ? { QueueUrl: paymentsQueueUrl, ...placeOf(names, body) }
        : { QueueUrl: ingressQueueUrl, ...fairPlaceOf(names) }),
    });
    try {
      const abortSignal = AbortSignal.timeout(DEADLINE);
      return String((await sqs.send(command, { abortSignal })).MessageId);
    } catch (cause) {
      throw new Problem('not-ready', 'the event may not have been taken: send it again', {
        cause,
        retryAfterSeconds: RETRY_AFTER,
      });
    }
  };
}

/** Events of one order stay in their order; of those without one, each is on its own. */
function placeOf({ eventId, orderKey }: EventNames, body: string) {
  const deduplicationId = identifier(eventId ?? body);
  return {
    MessageDeduplicationId: deduplicationId,
    MessageGroupId: orderKey === null ? deduplicationId : identifier(orderKey),
  };
}

/** Sellers take turns in a fair queue: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues.html */
function fairPlaceOf(names: EventNames | null) {
  return names?.sellerId ? { MessageGroupId: names.sellerId } : {};
}

/** The text itself where SQS takes it as an ID, else its hash. */
function identifier(text: string): string {
  return /^[\x21-\x7e]{1,128}$/.test(text) ? text : createHash('sha256').update(text).digest('hex');
}

/** JSON may hold two characters that SQS takes no message with; escaped, they say the same. */
function sendable(json: string): string {
  return json.replaceAll(/[\uFFFE\uFFFF]/g, (character) =>
    character === '\uFFFE' ? String.raw`\uFFFE` : String.raw`\uFFFF`,
  );
}
