import assert from 'node:assert/strict';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { PublishBatchCommand, SNSClient, SubscribeCommand } from '@aws-sdk/client-sns';
import {
  CreateQueueCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SQSClient,
  type Message,
} from '@aws-sdk/client-sqs';
import { DynamoDBDocumentClient, GetCommand } from '@aws-sdk/lib-dynamodb';
import fc from 'fast-check';
import { deploy, type AwsConfig } from '../../dev/deploy.ts';
import { synthesise } from '../../infra/app.ts';
import {
  createOrderActivities,
  ForeignOrderError,
  UnpublishedError,
} from '../../src/activities/orders.ts';
import type { OrderActivities } from '../../src/contracts/activities.ts';
import { orderWorkflowId, type OrderRow } from '../../src/contracts/orders.ts';
import type { Notification } from '../../src/domain/notification.ts';
import { openOrder } from '../../src/domain/order.ts';
import { awsAccount, eventually, uniqueId } from '../support/servers.ts';

function orderRow(given: Partial<OrderRow> = {}): OrderRow {
  const key = { channel: 'web', orderId: given.orderId ?? uniqueId('order') };
  const { total, payment, shipments, cancellation } = openOrder(
    { amount: 1999, currency: 'EUR' },
    'pm_card_visa',
  );
  return {
    ...key,
    workflowId: orderWorkflowId(key),
    version: 1,
    claimedBy: 'run-1',
    state: 'received',
    waitingFor: null,
    reason: null,
    customerId: 'customer-7',
    total,
    lines: [{ sku: 'mug', quantity: 1, amount: 1999, sellerId: 'seller-1' }],
    payment,
    shipments,
    cancellation,
    timeline: [],
    ...given,
  };
}

const PAID: Notification = { version: 2, state: 'paid', reason: null };

describe('order activities', () => {
  let sns: SNSClient;
  let sqs: SQSClient;
  let table: DynamoDBDocumentClient;
  let ordersTable: string;
  let topicArn: string;
  let queueUrl: string;
  let orders: OrderActivities;

  before(async () => {
    const account: AwsConfig = awsAccount();
    const outputs = await deploy(account, synthesise());
    ordersTable = outputs.OrdersTable;
    topicArn = outputs.NotificationsTopicArn;
    sns = new SNSClient(account);
    sqs = new SQSClient(account);
    table = DynamoDBDocumentClient.from(new DynamoDBClient(account));
    orders = createOrderActivities({ table, ordersTable, sns, topicArn });

    const { QueueUrl = '' } = await sqs.send(new CreateQueueCommand({ QueueName: 'everything' }));
    queueUrl = QueueUrl;
    const { Attributes } = await sqs.send(
      new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['QueueArn'] }),
    );
    await sns.send(
      new SubscribeCommand({
        TopicArn: topicArn,
        Protocol: 'sqs',
        Endpoint: Attributes?.['QueueArn'],
        Attributes: { RawMessageDelivery: 'true' },
      }),
    );
  });

  async function stored({ workflowId }: OrderRow): Promise<unknown> {
    const { Item: item } = await table.send(
      new GetCommand({
        TableName: ordersTable,
        Key: { orderKey: workflowId },
        ConsistentRead: true,
      }),
    );
    return item;
  }

  /** The next messages of one order, which are left hidden in the queue. */
  async function published({ workflowId }: OrderRow, count: number): Promise<Message[]> {
    const seen: Message[] = [];
    await eventually(async () => {
      const { Messages: messages = [] } = await sqs.send(
        new ReceiveMessageCommand({
          QueueUrl: queueUrl,
          MaxNumberOfMessages: 10,
          MessageAttributeNames: ['All'],
        }),
      );
      seen.push(...messages.filter(({ Body }) => Body?.includes(`"${workflowId}"`)));
      return seen.length >= count;
    });
    return seen;
  }

  function idsOf(messages: readonly Message[]): string[] {
    return messages
      .map(({ Body }) => (JSON.parse(Body ?? '') as { notificationId: string }).notificationId)
      .toSorted();
  }

  describe('claimOrder', () => {
    it('puts the row, for one start only', async () => {
      const row = orderRow();
      assert.equal(await orders.claimOrder(row), 'claimed');
      assert.deepEqual(await stored(row), { orderKey: row.workflowId, ...row });

      const other = { ...row, claimedBy: 'run-2', customerId: 'somebody-else' };
      assert.equal(await orders.claimOrder(other), 'duplicate');
      assert.deepEqual(await stored(row), { orderKey: row.workflowId, ...row });
    });

    it('is given to exactly one of many starts at once', async () => {
      const row = orderRow();
      const answers = await Promise.all(
        Array.from({ length: 10 }, (_, run) =>
          orders.claimOrder({ ...row, claimedBy: `run-${run}` }),
        ),
      );
      assert.equal(answers.filter((answer) => answer === 'claimed').length, 1);
    });

    it('repeated, is still claimed, and does not set back what was announced since', async () => {
      const row = orderRow();
      await orders.claimOrder(row);
      const paid = { ...row, version: 2, state: 'paid' } as const;
      await orders.announceOrder({ row: paid, notifications: [] });

      assert.equal(await orders.claimOrder(row), 'claimed');
      assert.deepEqual(await stored(row), { orderKey: row.workflowId, ...paid });
    });
  });

  describe('announceOrder', () => {
    it('publishes each change of state with what filters look at', async () => {
      const row = orderRow({ version: 3, state: 'needs-operator', reason: 'release-stock' });
      await orders.announceOrder({
        row,
        notifications: [PAID, { version: 3, state: 'needs-operator', reason: 'release-stock' }],
      });
      assert.deepEqual(await stored(row), { orderKey: row.workflowId, ...row });

      const messages = await published(row, 2);
      const bodies = messages.map(({ Body }) => JSON.parse(Body ?? '') as { version: number });
      bodies.sort((one, other) => one.version - other.version);
      const common = {
        workflowId: row.workflowId,
        channel: 'web',
        orderId: row.orderId,
        customerId: 'customer-7',
      };
      assert.deepEqual(bodies, [
        {
          ...common,
          ...PAID,
          notificationId: `${row.workflowId}/2`,
          severity: 'info',
        },
        {
          ...common,
          version: 3,
          state: 'needs-operator',
          reason: 'release-stock',
          notificationId: `${row.workflowId}/3`,
          severity: 'critical',
        },
      ]);
      const critical = messages.find(({ Body }) => Body?.includes('needs-operator'));
      const attributes = Object.entries(critical?.MessageAttributes ?? {}).map(
        ([name, { StringValue }]) => [name, StringValue],
      );
      assert.deepEqual(Object.fromEntries(attributes), {
        state: 'needs-operator',
        severity: 'critical',
        channel: 'web',
      });
    });

    it('repeated after it was cut off between row and topic, publishes with the same ID', async () => {
      const row = orderRow({ version: 2, state: 'paid' });
      const cutOff = new SNSClient(awsAccount());
      cutOff.middlewareStack.add(() => () => Promise.reject(new Error('cut off')), {
        step: 'initialize',
      });
      const interrupted = createOrderActivities({ table, ordersTable, sns: cutOff, topicArn });
      const announcement = { row, notifications: [PAID] };
      await assert.rejects(interrupted.announceOrder(announcement), /cut off/);
      assert.deepEqual(await stored(row), { orderKey: row.workflowId, ...row });

      await orders.announceOrder(announcement);
      await orders.announceOrder(announcement);
      const id = `${row.workflowId}/2`;
      assert.deepEqual(idsOf(await published(row, 2)), [id, id]);
    });

    it("never writes another start's row", async () => {
      const row = orderRow();
      await orders.claimOrder(row);
      const foreign = { ...row, version: 9, claimedBy: 'run-2' };
      await assert.rejects(
        orders.announceOrder({ row: foreign, notifications: [PAID] }),
        ForeignOrderError,
      );
      assert.deepEqual(await stored(row), { orderKey: row.workflowId, ...row });
    });

    it('ends with the highest version, in whatever order announcements come, at once or repeated', async () => {
      const arrivals = fc.array(
        fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 3 }),
        { minLength: 1, maxLength: 5 },
      );
      await fc.assert(
        fc.asyncProperty(arrivals, async (rounds) => {
          const row = orderRow();
          for (const versions of rounds) {
            await Promise.all(
              versions.map((version) =>
                orders.announceOrder({
                  row: { ...row, version, reason: `as of ${version}` },
                  notifications: [],
                }),
              ),
            );
          }
          const highest = Math.max(...rounds.flat());
          assert.deepEqual(await stored(row), {
            orderKey: row.workflowId,
            ...row,
            version: highest,
            reason: `as of ${highest}`,
          });
        }),
        { numRuns: 25 },
      );
    });

    it('takes any number of notifications, and sends again only what SNS did not take', async () => {
      const { refusing, calls } = refusingSns(1);
      const row = orderRow({ version: 23 });
      const notifications = Array.from({ length: 12 }, (_, index) => ({
        ...PAID,
        version: index + 12,
      }));
      const activities = createOrderActivities({ table, ordersTable, sns: refusing, topicArn });
      await activities.announceOrder({ row, notifications });

      assert.deepEqual(calls, [
        ['12', '13', '14', '15', '16', '17', '18', '19', '20', '21'],
        ['12'],
        ['22', '23'],
      ]);
      const expected = notifications.map(({ version }) => `${row.workflowId}/${version}`);
      assert.deepEqual(idsOf(await published(row, 12)), expected);
    });

    it('throws what SNS goes on to refuse, so that it is repeated', async () => {
      const { refusing, calls } = refusingSns(3);
      const activities = createOrderActivities({ table, ordersTable, sns: refusing, topicArn });
      await assert.rejects(
        activities.announceOrder({ row: orderRow({ version: 2 }), notifications: [PAID] }),
        (error) => error instanceof UnpublishedError && error.message.includes('2: Throttled'),
      );
      assert.deepEqual(calls, [['2'], ['2'], ['2']]);
    });

    /** The real topic, which does not take the first entry of each of the first `times` calls. */
    function refusingSns(times: number): { refusing: SNSClient; calls: string[][] } {
      const calls: string[][] = [];
      const send = async (command: PublishBatchCommand) => {
        const entries = command.input.PublishBatchRequestEntries ?? [];
        calls.push(entries.map(({ Id }) => Id ?? ''));
        const refused = calls.length <= times ? entries.slice(0, 1) : [];
        const taken = entries.slice(refused.length);
        if (taken.length > 0) {
          const input = { ...command.input, PublishBatchRequestEntries: taken };
          await sns.send(new PublishBatchCommand(input));
        }
        const failed = refused.map(({ Id }) => ({ Id, Code: 'Throttled', SenderFault: false }));
        return { Failed: failed };
      };
      return { refusing: { send } as unknown as SNSClient, calls };
    }
  });
});
