import { SNSClient, SubscribeCommand } from '@aws-sdk/client-sns';
import {
  CreateQueueCommand,
  DeleteMessageBatchCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { type AwsConfig, reachable } from '../dev/deploy.ts';
import type { OrderNotification } from '../src/contracts/orders.ts';

/** What a parcel does. */
export type ParcelEvent = 'ShipmentDispatched' | 'ShipmentDelivered';

/** Has an order's workflow learn of its parcel. */
export type Deliver = (workflowId: string, event: ParcelEvent) => Promise<void>;

export interface Courier {
  /** Its queue's URL. */
  readonly queueUrl: string;
  /** Rejects when it can do no more; else it resolves once it is stopped. */
  readonly stopped: Promise<void>;
  stop(): void;
}

/** In which state an order is told what its parcel does next. */
const NEXT: Partial<Record<OrderNotification['state'], ParcelEvent>> = {
  fulfilling: 'ShipmentDispatched',
  shipped: 'ShipmentDelivered',
};
const LANES = 2;

/**
 * Takes the parcels of all orders: hears on the topic that an order is being fulfilled, and has its parcel dispatched;
 * hears that it is shipped, and has it delivered. Each once.
 */
export async function startCourier(
  aws: AwsConfig,
  topicArn: string,
  deliver: Deliver,
): Promise<Courier> {
  const sqs = new SQSClient(aws);
  const queueUrl = await createQueue(aws, sqs, topicArn);
  const stopping = new AbortController();
  const told = new Set<string>();
  const failed = Promise.withResolvers<never>();

  async function take(body: string | undefined): Promise<void> {
    const { workflowId, state } = JSON.parse(body ?? '{}') as OrderNotification;
    const event = NEXT[state];
    const key = `${workflowId} ${event}`;
    if (!event || told.has(key)) return;
    told.add(key);
    await deliver(workflowId, event);
  }

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      const { Messages = [] } = await sqs.send(
        new ReceiveMessageCommand({
          QueueUrl: queueUrl,
          MaxNumberOfMessages: 10,
          WaitTimeSeconds: 20,
        }),
        { abortSignal: stopping.signal },
      );
      if (Messages.length === 0) continue;
      const Entries = Messages.map(({ ReceiptHandle }, index) => ({
        Id: String(index),
        ReceiptHandle,
      }));
      // One parcel does not wait for another.
      for (const { Body } of Messages) take(Body).catch(failed.reject);
      await sqs.send(new DeleteMessageBatchCommand({ QueueUrl: queueUrl, Entries }));
    }
  }

  const lanes = Promise.all(Array.from({ length: LANES }, run));
  const stopped = Promise.race([lanes, failed.promise]).then(
    () => undefined,
    (error: unknown) => {
      // Its long polls end with an error, too.
      if (!stopping.signal.aborted) throw error;
    },
  );
  // Whoever waits for it, or later, still learns of it.
  stopped.catch(() => undefined);
  return {
    queueUrl,
    stopped,
    stop() {
      stopping.abort();
      sqs.destroy();
    },
  };
}

/** A queue that gets the notifications of the states that matter. */
async function createQueue(aws: AwsConfig, sqs: SQSClient, topicArn: string): Promise<string> {
  const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: 'bench-courier' }));
  const { Attributes } = await sqs.send(
    new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['QueueArn'] }),
  );
  const sns = new SNSClient(aws);
  await sns.send(
    new SubscribeCommand({
      TopicArn: topicArn,
      Protocol: 'sqs',
      Endpoint: Attributes?.QueueArn,
      Attributes: {
        RawMessageDelivery: 'true',
        FilterPolicyScope: 'MessageBody',
        FilterPolicy: JSON.stringify({ state: Object.keys(NEXT) }),
      },
    }),
  );
  sns.destroy();
  return reachable(QueueUrl ?? '', aws.endpoint);
}
