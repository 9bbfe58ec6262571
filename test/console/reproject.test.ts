import assert from 'node:assert/strict';
import { CreateTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient, GetCommand, PutCommand } from '@aws-sdk/lib-dynamodb';
import type { Client } from '@temporalio/client';
import { reproject } from '../../src/console/reproject.ts';
import { orderItem, sellerItems } from '../../src/contracts/orderItems.ts';
import type { OrderRow } from '../../src/contracts/orders.ts';
import { orderRow } from '../support/orderRow.ts';
import { awsAccount } from '../support/servers.ts';

const NAMES = { ordersTable: 'orders', sellersTable: 'sellers' };

describe('a row that is rebuilt while its workflow goes on', () => {
  let table: DynamoDBDocumentClient;

  before(async () => {
    table = DynamoDBDocumentClient.from(new DynamoDBClient(awsAccount()));
    for (const [TableName, ...keys] of [
      ['orders', 'orderKey'],
      ['sellers', 'sellerId', 'placed'],
    ] as const) {
      await table.send(
        new CreateTableCommand({
          TableName,
          BillingMode: 'PAY_PER_REQUEST',
          KeySchema: keys.map((AttributeName, index) => ({
            AttributeName,
            KeyType: index === 0 ? 'HASH' : 'RANGE',
          })),
          AttributeDefinitions: keys.map((AttributeName) => ({
            AttributeName,
            AttributeType: 'S',
          })),
        }),
      );
    }
  });
  after(() => table.destroy());

  const orderToTest = () => orderRow({ revision: 5 });

  const put = async (TableName: string, Item: object) =>
    await table.send(new PutCommand({ TableName, Item: { ...Item } }));

  async function read({ workflowId: orderKey }: OrderRow): Promise<unknown> {
    return (await table.send(new GetCommand({ TableName: 'orders', Key: { orderKey } }))).Item;
  }

  /** A workflow that tells these rows one after the other, and does something right after it has told each. */
  function telling(
    rows: readonly OrderRow[],
    meanwhile: (row: OrderRow) => Promise<unknown> = () => Promise.resolve(),
  ): Client {
    const left = [...rows];
    const query = async () => {
      const row = left.shift();
      assert.ok(row, 'it was asked more often');
      await meanwhile(row);
      return row;
    };
    return { workflow: { getHandle: () => ({ query }) } } as unknown as Client;
  }

  const rebuild = async (row: OrderRow, temporal: Client) =>
    await reproject({ ...NAMES, table, temporal, dryRun: false }, row.workflowId);

  it('stays what the workflow writes meanwhile', async () => {
    const row = orderToTest();
    const newer: OrderRow = { ...row, revision: 6, state: 'paid' };
    await put('orders', orderItem({ ...row, revision: 4, state: 'reserving' }));
    for (const item of sellerItems(row)) await put('sellers', item);
    const workflow = telling([row, newer], () => put('orders', orderItem(newer)));
    const { outcome } = await rebuild(row, workflow);
    assert.equal(outcome, 'agrees');
    assert.deepEqual(await read(row), orderItem(newer));
  });

  it('stays what the workflow writes meanwhile, where there was none', async () => {
    const row = orderToTest();
    const newer: OrderRow = { ...row, revision: 6, state: 'paid' };
    const workflow = telling([row, newer], () => put('orders', orderItem(newer)));
    const { outcome, changes } = await rebuild(row, workflow);
    assert.equal(outcome, 'rebuilt');
    assert.deepEqual(changes, ['seller s-1: missing']);
    assert.deepEqual(await read(row), orderItem(newer));
  });

  it('is given up where it changes each time', async () => {
    const row = orderToTest();
    let revision = 100;
    const rows = Array.from({ length: 5 }, () => row);
    const workflow = telling(rows, () =>
      put('orders', orderItem({ ...row, revision: (revision += 1) })),
    );
    const { outcome, reason } = await rebuild(row, workflow);
    assert.equal(outcome, 'impossible');
    assert.match(reason ?? '', /changed each time/);
    assert.equal(((await read(row)) as OrderRow).revision, 105);
  });

  it('is rebuilt where it says neither whose nor how far it is', async () => {
    const row = orderToTest();
    const { claimedBy: _, revision: __, ...bare } = orderItem(row);
    await put('orders', { ...bare, surplus: 'x'.repeat(100) });
    const { outcome, changes } = await rebuild(row, telling([row]));
    assert.equal(outcome, 'rebuilt');
    assert.deepEqual(changes.toSorted(), [
      'claimedBy: absent -> run-1',
      'revision: absent -> 5',
      'seller s-1: missing',
      'surplus: 100 characters -> absent',
    ]);
    assert.deepEqual(await read(row), orderItem(row));
  });
});
