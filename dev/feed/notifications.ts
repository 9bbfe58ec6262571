import { appendFileSync } from 'node:fs';
import {
  DeleteMessageBatchCommand,
  ReceiveMessageCommand,
  type Message,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import type { Fact } from '../../src/contracts/notifications.ts';
import type { OrderNotification } from '../../src/contracts/orders.ts';
import { NOTICES } from '../../src/domain/notification.ts';
import { patiently } from './patience.ts';

export interface Collector {
  /** Resolves once nothing more is taken from the queue. Rejects where taking had failed before. */
  stop(): Promise<void>;
}

export interface CollectorOptions {
  readonly sqs: SQSClient;
  /** A queue subscribed to every notification, raw. */
  readonly queueUrl: string;
  /** Every notification is appended to it, repeats included: the audit reads it. */
  readonly file: string;
  readonly onNotification: (notification: OrderNotification) => void;
}

/** Takes every notification the service publishes, keeps it in a file, and tells of it if it is one of an order. */
export function collectNotifications(options: CollectorOptions): Collector {
  // So that it is there even when nothing was told.
  appendFileSync(options.file, '');
  const stopping = new AbortController();
  const collecting = collect(options, stopping.signal);
  // Its failure is told by `stop`.
  collecting.catch(() => undefined);
  return {
    async stop() {
      stopping.abort();
      await collecting;
    },
  };
}

async function collect(
  { sqs, queueUrl, file, onNotification }: CollectorOptions,
  abortSignal: AbortSignal,
): Promise<void> {
  while (!abortSignal.aborted) {
    const messages = await receive(sqs, queueUrl, abortSignal);
    if (messages.length === 0) continue;
    const notifications = messages.map(({ Body }) => JSON.parse(Body ?? '') as Fact);
    appendFileSync(file, notifications.map((one) => `${JSON.stringify(one)}\n`).join(''));
    notifications.filter(isOfOrder).forEach(onNotification);
    await patiently(() =>
      sqs.send(
        new DeleteMessageBatchCommand({
          QueueUrl: queueUrl,
          Entries: messages.map(({ ReceiptHandle }, index) => ({
            Id: String(index),
            ReceiptHandle,
          })),
        }),
      ),
    );
  }
}

function isOfOrder(fact: Fact): fact is OrderNotification {
  const types: readonly string[] = ['order-state', ...NOTICES];
  return types.includes(fact.type);
}

async function receive(
  sqs: SQSClient,
  QueueUrl: string,
  abortSignal: AbortSignal,
): Promise<readonly Message[]> {
  const { Messages = [] } = await patiently(async () => {
    if (abortSignal.aborted) return { Messages: [] };
    return await sqs.send(
      new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10, WaitTimeSeconds: 20 }),
      { abortSignal },
    );
  });
  return Messages;
}
