import {
  CreateQueueCommand,
  DeleteMessageBatchCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  type Message,
  type MessageAttributeValue,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import type { Queue } from '../../src/bridges/queue.ts';
import { inBatches } from '../../src/console/scan.ts';
import type { ParkingNote } from '../../src/contracts/parking.ts';
import { uniqueId } from '../support/servers.ts';

export interface QueueOptions {
  readonly fifo?: boolean;
  readonly receives?: number;
  /** Of the source queue. */
  readonly attributes?: Readonly<Record<string, string>>;
  readonly deadLetterAttributes?: Readonly<Record<string, string>>;
}

/** Makes a source queue and its dead-letter queue. */
export async function createQueue(
  sqs: SQSClient,
  { fifo = false, receives, attributes, deadLetterAttributes }: QueueOptions = {},
): Promise<Queue> {
  const suffix = fifo ? '.fifo' : '';
  const kind = fifo ? { FifoQueue: 'true' } : {};
  const name = uniqueId('queue');
  const create = async (QueueName: string, Attributes: Record<string, string>) =>
    (await sqs.send(new CreateQueueCommand({ QueueName, Attributes }))).QueueUrl ?? '';
  const deadLetterUrl = await create(`${name}-dlq${suffix}`, {
    ...kind,
    MessageRetentionPeriod: '1209600',
    ...deadLetterAttributes,
  });
  const { Attributes } = await sqs.send(
    new GetQueueAttributesCommand({ QueueUrl: deadLetterUrl, AttributeNames: ['QueueArn'] }),
  );
  const url = await create(`${name}${suffix}`, {
    ...kind,
    RedrivePolicy: JSON.stringify({
      deadLetterTargetArn: Attributes?.QueueArn,
      maxReceiveCount: receives ?? (fifo ? 1_000 : 50),
    }),
    ...attributes,
  });
  return { url, name: `${name}${suffix}`, fifo, deadLetterUrl };
}

export interface Parked {
  readonly body: string;
  readonly note?: Partial<ParkingNote>;
  readonly group?: string;
  readonly attributes?: Readonly<Record<string, MessageAttributeValue>>;
}

/** A raw event of source `test`. */
export function event(type: string, id: string, eventId: string): string {
  return JSON.stringify({ source: 'test', type, eventId, data: { id } });
}

/** Puts messages into a queue, in their order; with notes, as the bridge parks them. */
export async function fill(sqs: SQSClient, QueueUrl: string, messages: readonly Parked[]) {
  for (const batch of inBatches(messages)) {
    await sqs.send(
      new SendMessageBatchCommand({
        QueueUrl,
        Entries: batch.map(({ body, note, group, attributes }, index) => ({
          Id: String(index),
          MessageBody: body,
          MessageAttributes: {
            ...attributes,
            ...(note && { waybill: { DataType: 'String', StringValue: JSON.stringify(note) } }),
          },
          ...(group !== undefined && {
            MessageGroupId: group,
            MessageDeduplicationId: uniqueId('dedupe'),
          }),
        })),
      }),
    );
  }
}

/** Takes everything out of a queue that can be received. */
export async function drain(sqs: SQSClient, QueueUrl: string): Promise<readonly Message[]> {
  const drained: Message[] = [];
  for (;;) {
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({
        QueueUrl,
        MaxNumberOfMessages: 10,
        MessageAttributeNames: ['All'],
        MessageSystemAttributeNames: ['All'],
      }),
    );
    if (Messages.length === 0) return drained;
    drained.push(...Messages);
    await sqs.send(
      new DeleteMessageBatchCommand({
        QueueUrl,
        Entries: Messages.map(({ ReceiptHandle }, index) => ({ Id: String(index), ReceiptHandle })),
      }),
    );
  }
}

export function bodiesOf(messages: readonly Message[]): readonly string[] {
  return messages.map(({ Body = '' }) => Body);
}
