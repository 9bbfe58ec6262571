import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  EventBridgeClient,
  type PutEventsCommandInput,
  type PutEventsCommandOutput,
} from '@aws-sdk/client-eventbridge';
import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import type { AwsConfig } from '../../dev/deploy.ts';
import { createLowStock } from '../../src/activities/lowStock.ts';
import { createStockActivities } from '../../src/activities/stock.ts';
import type { StockActivities } from '../../src/contracts/activities.ts';
import { uniqueId } from '../support/servers.ts';
import { repeated, startStock, type TestStock } from '../support/stock.ts';

describe('a reservation that leaves too few pieces', () => {
  let service: TestStock;
  let account: AwsConfig;
  let table: DynamoDBDocumentClient;
  let stockTable: string;
  let backOrdersTable: string;
  let stock: StockActivities;

  before(async () => {
    service = await startStock();
    ({ account, table, stock } = service);
    ({ StockTable: stockTable, BackOrdersTable: backOrdersTable } = service.outputs);
  });
  after(() => service.stop());

  const reserve = (sku: string, quantity = 1, activities = stock) =>
    repeated(() =>
      activities.reserveStock({ orderKey: uniqueId('order'), pieces: [{ sku, quantity }] }),
    );

  it('tells that the SKU is low, once, however many follow', async () => {
    const sku = await service.sku({ available: 510, threshold: 501, target: 600 });
    for (let order = 0; order < 9; order += 1) await reserve(sku);
    assert.deepEqual(await service.told(), []);
    for (let order = 0; order < 100; order += 1) await reserve(sku);
    assert.deepEqual(await service.told(), [sku]);
  });

  it('tells it few times at most when many cross the threshold at once', async function () {
    this.timeout(180_000);
    const sku = await service.sku({ available: 500, threshold: 500, target: 600 });
    await Promise.all(
      Array.from({ length: 50 }, async () => {
        for (let order = 0; order < 10; order += 1) await reserve(sku);
      }),
    );
    assert.equal(await service.available(sku), 0);
    const told = await service.told();
    assert.ok(told.length >= 1 && told.length <= 5, `told ${told.length} times`);
  });

  it('tells nothing of a SKU that has no threshold', async () => {
    const sku = await service.sku({ available: 1 });
    await reserve(sku);
    assert.equal((await reserve(sku)).kind, 'short');
    assert.deepEqual(await service.told(), []);
  });

  it('is made all the same while the bus is down or silent, and the next one tells (FAULTS 16)', async () => {
    const silent = createServer(() => undefined);
    const endpoint = await listen(silent);
    try {
      for (const bus of [{ endpoint: 'http://127.0.0.1:1' }, { endpoint }]) {
        const sku = await service.sku({ available: 3, threshold: 3, target: 9 });
        const eventBridge = new EventBridgeClient({ ...account, ...bus });
        const down = createStockActivities({
          table,
          stockTable,
          backOrdersTable,
          lowStock: createLowStock({ ...service.onBus, eventBridge }),
        });
        const began = Date.now();
        assert.deepEqual(await reserve(sku, 2, down), { kind: 'reserved' });
        assert.ok(Date.now() - began < 5_000, `it took ${Date.now() - began} ms`);
        assert.equal(await service.available(sku), 1);
        eventBridge.destroy();
        assert.deepEqual(await service.told(), []);

        // Even one that gets nothing.
        assert.equal((await reserve(sku, 2)).kind, 'short');
        assert.deepEqual(await service.told(), [sku]);
      }
    } finally {
      silent.closeAllConnections();
      silent.close();
    }
  });

  it('tells on its repeat what it could not before it ended', async () => {
    const sku = await service.sku({ available: 3, threshold: 3, target: 9 });
    const silent = createStockActivities({
      table,
      stockTable,
      backOrdersTable,
      lowStock: { ...service.lowStock, tellIfLow: () => Promise.reject(new Error('killed')) },
    });
    const reservation = { orderKey: uniqueId('order'), pieces: [{ sku, quantity: 1 }] };
    await assert.rejects(silent.reserveStock(reservation), /killed/);
    const { pieces } = reservation;
    assert.deepEqual(await stock.reserveStock(reservation), { kind: 'reserved', pieces });
    assert.equal(await service.available(sku), 2);
    assert.deepEqual(await service.told(), [sku]);
  });

  it('has only that told again which the bus did not take (FAULTS 16)', async () => {
    const skus = await Promise.all(
      Array.from({ length: 12 }, () => service.sku({ available: 1, threshold: 1 })),
    );
    const eventBridge = new EventBridgeClient(account);
    let refused = 0;
    eventBridge.middlewareStack.add(
      (next) => async (input) => {
        const { Entries: entries = [] } = input.input as PutEventsCommandInput;
        const [first, ...rest] = entries;
        if (refused > 0 || !first) return await next(input);
        refused += 1;
        const taken = await next({ ...input, input: { ...input.input, Entries: rest } });
        const output = taken.output as PutEventsCommandOutput;
        output.FailedEntryCount = 1;
        output.Entries = [{ ErrorCode: 'ThrottlingException' }, ...(output.Entries ?? [])];
        return taken;
      },
      { step: 'initialize' },
    );
    const throttled = createStockActivities({
      table,
      stockTable,
      backOrdersTable,
      lowStock: createLowStock({ ...service.onBus, eventBridge }),
    });
    const pieces = skus.map((sku) => ({ sku, quantity: 1 }));
    await throttled.reserveStock({ orderKey: uniqueId('order'), pieces });
    eventBridge.destroy();
    assert.deepEqual((await service.told()).toSorted(), skus.toSorted());
    assert.equal(refused, 1);
  });
});

/** @returns its URL. */
async function listen(server: Server): Promise<string> {
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
