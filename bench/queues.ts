import {
  CreateQueueCommand,
  DeleteQueueCommand,
  GetQueueAttributesCommand,
  SendMessageBatchCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import { concurrently } from './concurrently.ts';
import { eventBody, type Load } from './events.ts';

/** A queue with its dead-letter queue, as the bridge wants them. */
export interface BenchQueue {
  readonly url: string;
  readonly deadLetterUrl: string;
}

const BATCH = 10;
const SENDS_AT_ONCE = 4;

export async function createQueue(sqs: SQSClient, name: string): Promise<BenchQueue> {
  const deadLetter = await sqs.send(new CreateQueueCommand({ QueueName: `${name}-dlq` }));
  const deadLetterUrl = String(deadLetter.QueueUrl);
  const { Attributes } = await sqs.send(
    new GetQueueAttributesCommand({ QueueUrl: deadLetterUrl, AttributeNames: ['QueueArn'] }),
  );
  const RedrivePolicy = JSON.stringify({
    deadLetterTargetArn: Attributes?.QueueArn,
    maxReceiveCount: 50,
  });
  const { QueueUrl } = await sqs.send(
    new CreateQueueCommand({ QueueName: name, Attributes: { RedrivePolicy } }),
  );
  return { url: String(QueueUrl), deadLetterUrl };
}

export async function deleteQueue(sqs: SQSClient, queue: BenchQueue): Promise<void> {
  for (const QueueUrl of [queue.url, queue.deadLetterUrl]) {
    await sqs.send(new DeleteQueueCommand({ QueueUrl }));
  }
}

/** Sends the events from one index up to another, ten a call. */
export async function sendEvents(
  sqs: SQSClient,
  QueueUrl: string,
  load: Load,
  from = 0,
  to = load.events,
): Promise<void> {
  const batches = Math.ceil((to - from) / BATCH);
  await concurrently(SENDS_AT_ONCE, batches, async (batch) => {
    const first = from + batch * BATCH;
    const Entries = Array.from({ length: Math.min(BATCH, to - first) }, (_, index) => ({
      Id: String(index),
      MessageBody: eventBody(load, first + index),
    }));
    const { Failed = [] } = await sqs.send(new SendMessageBatchCommand({ QueueUrl, Entries }));
    if (Failed.length > 0) throw new Error(`${Failed.length} events were not sent`);
  });
}

/** @throws Error when something is left in the queue or in its dead-letter queue. */
export async function assertEmpty(sqs: SQSClient, queue: BenchQueue): Promise<void> {
  for (const QueueUrl of [queue.url, queue.deadLetterUrl]) {
    const { Attributes } = await sqs.send(
      new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['All'] }),
    );
    const waiting = Attributes?.ApproximateNumberOfMessages;
    const inFlight = Attributes?.ApproximateNumberOfMessagesNotVisible;
    if (waiting !== '0' || inFlight !== '0') {
      throw new Error(
        `${QueueUrl}: expected to be empty; ${waiting} wait, ${inFlight} are in flight`,
      );
    }
  }
}
