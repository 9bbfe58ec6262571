import assert from 'node:assert/strict';
import {
  SNSClient,
  SubscribeCommand,
  type PublishBatchCommandInput,
  type PublishBatchRequestEntry,
} from '@aws-sdk/client-sns';
import {
  CreateQueueCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SQSClient,
  type Message,
} from '@aws-sdk/client-sqs';
import { deploy, type AwsConfig } from '../../dev/deploy.ts';
import { synthesise } from '../../infra/app.ts';
import {
  publishFacts,
  publishNotifications,
  publishReturnNews,
} from '../../src/activities/notifications.ts';
import type { Fact, Notified } from '../../src/contracts/notifications.ts';
import type { Notification, ReturnNews } from '../../src/domain/notification.ts';
import { returnRow, row } from '../console/rows.ts';
import { awsAccount, eventually, uniqueId } from '../support/servers.ts';

type Published = Fact & Notified;

/** An order's failed payment reaches everybody: what was published before it has been brought or kept back by then. */
const FOR_ALL = { type: 'order-state', state: 'awaiting-payment', reason: 'expired_card' } as const;

describe('notifications', () => {
  let sns: SNSClient;
  let sqs: SQSClient;
  let topicArn: string;
  let queues: Readonly<Record<'customers' | 'support' | 'analytics' | 'security', string>>;

  before(async () => {
    const account: AwsConfig = awsAccount();
    const outputs = await deploy(account, synthesise());
    sns = new SNSClient(account);
    sqs = new SQSClient(account);
    topicArn = outputs.NotificationsTopicArn;
    queues = {
      customers: outputs.CustomersQueueUrl,
      support: outputs.SupportQueueUrl,
      analytics: outputs.AnalyticsQueueUrl,
      security: outputs.SecurityQueueUrl,
    };
  });
  after(() => {
    sns.destroy();
    sqs.destroy();
  });

  /** All that is in a queue up to the message with this ID, which is the last that was published. */
  async function receiveUntil(queueUrl: string, lastId: string): Promise<readonly Message[]> {
    const seen: Message[] = [];
    await eventually(async () => {
      const { Messages: messages = [] } = await sqs.send(
        new ReceiveMessageCommand({
          QueueUrl: queueUrl,
          MaxNumberOfMessages: 10,
          MessageAttributeNames: ['All'],
        }),
      );
      seen.push(...messages);
      return seen.some((message) => bodyOf(message).notificationId === lastId);
    });
    return seen;
  }

  function bodyOf({ Body = '' }: Message): Published {
    return JSON.parse(Body) as Published;
  }

  function attributesOf({ MessageAttributes: attributes = {} }: Message) {
    return Object.fromEntries(
      Object.entries(attributes).map(([name, { DataType, StringValue = '' }]) => [
        name,
        DataType === 'String.Array' ? (JSON.parse(StringValue) as string[]) : StringValue,
      ]),
    );
  }

  /** Publishes by these, then what reaches everybody. @returns what each queue got before that. */
  async function toldBy(publish: () => Promise<void>) {
    await publish();
    const notificationId = uniqueId('last');
    await publishFacts(sns, topicArn, [{ ...FOR_ALL, notificationId, customerId: 'c-1' }]);
    const got = await Promise.all(
      Object.entries(queues).map(async ([name, url]) => {
        const messages = await receiveUntil(url, notificationId);
        return [name, messages.filter((one) => bodyOf(one).notificationId !== notificationId)];
      }),
    );
    return Object.fromEntries(got) as Record<keyof typeof queues, readonly Message[]>;
  }

  const named = (messages: readonly Message[]) =>
    messages.map((message) => `${bodyOf(message).type} ${bodyOf(message).state}`).toSorted();

  it('of an order reach those whom they concern, and nobody else', async () => {
    const news: readonly Omit<Notification, 'version'>[] = [
      { state: 'received', reason: null },
      { state: 'screening', reason: null },
      { state: 'on-review', reason: 'screening-doubtful' },
      { state: 'awaiting-payment', reason: null },
      { state: 'awaiting-payment', reason: 'insufficient_funds' },
      { state: 'awaiting-payment', reason: 'insufficient_funds', notice: 'payment-reminder' },
      { state: 'shipped', reason: null, notice: 'shipment-lost' },
      { state: 'cancelled', reason: 'stolen_card' },
      { state: 'needs-operator', reason: 'release-stock-failed' },
    ];
    const notifications = news.map((one, index) => ({ ...one, version: index + 1 }));
    const got = await toldBy(() =>
      publishNotifications(sns, topicArn, { row: row(), notifications }),
    );
    assert.equal(got.analytics.length, news.length);
    assert.deepEqual(named(got.customers), [
      'order-state awaiting-payment',
      'order-state cancelled',
      'order-state received',
      'payment-reminder awaiting-payment',
      'shipment-lost shipped',
    ]);
    assert.deepEqual(named(got.support), [
      'order-state awaiting-payment',
      'order-state cancelled',
      'order-state needs-operator',
      'shipment-lost shipped',
    ]);
    assert.deepEqual(named(got.security), [
      'order-state awaiting-payment',
      'order-state cancelled',
    ]);
  });

  it('of an order carry what filters look at, and what its customer reads', async () => {
    const notification = { version: 4, state: 'paid', reason: null } as const;
    const got = await toldBy(() =>
      publishNotifications(sns, topicArn, { row: row(), notifications: [notification] }),
    );
    const [message] = got.customers;
    assert.ok(message);
    assert.deepEqual(attributesOf(message), {
      type: 'order-state',
      status: 'paid',
      severity: 'info',
      notificationId: 'order:web:1/4',
      channel: 'web',
      orderId: '1',
      customerId: 'customer-1',
      sellerId: ['seller-1', 'seller-2'],
      audience: ['customers'],
    });
    const { text, ...body } = bodyOf(message);
    assert.equal(text?.subject, 'We have received your payment for order 1');
    assert.deepEqual(body, {
      ...notification,
      notificationId: 'order:web:1/4',
      type: 'order-state',
      workflowId: 'order:web:1',
      channel: 'web',
      orderId: '1',
      customerId: 'customer-1',
      sellerIds: ['seller-1', 'seller-2'],
      severity: 'info',
    });
  });

  it('that are not for customers carry no text for them', async () => {
    const notification = { version: 5, state: 'on-review', reason: 'screening-doubtful' } as const;
    const got = await toldBy(() =>
      publishNotifications(sns, topicArn, { row: row(), notifications: [notification] }),
    );
    const [message] = got.analytics;
    assert.ok(message);
    assert.deepEqual(
      [attributesOf(message)['audience'], bodyOf(message).text],
      [undefined, undefined],
    );
  });

  it('of a return reach its customer once it is known whose it is', async () => {
    const news: readonly ReturnNews[] = [
      { version: 2, state: 'awaiting-goods', reason: null },
      { version: 5, state: 'awaiting-goods', reason: null, notice: 'return-reminder' },
      { version: 9, state: 'needs-operator', reason: 'refund-failed' },
    ];
    const unknown = returnRow({
      returnId: 'r-2',
      workflowId: 'return:r-2',
      customerId: null,
      lines: [],
      goodsUntil: null,
    });
    const got = await toldBy(async () => {
      await publishReturnNews(sns, topicArn, returnRow(), news);
      const rejected = { version: 4, state: 'rejected', reason: 'unknown-order' } as const;
      await publishReturnNews(sns, topicArn, unknown, [rejected]);
    });
    assert.deepEqual(named(got.customers), [
      'return-reminder awaiting-goods',
      'return-state awaiting-goods',
    ]);
    assert.deepEqual(named(got.support), ['return-state needs-operator', 'return-state rejected']);
    assert.deepEqual(got.security, []);
    assert.equal(got.analytics.length, 4);

    const reminder = got.customers.find((one) => bodyOf(one).type === 'return-reminder');
    assert.ok(reminder);
    assert.deepEqual(attributesOf(reminder), {
      type: 'return-reminder',
      status: 'awaiting-goods',
      severity: 'info',
      notificationId: 'return:r-1/5',
      channel: 'web',
      orderId: '1',
      customerId: 'customer-1',
      sellerId: ['seller-2'],
      audience: ['customers'],
    });
    const { text, ...body } = bodyOf(reminder);
    assert.match(text?.body ?? '', /return r-1 of order 1 .* by April 20, 2027;/);
    assert.deepEqual(body, {
      notificationId: 'return:r-1/5',
      type: 'return-reminder',
      workflowId: 'return:r-1',
      returnId: 'r-1',
      channel: 'web',
      orderId: '1',
      customerId: 'customer-1',
      sellerIds: ['seller-2'],
      version: 5,
      state: 'awaiting-goods',
      reason: null,
      goodsUntil: '2027-04-20T12:00:00.000Z',
      severity: 'info',
    });
    const nobodys = got.support.find((one) => bodyOf(one).state === 'rejected');
    assert.ok(nobodys);
    const { customerId, sellerId, audience } = attributesOf(nobodys);
    assert.deepEqual([customerId, sellerId, audience], [undefined, undefined, undefined]);
    assert.equal(bodyOf(nobodys).text, undefined);
  });

  it('of other things carry what is known of them, and no more', async () => {
    const dispute = { disputeId: 'dp_1', channel: 'web', orderId: '1', customerId: 'customer-1' };
    const facts: readonly (Fact & { readonly disputeId?: string })[] = [
      {
        notificationId: 'dispute:dp_1/opened',
        type: 'dispute-opened',
        state: 'opened',
        reason: 'fraudulent',
        ...dispute,
      },
      {
        notificationId: 'dispute:dp_1/closed',
        type: 'dispute-closed',
        state: 'won',
        reason: null,
        ...dispute,
      },
      { notificationId: 'sweep/1', type: 'audit-mismatch', state: 'found', reason: null },
    ];
    const got = await toldBy(() => publishFacts(sns, topicArn, facts));
    assert.equal(got.analytics.length, facts.length);
    assert.deepEqual(named(got.support), ['audit-mismatch found', 'dispute-opened opened']);
    assert.deepEqual(named(got.security), ['dispute-closed won', 'dispute-opened opened']);
    assert.deepEqual(got.customers, []);
    const found = got.support.find((one) => bodyOf(one).type === 'audit-mismatch');
    assert.ok(found);
    assert.deepEqual(attributesOf(found), {
      type: 'audit-mismatch',
      status: 'found',
      severity: 'critical',
      notificationId: 'sweep/1',
    });
    assert.deepEqual(bodyOf(found), { ...facts[2], severity: 'critical' });
  });

  it('are to be had by seller, whichever of an order it is', async () => {
    const { QueueUrl = '' } = await sqs.send(new CreateQueueCommand({ QueueName: 'seller-2' }));
    const { Attributes } = await sqs.send(
      new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['QueueArn'] }),
    );
    await sns.send(
      new SubscribeCommand({
        TopicArn: topicArn,
        Protocol: 'sqs',
        Endpoint: Attributes?.['QueueArn'],
        Attributes: {
          RawMessageDelivery: 'true',
          FilterPolicy: JSON.stringify({ sellerId: ['seller-2'] }),
        },
      }),
    );
    const other = row({
      workflowId: 'order:web:2',
      lines: [{ sku: 'mug', quantity: 1, amount: 500, sellerId: 'seller-1' }],
    });
    const notifications = [{ version: 1, state: 'received', reason: null }] as const;
    await publishNotifications(sns, topicArn, { row: other, notifications });
    await publishNotifications(sns, topicArn, { row: row(), notifications });
    const got = await receiveUntil(QueueUrl, 'order:web:1/1');
    assert.equal(got.length, 1);
  });

  it('of an order with 50 sellers and the longest IDs fit into one call, ten at a time', async () => {
    const id = (prefix: string) => prefix.padEnd(128, 'x');
    const large = row({
      workflowId: `order:${id('channel')}:${id('order')}`,
      channel: id('channel'),
      orderId: id('order'),
      customerId: id('customer'),
      lines: Array.from({ length: 50 }, (_, index) => ({
        sku: 'mug',
        quantity: 1,
        amount: 1,
        sellerId: id(`seller-${index}-`),
      })),
    });
    const notifications = Array.from({ length: 10 }, (_, index) => ({
      version: index + 1,
      state: 'cancelled' as const,
      reason: '\u{1F4E6}'.repeat(500),
    }));
    const sizes: number[] = [];
    const weighing = new SNSClient(awsAccount());
    weighing.middlewareStack.add(
      (next) => async (args) => {
        const { PublishBatchRequestEntries: entries = [] } = args.input as PublishBatchCommandInput;
        sizes.push(entries.reduce((sum, entry) => sum + sizeOf(entry), 0));
        return await next(args);
      },
      { step: 'initialize' },
    );
    await publishNotifications(weighing, topicArn, { row: large, notifications });
    weighing.destroy();
    assert.equal(sizes.length, 1);
    assert.ok(
      sizes.every((size) => size > 10 * 50 * 128 && size < LIMIT),
      `${sizes.join()} bytes`,
    );
  });

  /** As SNS counts: the message, and names, types and values of its attributes. */
  function sizeOf({ Message = '', MessageAttributes = {} }: PublishBatchRequestEntry): number {
    const texts = Object.entries(MessageAttributes).flatMap(
      ([name, { DataType = '', StringValue = '' }]) => [name, DataType, StringValue],
    );
    return [Message, ...texts].reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  }
});

/** What SNS takes in one call, in bytes: https://docs.aws.amazon.com/sns/latest/api/API_PublishBatch.html. */
const LIMIT = 262_144;
