import assert from 'node:assert/strict';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { SNSClient } from '@aws-sdk/client-sns';
import { ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { DynamoDBDocumentClient, GetCommand, PutCommand } from '@aws-sdk/lib-dynamodb';
import { deploy } from '../../dev/deploy.ts';
import { synthesise } from '../../infra/app.ts';
import { createReturnActivities } from '../../src/activities/returns.ts';
import type { ReturnActivities } from '../../src/contracts/activities.ts';
import { orderWorkflowId, type OrderKey, type OrderRow } from '../../src/contracts/orders.ts';
import {
  returnWorkflowId,
  type ReturnedPieces,
  type ReturnNotification,
  type ReturnRow,
} from '../../src/contracts/returns.ts';
import type { ReturnNews } from '../../src/domain/notification.ts';
import { awsAccount, eventually, uniqueId } from '../support/servers.ts';

describe('return activities', () => {
  let table: DynamoDBDocumentClient;
  let names: Record<'returnsTable' | 'ordersTable' | 'paymentsTable', string>;
  let sns: SNSClient;
  let sqs: SQSClient;
  let topicArn: string;
  let analytics: string;
  let returns: ReturnActivities;

  before(async () => {
    const account = awsAccount();
    const outputs = await deploy(account, synthesise());
    table = DynamoDBDocumentClient.from(new DynamoDBClient(account));
    names = {
      returnsTable: outputs.ReturnsTable,
      ordersTable: outputs.OrdersTable,
      paymentsTable: outputs.PaymentsTable,
    };
    sns = new SNSClient(account);
    sqs = new SQSClient(account);
    topicArn = outputs.NotificationsTopicArn;
    analytics = outputs.AnalyticsQueueUrl;
    returns = withSns(sns);
  });
  after(() => {
    table.destroy();
    sns.destroy();
    sqs.destroy();
  });

  const withSns = (topic: SNSClient) =>
    createReturnActivities({ table, ...names, sns: topic, topicArn });

  /** An order of three mugs for 10.00 and a free cap, as it is stored. */
  async function delivered(change: Partial<OrderRow> = {}): Promise<OrderKey> {
    const order = { channel: 'web', orderId: uniqueId('order') };
    const row: Partial<OrderRow> = {
      ...order,
      state: 'delivered',
      customerId: 'c-1',
      total: { amount: 1_000, currency: 'EUR' },
      lines: [
        { sku: 'mug', quantity: 3, amount: 1_000, sellerId: 's-1' },
        { sku: 'cap', quantity: 1, amount: 0, sellerId: 's-2' },
      ],
      cancelledLines: [],
      ...change,
    };
    const Item = { orderKey: orderWorkflowId(order), ...row };
    await table.send(new PutCommand({ TableName: names.ordersTable, Item }));
    return order;
  }

  const open = (order: OrderKey, lines: readonly ReturnedPieces[], returnId = uniqueId('return')) =>
    returns.openReturn({ returnId, order, lines });
  const mugs = (quantity: number) => [{ line: 1, quantity }];
  const rejected = (reason: string) => ({ kind: 'rejected', reason, customerId: 'c-1' });

  async function counts(order: OrderKey): Promise<unknown> {
    const Key = { orderKey: orderWorkflowId(order), entry: 'RETURNS' };
    const command = new GetCommand({ TableName: names.paymentsTable, Key, ConsistentRead: true });
    return (await table.send(command)).Item?.['counts'];
  }

  describe('openReturn', () => {
    it('enters the pieces, once, and says what they are', async () => {
      const order = await delivered();
      const answer = await open(order, mugs(2), 'r-1');
      assert.deepEqual(answer, {
        kind: 'opened',
        customerId: 'c-1',
        currency: 'EUR',
        lines: [{ line: 1, sku: 'mug', quantity: 2, amount: 666, sellerId: 's-1' }],
      });
      assert.deepEqual(await open(order, mugs(2), 'r-1'), answer);
      assert.deepEqual(await counts(order), { 1: { quantity: 2, amount: 666 } });
      const second = await open(order, mugs(1));
      assert.equal(second.kind === 'opened' && second.lines[0]?.amount, 334);
    });

    it('rejects what the order does not allow', async () => {
      const gone = { channel: 'web', orderId: uniqueId('order') };
      assert.deepEqual(await open(gone, mugs(1)), { kind: 'rejected', reason: 'unknown-order' });
      const shipped = await delivered({ state: 'shipped' });
      assert.deepEqual(await open(shipped, mugs(1)), rejected('order-shipped'));
      const order = await delivered({
        cancelledLines: [
          { line: 2, step: 1, settled: true, reason: 'changed-my-mind', requestedBy: 'customer' },
        ],
      });
      assert.deepEqual(await open(order, [{ line: 2, quantity: 1 }]), rejected('line-cancelled'));
      assert.deepEqual(await open(order, [{ line: 3, quantity: 1 }]), rejected('unknown-line'));
      assert.deepEqual(await open(order, mugs(4)), rejected('more-than-sold'));
      assert.equal((await open(order, mugs(2))).kind, 'opened');
      assert.deepEqual(await open(order, mugs(2)), rejected('already-returned'));
      assert.deepEqual(await counts(order), { 1: { quantity: 2, amount: 666 } });
    });

    it('reads orders from before lines could be cancelled', async () => {
      const order = await delivered({ cancelledLines: undefined as never });
      assert.equal((await open(order, mugs(1))).kind, 'opened');
    });

    it('answers a repeat as the first time, whatever the order has come to since', async () => {
      const order = await delivered({ state: 'shipped' });
      assert.deepEqual(await open(order, mugs(1), 'r-1'), rejected('order-shipped'));
      const closed = await delivered();
      const answer = await open(closed, mugs(3), 'r-2');
      await returns.closeReturn({ returnId: 'r-2', order: closed, accepted: [] });
      assert.deepEqual(await open(closed, mugs(3), 'r-2'), answer);
      assert.deepEqual(await counts(closed), { 1: { quantity: 0, amount: 0 } });
      const Item = { orderKey: orderWorkflowId(order), ...order, state: 'delivered' };
      await table.send(new PutCommand({ TableName: names.ordersTable, Item }));
      assert.deepEqual(await open(order, mugs(1), 'r-1'), rejected('order-shipped'));
    });

    it('gives the last pieces to one of those that race for them', async () => {
      const order = await delivered();
      const answers = await Promise.all(
        [mugs(2), mugs(2), mugs(2), mugs(2)].map((lines) => open(order, lines)),
      );
      const kinds = answers.map((answer) =>
        answer.kind === 'rejected' ? answer.reason : 'opened',
      );
      assert.deepEqual(kinds.toSorted(), [
        'already-returned',
        'already-returned',
        'already-returned',
        'opened',
      ]);
      assert.deepEqual(await counts(order), { 1: { quantity: 2, amount: 666 } });
    });

    it('is entered once by calls that race for the same return', async () => {
      const order = await delivered();
      const [first, ...others] = await Promise.all(
        Array.from({ length: 4 }, () => open(order, mugs(2), 'r-1')),
      );
      assert.equal(first?.kind, 'opened');
      for (const other of others) assert.deepEqual(other, first);
      assert.deepEqual(await counts(order), { 1: { quantity: 2, amount: 666 } });
    });
  });

  describe('closeReturn', () => {
    it('lets go of what was not accepted, once', async () => {
      const order = await delivered();
      await open(order, [...mugs(3), { line: 2, quantity: 1 }], 'r-1');
      const closing = { returnId: 'r-1', order, accepted: mugs(2) };
      await Promise.all(Array.from({ length: 8 }, () => returns.closeReturn(closing)));
      await returns.closeReturn({ ...closing, accepted: [] });
      assert.deepEqual(await counts(order), {
        1: { quantity: 2, amount: 666 },
        2: { quantity: 0, amount: 0 },
      });
      const again = await open(order, mugs(1));
      assert.equal(again.kind === 'opened' && again.lines[0]?.amount, 334);
      assert.deepEqual(await open(order, mugs(1)), rejected('already-returned'));
    });

    it('keeps a return that is opened later from taking pieces', async () => {
      const order = await delivered();
      await returns.closeReturn({ returnId: 'r-1', order, accepted: [] });
      assert.deepEqual(await open(order, mugs(1), 'r-1'), {
        kind: 'rejected',
        reason: 'return-closed',
      });
      assert.equal(await counts(order), undefined);
    });

    it('counts right while other returns come and go', async () => {
      const order = await delivered();
      const ids = ['r-1', 'r-2', 'r-3'];
      await Promise.all(ids.map((returnId) => open(order, mugs(1), returnId)));
      await Promise.all(
        ids.map((returnId) =>
          returns.closeReturn({ returnId, order, accepted: returnId === 'r-1' ? mugs(1) : [] }),
        ),
      );
      const { 1: line } = (await counts(order)) as Record<string, { quantity: number }>;
      assert.equal(line?.quantity, 1);
    });
  });

  describe('announceReturn', () => {
    const row = (returnId: string, revision: number, state: ReturnRow['state']): ReturnRow => ({
      channel: 'web',
      orderId: '42',
      returnId,
      workflowId: returnWorkflowId(returnId),
      revision,
      state,
      waitingFor: null,
      reason: null,
      customerId: null,
      currency: null,
      lines: [],
      accepted: null,
      refund: null,
      requestedAt: '2026-01-01T00:00:00.000Z',
      goodsUntil: null,
      timeline: [],
    });

    async function storedRow(returnId: string): Promise<unknown> {
      const Key = { returnKey: `return:${returnId}` };
      const command = new GetCommand({ TableName: names.returnsTable, Key, ConsistentRead: true });
      return (await table.send(command)).Item;
    }

    /** The next notifications of one return. */
    async function published(returnId: string, count: number) {
      const seen: ReturnNotification[] = [];
      await eventually(async () => {
        const { Messages: messages = [] } = await sqs.send(
          new ReceiveMessageCommand({ QueueUrl: analytics, MaxNumberOfMessages: 10 }),
        );
        const bodies = messages.map(({ Body }) => JSON.parse(Body ?? '') as ReturnNotification);
        seen.push(...bodies.filter((one) => one.returnId === returnId));
        return seen.length >= count;
      });
      return seen;
    }

    const stored = (told: ReturnRow) => ({
      ...told,
      returnKey: told.workflowId,
      orderKey: 'order:web:42',
    });

    it('writes a row, and no older one over it', async () => {
      const returnId = uniqueId('return');
      for (const [revision, state] of [
        [1, 'requested'],
        [3, 'inspecting'],
        [2, 'awaiting-goods'],
        [3, 'requested'],
      ] as const) {
        await returns.announceReturn(row(returnId, revision, state));
      }
      assert.deepEqual(await storedRow(returnId), stored(row(returnId, 3, 'inspecting')));
    });

    it('without news tells nobody, nor in calls of before there was any', async () => {
      const silent = new SNSClient(awsAccount());
      silent.middlewareStack.add(() => () => Promise.reject(new Error('published')), {
        step: 'initialize',
      });
      const told = row(uniqueId('return'), 2, 'requested');
      await withSns(silent).announceReturn(told, []);
      await withSns(silent).announceReturn(told);
      silent.destroy();
    });

    it('publishes what is new, all of it, with IDs of its own', async () => {
      const returnId = uniqueId('return');
      const news: readonly ReturnNews[] = [
        { version: 2, state: 'requested', reason: null },
        { version: 4, state: 'rejected', reason: 'more-than-sold' },
      ];
      const told = { ...row(returnId, 4, 'rejected'), customerId: 'c-1' };
      await returns.announceReturn(told, news);
      const messages = await published(returnId, 2);
      assert.deepEqual(
        messages
          .map(({ notificationId, type, state, severity }) =>
            [notificationId, type, state, severity].join(' '),
          )
          .toSorted(),
        [
          `return:${returnId}/2 return-state requested info`,
          `return:${returnId}/4 return-state rejected warning`,
        ],
      );
    });

    it('repeated after it was cut off between row and topic, publishes with the same ID (FAULTS 33)', async () => {
      const returnId = uniqueId('return');
      const cutOff = new SNSClient(awsAccount());
      cutOff.middlewareStack.add(() => () => Promise.reject(new Error('cut off')), {
        step: 'initialize',
      });
      const told = row(returnId, 4, 'awaiting-goods');
      const news: readonly ReturnNews[] = [{ version: 4, state: 'awaiting-goods', reason: null }];
      await assert.rejects(withSns(cutOff).announceReturn(told, news), /cut off/);
      cutOff.destroy();
      assert.deepEqual(await storedRow(returnId), stored(told));

      await returns.announceReturn(told, news);
      await returns.announceReturn(told, news);
      const ids = (await published(returnId, 2)).map(({ notificationId }) => notificationId);
      assert.deepEqual(ids, [`return:${returnId}/4`, `return:${returnId}/4`]);
      assert.deepEqual(await storedRow(returnId), stored(told));
    });
  });
});
