import {
  DeleteMessageBatchCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { serveJob } from './child.ts';
import type { DrainJob } from './job.ts';

const BATCH = 10;
/** Receives under way at once. */
const LANES = 2;

let owed = 0;
let isReceiving = 0;
let advance: () => void = () => undefined;

// Takes ten messages each time it is told to.
serveJob<DrainJob, undefined>(
  async ({ aws, queueUrl: QueueUrl, messages }, parent) => {
    const sqs = new SQSClient(aws);
    // Connected and warm before it counts.
    await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['All'] }));
    const { promise, resolve, reject } = Promise.withResolvers<undefined>();
    let drained = 0;

    async function takeBatch(): Promise<void> {
      const { Messages = [] } = await sqs.send(
        new ReceiveMessageCommand({
          QueueUrl,
          MaxNumberOfMessages: BATCH,
          WaitTimeSeconds: 20,
          VisibilityTimeout: 30,
          MessageAttributeNames: ['All'],
          MessageSystemAttributeNames: ['All'],
        }),
      );
      if (Messages.length === 0) throw new Error('nothing to drain: the queue is empty');
      const { Failed = [] } = await sqs.send(
        new DeleteMessageBatchCommand({
          QueueUrl,
          Entries: Messages.map(({ ReceiptHandle }, index) => ({
            Id: String(index),
            ReceiptHandle,
          })),
        }),
      );
      if (Failed.length > 0) throw new Error(`${Failed.length} messages were not deleted`);
      // A receive may return fewer than it was asked for.
      owed += BATCH - Messages.length;
      drained += Messages.length;
      parent.progress(drained);
      if (drained >= messages) resolve(undefined);
    }

    advance = () => {
      while (owed >= BATCH && isReceiving < LANES) {
        owed -= BATCH;
        isReceiving += 1;
        takeBatch()
          .finally(() => (isReceiving -= 1))
          .then(advance, reject);
      }
    };
    parent.ready();
    return await promise;
  },
  () => {
    owed += BATCH;
    advance();
  },
);
