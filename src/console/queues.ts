import {
  ChangeMessageVisibilityBatchCommand,
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  ReceiveMessageCommand,
  type Message,
  type SQSClient,
} from '@aws-sdk/client-sqs';

/** How long a message is hidden from others while it is looked at, in seconds. */
const HIDDEN_SECONDS = 30;

/**
 * Looks at what a queue holds, and leaves it there. Meant for queues that nobody consumes, such as dead-letter
 * queues: others do not see the messages for as long as this takes, and receive counts rise by one. Of a FIFO
 * queue's message groups only what can be received at once is seen.
 */
export async function peekQueue(sqs: SQSClient, QueueUrl: string): Promise<readonly Message[]> {
  // Looking may take longer than a message stays hidden: it then comes again, under another receipt handle.
  const seen = new Map<string, Message>();
  for (let known = -1; known < seen.size;) {
    known = seen.size;
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({
        QueueUrl,
        MaxNumberOfMessages: 10,
        VisibilityTimeout: HIDDEN_SECONDS,
        WaitTimeSeconds: 1,
        MessageAttributeNames: ['All'],
        MessageSystemAttributeNames: ['All'],
      }),
    );
    for (const message of Messages) seen.set(message.MessageId ?? '', message);
  }
  const messages = [...seen.values()];
  for (let first = 0; first < messages.length; first += 10) {
    await sqs.send(
      new ChangeMessageVisibilityBatchCommand({
        QueueUrl,
        Entries: messages.slice(first, first + 10).map(({ ReceiptHandle }, index) => ({
          Id: String(index),
          ReceiptHandle,
          VisibilityTimeout: 0,
        })),
      }),
    );
  }
  return messages;
}

/** How many messages a queue holds: waiting, delayed and in flight. SQS says it is approximate. */
export async function countMessages(sqs: SQSClient, QueueUrl: string): Promise<number> {
  const counts = [
    'ApproximateNumberOfMessages',
    'ApproximateNumberOfMessagesDelayed',
    'ApproximateNumberOfMessagesNotVisible',
  ] as const;
  const { Attributes = {} } = await sqs.send(
    new GetQueueAttributesCommand({ QueueUrl, AttributeNames: [...counts] }),
  );
  return counts.reduce((sum, name) => sum + Number(Attributes[name] ?? 0), 0);
}

/** The dead-letter queue of a queue. @throws when it has none. */
export async function findDeadLetterQueue(sqs: SQSClient, QueueUrl: string): Promise<string> {
  const { Attributes } = await sqs.send(
    new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['RedrivePolicy'] }),
  );
  const policy = JSON.parse(Attributes?.RedrivePolicy ?? '{}') as { deadLetterTargetArn?: string };
  const name = policy.deadLetterTargetArn?.split(':').at(-1);
  if (!name) throw new Error(`${QueueUrl} has no dead-letter queue`);
  const { QueueUrl: found } = await sqs.send(new GetQueueUrlCommand({ QueueName: name }));
  return new URL(new URL(found ?? '').pathname, QueueUrl).href;
}
