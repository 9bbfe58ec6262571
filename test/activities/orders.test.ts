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
import {
  DynamoDBDocumentClient,
  GetCommand,
  PutCommand,
  QueryCommand,
} from '@aws-sdk/lib-dynamodb';
import fc from 'fast-check';
import { deploy, type AwsConfig } from '../../dev/deploy.ts';
import { synthesise } from '../../infra/app.ts';
import { createOrderActivities, ForeignOrderError } from '../../src/activities/orders.ts';
import { UnpublishedError } from '../../src/activities/notifications.ts';
import type { OrderActivities } from '../../src/contracts/activities.ts';
import { ORDER_INDEXES, ORDER_SUMMARY } from '../../src/contracts/indexes.ts';
import {
  orderWorkflowId,
  type OrderNotification,
  type OrderRow,
} from '../../src/contracts/orders.ts';
import type { Notification } from '../../src/domain/notification.ts';
import { openOrder } from '../../src/domain/order.ts';
import { awsAccount, eventually, uniqueId } from '../support/servers.ts';

function orderRow(given: Partial<OrderRow> = {}): OrderRow {
  const key = { channel: 'web', orderId: given.orderId ?? uniqueId('order') };
  const { total, payment, shipments, cancellation, cancelledLines, review } = openOrder(
    { amount: 1999, currency: 'EUR' },
    'pm_card_visa',
  );
  return {
    ...key,
    workflowId: orderWorkflowId(key),
    version: 1,
    revision: 1,
    claimedBy: 'run-1',
    state: 'received',
    waitingFor: null,
    reason: null,
    customerId: 'customer-7',
    placedAt: PLACED_AT,
    total,
    lines: [{ sku: 'mug', quantity: 1, amount: 1999, sellerId: 'seller-1' }],
    cancelledLines,
    review,
    payment,
    shipments,
    cancellation,
    timeline: [],
    ...given,
  };
}

const PLACED_AT = '2027-03-09T23:59:59.123Z';

/** The row as it is stored. */
function item(row: OrderRow): object {
  return { orderKey: row.workflowId, ...row, placedOn: '2027-03-09' };
}

const PAID: Notification = { version: 2, state: 'paid', reason: null };

describe('order activities', () => {
  let sns: SNSClient;
  let sqs: SQSClient;
  let table: DynamoDBDocumentClient;
  let ordersTable: string;
  let sellersTable: string;
  let topicArn: string;
  let queueUrl: string;
  let orders: OrderActivities;

  before(async () => {
    const account: AwsConfig = awsAccount();
    const outputs = await deploy(account, synthesise());
    ordersTable = outputs.OrdersTable;
    sellersTable = outputs.SellersTable;
    topicArn = outputs.NotificationsTopicArn;
    sns = new SNSClient(account);
    sqs = new SQSClient(account);
    table = DynamoDBDocumentClient.from(new DynamoDBClient(account));
    orders = withSns(sns);

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

  function withSns(topic: SNSClient): OrderActivities {
    const screenOrder = () => Promise.resolve({ score: 5 });
    const tables = { table, ordersTable, sellersTable };
    return createOrderActivities({ ...tables, sns: topic, topicArn, screenOrder });
  }

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
      assert.deepEqual(await stored(row), item(row));

      const other = { ...row, claimedBy: 'run-2', customerId: 'somebody-else' };
      assert.equal(await orders.claimOrder(other), 'duplicate');
      assert.deepEqual(await stored(row), item(row));
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
      const paid = { ...row, version: 2, revision: 5, state: 'paid' } as const;
      await orders.announceOrder({ row: paid, notifications: [] });

      assert.equal(await orders.claimOrder(row), 'claimed');
      assert.deepEqual(await stored(row), item(paid));
    });
  });

  describe('the lists of orders', () => {
    const seller = (sellerId: string) => ({
      sku: uniqueId('sku'),
      quantity: 1,
      amount: 500,
      sellerId,
    });

    async function ordersOf(sellerId: string): Promise<unknown> {
      const { Items } = await table.send(
        new QueryCommand({
          TableName: sellersTable,
          KeyConditionExpression: 'sellerId = :seller',
          ExpressionAttributeValues: { ':seller': sellerId },
          ConsistentRead: true,
        }),
      );
      return Items;
    }

    it('name an order once for each of its sellers, sorted by when it was placed', async () => {
      const [one, other] = [uniqueId('seller'), uniqueId('seller')];
      const later = orderRow({ lines: [seller(one), seller(other), seller(one)] });
      const earlier = orderRow({ placedAt: '2027-03-08T00:00:00.000Z', lines: [seller(one)] });
      await orders.claimOrder(later);
      await orders.claimOrder(earlier);
      await orders.claimOrder(later);
      const entry = (sellerId: string, { placedAt, workflowId }: OrderRow) => ({
        sellerId,
        placed: `${placedAt}#${workflowId}`,
        orderKey: workflowId,
      });
      assert.deepEqual(await ordersOf(one), [entry(one, earlier), entry(one, later)]);
      assert.deepEqual(await ordersOf(other), [entry(other, later)]);
    });

    it('name no order that another start has', async () => {
      const [one, other] = [uniqueId('seller'), uniqueId('seller')];
      const row = orderRow({ lines: [seller(one)] });
      await orders.claimOrder(row);
      const foreign = { ...row, claimedBy: 'run-2', lines: [seller(other)] };
      assert.equal(await orders.claimOrder(foreign), 'duplicate');
      assert.deepEqual(await ordersOf(other), []);
    });

    it('take an order of as many as 50 sellers', async () => {
      const sellers = Array.from({ length: 50 }, () => uniqueId('seller'));
      const row = orderRow({ lines: sellers.map(seller) });
      assert.equal(await orders.claimOrder(row), 'claimed');
      assert.equal(((await ordersOf(sellers[49] ?? '')) as unknown[]).length, 1);
    });

    it('find an order by customer, state and day, as it was announced last', async () => {
      const row = orderRow({ customerId: uniqueId('customer') });
      const later = { ...row, placedAt: '2027-03-09T23:59:59.999Z', orderId: uniqueId('order') };
      const laterKey = { ...later, workflowId: orderWorkflowId(later) };
      await orders.claimOrder(laterKey);
      await orders.claimOrder(row);
      const found = async (index: keyof typeof ORDER_INDEXES, value: string) => {
        const { Items: items = [] } = await table.send(
          new QueryCommand({
            TableName: ordersTable,
            IndexName: index,
            KeyConditionExpression: '#key = :value AND placedAt >= :from',
            ExpressionAttributeNames: { '#key': ORDER_INDEXES[index] },
            ExpressionAttributeValues: { ':value': value, ':from': PLACED_AT },
          }),
        );
        const ours = items.filter(({ customerId }) => customerId === row.customerId);
        return ours.map(({ workflowId }) => workflowId);
      };
      const both = [row.workflowId, laterKey.workflowId];
      await eventually(async () => (await found('byCustomer', row.customerId)).length === 2);
      assert.deepEqual(await found('byCustomer', row.customerId), both);
      assert.deepEqual(await found('byDay', '2027-03-09'), both);
      assert.deepEqual(await found('byDay', '2027-03-10'), []);
      assert.deepEqual(await found('byState', 'received'), both);

      await orders.announceOrder({
        row: { ...row, version: 2, revision: 2, state: 'paid' },
        notifications: [],
      });
      await eventually(async () => (await found('byState', 'paid')).length === 1);
      assert.deepEqual(await found('byState', 'paid'), [row.workflowId]);
      assert.deepEqual(await found('byState', 'received'), [laterKey.workflowId]);
      assert.deepEqual(await found('byCustomer', row.customerId), both);
    });

    it('show of an order what a list shows', async () => {
      const row = orderRow({ customerId: uniqueId('customer') });
      await orders.claimOrder(row);
      const [shown] = await eventually(async () => {
        const { Items: items = [] } = await table.send(
          new QueryCommand({
            TableName: ordersTable,
            IndexName: 'byCustomer',
            KeyConditionExpression: 'customerId = :customer',
            ExpressionAttributeValues: { ':customer': row.customerId },
          }),
        );
        return items.length === 1 && items;
      });
      for (const name of [...ORDER_SUMMARY, 'placedAt'] as const) {
        assert.deepEqual(shown?.[name], row[name], name);
      }
    });
  });

  describe('announceOrder', () => {
    it('without a notification writes the row, and tells nobody', async () => {
      const silent = new SNSClient(awsAccount());
      silent.middlewareStack.add(() => () => Promise.reject(new Error('published')), {
        step: 'initialize',
      });
      const row = orderRow({ revision: 3 });
      await withSns(silent).announceOrder({ row, notifications: [] });
      assert.deepEqual(await stored(row), item(row));
    });

    it('writes over a row from before there were revisions', async () => {
      const { revision: _none, ...old } = orderRow({ version: 7 });
      await table.send(
        new PutCommand({ TableName: ordersTable, Item: { orderKey: old.workflowId, ...old } }),
      );
      const row = { ...old, revision: 1 };
      await orders.announceOrder({ row, notifications: [] });
      assert.deepEqual(await stored(row), item(row));
    });

    it('takes a call that was scheduled before rows had a revision and a time', async () => {
      const row = orderRow();
      const { revision: _none, placedAt: _never, ...old } = row;
      assert.equal(await orders.claimOrder(old as OrderRow), 'claimed');
      await orders.announceOrder({ row: old as OrderRow, notifications: [PAID] });
      await orders.announceOrder({ row, notifications: [] });
      assert.deepEqual(await stored(row), item(row));
    });

    it('publishes each change of state with what filters look at', async () => {
      const row = orderRow({ version: 3, state: 'needs-operator', reason: 'release-stock' });
      await orders.announceOrder({
        row,
        notifications: [PAID, { version: 3, state: 'needs-operator', reason: 'release-stock' }],
      });
      assert.deepEqual(await stored(row), item(row));

      const messages = await published(row, 2);
      const bodies = messages.map(({ Body }) => JSON.parse(Body ?? '') as OrderNotification);
      bodies.sort((one, other) => one.version - other.version);
      const common = {
        workflowId: row.workflowId,
        channel: 'web',
        orderId: row.orderId,
        customerId: 'customer-7',
        type: 'order-state',
        sellerIds: ['seller-1'],
      };
      const [paid, stuck] = bodies;
      assert.ok(paid && stuck);
      const { text, ...rest } = paid;
      assert.match(text?.subject ?? '', new RegExp(`payment for order ${row.orderId}$`));
      assert.deepEqual(
        [rest, stuck],
        [
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
        ],
      );
      const critical = messages.find(({ Body }) => Body?.includes('needs-operator'));
      const attributes = Object.entries(critical?.MessageAttributes ?? {}).map(
        ([name, { StringValue }]) => [name, StringValue],
      );
      assert.deepEqual(Object.fromEntries(attributes), {
        type: 'order-state',
        status: 'needs-operator',
        severity: 'critical',
        notificationId: `${row.workflowId}/3`,
        channel: 'web',
        orderId: row.orderId,
        customerId: 'customer-7',
        sellerId: '["seller-1"]',
      });
    });

    it('repeated after it was cut off between row and topic, publishes with the same ID (FAULTS 33)', async () => {
      const row = orderRow({ version: 2, state: 'paid' });
      const cutOff = new SNSClient(awsAccount());
      cutOff.middlewareStack.add(() => () => Promise.reject(new Error('cut off')), {
        step: 'initialize',
      });
      const interrupted = withSns(cutOff);
      const announcement = { row, notifications: [PAID] };
      await assert.rejects(interrupted.announceOrder(announcement), /cut off/);
      assert.deepEqual(await stored(row), item(row));

      await orders.announceOrder(announcement);
      await orders.announceOrder(announcement);
      const id = `${row.workflowId}/2`;
      assert.deepEqual(idsOf(await published(row, 2)), [id, id]);
    });

    it("never writes another start's row", async () => {
      const row = orderRow();
      await orders.claimOrder(row);
      const foreign = { ...row, revision: 9, claimedBy: 'run-2' };
      await assert.rejects(
        orders.announceOrder({ row: foreign, notifications: [PAID] }),
        ForeignOrderError,
      );
      assert.deepEqual(await stored(row), item(row));
    });

    it('ends with the newest revision, in whatever order announcements come, at once or repeated', async () => {
      const arrivals = fc.array(
        fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 3 }),
        { minLength: 1, maxLength: 5 },
      );
      await fc.assert(
        fc.asyncProperty(arrivals, async (rounds) => {
          const row = orderRow();
          for (const revisions of rounds) {
            await Promise.all(
              revisions.map((revision) =>
                orders.announceOrder({
                  row: { ...row, revision, reason: `as of ${revision}` },
                  notifications: [],
                }),
              ),
            );
          }
          const newest = Math.max(...rounds.flat());
          assert.deepEqual(
            await stored(row),
            item({ ...row, revision: newest, reason: `as of ${newest}` }),
          );
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
      const activities = withSns(refusing);
      await activities.announceOrder({ row, notifications });

      assert.deepEqual(calls, [
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'],
        ['0'],
        ['0', '1'],
      ]);
      const expected = notifications.map(({ version }) => `${row.workflowId}/${version}`);
      assert.deepEqual(idsOf(await published(row, 12)), expected);
    });

    it('throws what SNS goes on to refuse, so that it is repeated', async () => {
      const { refusing, calls } = refusingSns(3);
      const activities = withSns(refusing);
      const row = orderRow({ version: 2 });
      const id = `${row.workflowId}/2`;
      await assert.rejects(
        activities.announceOrder({ row, notifications: [PAID] }),
        (error) => error instanceof UnpublishedError && error.message.includes(`${id}: Throttled`),
      );
      assert.deepEqual(calls, [['0'], ['0'], ['0']]);
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
