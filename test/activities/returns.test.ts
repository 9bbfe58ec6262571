import assert from 'node:assert/strict';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient, GetCommand, PutCommand } from '@aws-sdk/lib-dynamodb';
import { deploy } from '../../dev/deploy.ts';
import { synthesise } from '../../infra/app.ts';
import { createReturnActivities } from '../../src/activities/returns.ts';
import type { ReturnActivities } from '../../src/contracts/activities.ts';
import { orderWorkflowId, type OrderKey, type OrderRow } from '../../src/contracts/orders.ts';
import {
  returnWorkflowId,
  type ReturnedPieces,
  type ReturnRow,
} from '../../src/contracts/returns.ts';
import { awsAccount, uniqueId } from '../support/servers.ts';

describe('return activities', () => {
  let table: DynamoDBDocumentClient;
  let names: Record<'returnsTable' | 'ordersTable' | 'paymentsTable', string>;
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
    returns = createReturnActivities({ table, ...names });
  });
  after(() => table.destroy());

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
  const rejected = (reason: string) => ({ kind: 'rejected', reason });

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
      assert.deepEqual(await open(gone, mugs(1)), rejected('unknown-order'));
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
      assert.deepEqual(await open(order, mugs(1), 'r-1'), rejected('return-closed'));
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
      const Key = { returnKey: `return:${returnId}` };
      const { Item } = await table.send(
        new GetCommand({ TableName: names.returnsTable, Key, ConsistentRead: true }),
      );
      assert.deepEqual(Item, {
        ...Key,
        orderKey: 'order:web:42',
        ...row(returnId, 3, 'inspecting'),
      });
    });
  });
});
