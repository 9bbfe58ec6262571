import assert from 'node:assert/strict';
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { QueryCommand } from '@aws-sdk/lib-dynamodb';
import { createBackOrderActivities } from '../../src/activities/backOrders.ts';
import { createLowStock } from '../../src/activities/lowStock.ts';
import { createStockActivities } from '../../src/activities/stock.ts';
import type { BackOrderActivities } from '../../src/contracts/activities.ts';
import { uniqueId } from '../support/servers.ts';
import { repeated, startStock, type TestStock } from '../support/stock.ts';

describe('joinBackOrders', () => {
  let service: TestStock;
  let backOrdersTable: string;
  let backOrders: BackOrderActivities;

  before(async () => {
    service = await startStock();
    ({ BackOrdersTable: backOrdersTable } = service.outputs);
    const { table, lowStock } = service;
    backOrders = createBackOrderActivities({ table, backOrdersTable, lowStock });
  });
  after(() => service.stop());

  const orderOf = (...skus: readonly string[]) => ({
    orderKey: uniqueId('order'),
    pieces: skus.map((sku) => ({ sku, quantity: 2 })),
    skus,
  });

  it('puts the order with all its pieces at the end of the queue of each SKU that it is short of, and tells of each', async () => {
    const [mug, cap, pen] = [uniqueId('mug'), uniqueId('cap'), uniqueId('pen')];
    const [first, second] = [orderOf(mug, cap), { ...orderOf(mug, cap, pen), skus: [cap, pen] }];
    await backOrders.joinBackOrders(first);
    await backOrders.joinBackOrders(second);
    assert.deepEqual(await service.queueOf(mug), [first.orderKey]);
    assert.deepEqual(await service.queueOf(cap), [first.orderKey, second.orderKey]);
    assert.deepEqual(await service.queueOf(pen), [second.orderKey]);
    assert.deepEqual((await service.told()).toSorted(), [mug, cap, cap, pen].toSorted());

    const { Items: items = [] } = await service.table.send(
      new QueryCommand({
        TableName: backOrdersTable,
        KeyConditionExpression: 'sku = :sku AND begins_with(place, :waiting)',
        ExpressionAttributeValues: { ':sku': pen, ':waiting': 'WAITING#' },
      }),
    );
    assert.deepEqual(
      items.map(({ pieces }) => pieces),
      [second.pieces],
    );
  });

  it('keeps the places that there are when it is repeated, at once too (FAULTS 3)', async () => {
    const mug = uniqueId('mug');
    const orders = Array.from({ length: 12 }, () => orderOf(mug));
    for (const order of orders) {
      const joins = [1, 2, 3].map(() => repeated(() => backOrders.joinBackOrders(order)));
      await Promise.all(joins);
    }
    await backOrders.joinBackOrders(orders[0]!);
    assert.deepEqual(
      await service.queueOf(mug),
      orders.map(({ orderKey }) => orderKey),
    );
  });

  it('keeps the place of who wants less by now, and leaves the queues of what he wants no more', async () => {
    const [mug, cap] = [uniqueId('mug'), uniqueId('cap')];
    const first = orderOf(mug, cap);
    await backOrders.joinBackOrders(first);
    await backOrders.joinBackOrders(orderOf(mug, cap));
    const [wanted = assert.fail()] = first.pieces;
    const less = { orderKey: first.orderKey, pieces: [wanted], skus: [mug], dropped: [cap] };
    for (let time = 1; time <= 2; time += 1) await backOrders.joinBackOrders(less);
    assert.equal((await service.queueOf(mug))[0], first.orderKey);
    assert.ok(!(await service.queueOf(cap)).includes(first.orderKey));
    const { Items: [entry] = [] } = await service.table.send(
      new QueryCommand({
        TableName: backOrdersTable,
        KeyConditionExpression: 'sku = :sku AND begins_with(place, :waiting)',
        ExpressionAttributeValues: { ':sku': mug, ':waiting': 'WAITING#' },
      }),
    );
    assert.deepEqual(entry?.['pieces'], [wanted]);
    // Whoever is behind it in the queue that it left may be served.
    assert.ok((await service.told()).filter((sku) => sku === cap).length > 2);
  });

  it('gives those who come together a place each', async () => {
    const mug = uniqueId('mug');
    const orders = Array.from({ length: 30 }, () => orderOf(mug));
    await Promise.all(orders.map((order) => repeated(() => backOrders.joinBackOrders(order))));
    assert.deepEqual(
      new Set(await service.queueOf(mug)),
      new Set(orders.map(({ orderKey }) => orderKey)),
    );
  });

  it('fails while the bus is down, so that it is told on the repeat: the order has its place by then', async () => {
    const mug = uniqueId('mug');
    const down = createBackOrderActivities({
      table: service.table,
      backOrdersTable,
      lowStock: { tell: () => Promise.reject(new Error('down')) },
    });
    await service.told();
    const order = orderOf(mug);
    await assert.rejects(down.joinBackOrders(order), /down/);
    assert.deepEqual(await service.queueOf(mug), [order.orderKey]);
    await backOrders.joinBackOrders(orderOf(mug));
    await backOrders.joinBackOrders(order);
    assert.equal((await service.queueOf(mug))[0], order.orderKey);
    assert.deepEqual(await service.told(), [mug, mug]);
  });
});

describe('pieces that are on sale again', () => {
  let service: TestStock;
  let backOrders: BackOrderActivities;
  before(async () => {
    service = await startStock();
    const { table, lowStock, outputs } = service;
    const backOrdersTable = outputs.BackOrdersTable;
    backOrders = createBackOrderActivities({ table, backOrdersTable, lowStock });
  });
  after(() => service.stop());
  afterEach(() => service.assertStock());

  /** One SKU of which there is none left: who has it, and who waits for it. */
  async function soldOut() {
    const sku = await service.sku({ available: 2 });
    const pieces = [{ sku, quantity: 2 }];
    const orderKey = uniqueId('order');
    await service.stock.reserveStock({ orderKey, pieces });
    await backOrders.joinBackOrders({ orderKey: uniqueId('order'), pieces, skus: [sku] });
    assert.deepEqual(await service.told(), [sku]);
    return { sku, orderKey };
  }

  it('are told to the restocking of a SKU that somebody waits for, on a repeat too', async () => {
    const { sku, orderKey } = await soldOut();
    const released = [{ sku, quantity: 1 }];
    const some = { orderKey, step: 1, released, left: released };
    for (let time = 1; time <= 2; time += 1) await service.stock.releasePieces(some);
    assert.deepEqual(await service.told(), [sku, sku]);
    for (let time = 1; time <= 2; time += 1) await service.stock.releaseStock({ orderKey });
    assert.deepEqual(await service.told(), [sku, sku]);
    await service.stock.reserveStock({ orderKey: uniqueId('order'), pieces: released });
    const returned = { returnKey: uniqueId('return'), pieces: released };
    await service.stock.restock(returned);
    assert.deepEqual(await service.told(), [sku]);
  });

  it('are given back though the bus is down', async () => {
    const { sku, orderKey } = await soldOut();
    const { table, outputs } = service;
    const eventBridge = new EventBridgeClient({
      ...service.account,
      endpoint: 'http://127.0.0.1:1',
      maxAttempts: 1,
    });
    const stock = createStockActivities({
      table,
      stockTable: outputs.StockTable,
      backOrdersTable: outputs.BackOrdersTable,
      lowStock: createLowStock({ ...service.onBus, eventBridge }),
    });
    await stock.releaseStock({ orderKey });
    eventBridge.destroy();
    assert.equal(await service.available(sku), 2);
  });

  it('are told to nobody where nobody waits, or nothing is given back', async () => {
    const sku = await service.sku({ available: 2 });
    const orderKey = uniqueId('order');
    await service.stock.reserveStock({ orderKey, pieces: [{ sku, quantity: 2 }] });
    await service.stock.releaseStock({ orderKey });
    const waiting = await soldOut();
    await service.stock.releaseStock({ orderKey: uniqueId('never-reserved') });
    assert.deepEqual(await service.told(), []);
    const lost = [{ sku: waiting.sku, quantity: 2 }];
    await service.stock.releaseStock({ orderKey: waiting.orderKey, lost });
    assert.deepEqual(await service.told(), []);
  });
});
