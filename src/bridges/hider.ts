import {
  ChangeMessageVisibilityBatchCommand,
  type Message,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import { createBatcher } from './batch.ts';
import type { Queue } from './queue.ts';
import { inTime } from './sqsClient.ts';

/** How long the first of a batch waits for others, in milliseconds. */
const LINGER = 10;

/** Says for how long messages in hand stay hidden from now on, in seconds: to keep them, or to give them back. Up to ten go in one call. */
export function createHider(sqs: SQSClient, { url }: Queue) {
  return createBatcher<{ readonly message: Message; readonly seconds: number }>(
    LINGER,
    async (changes) =>
      await sqs.send(
        new ChangeMessageVisibilityBatchCommand({
          QueueUrl: url,
          Entries: changes.map(({ message: { ReceiptHandle }, seconds }, index) => ({
            Id: String(index),
            ReceiptHandle,
            VisibilityTimeout: seconds,
          })),
        }),
        inTime(),
      ),
  );
}
