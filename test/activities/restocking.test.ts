import assert from 'node:assert/strict';
import { DynamoDBClient, TransactionCanceledException } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { createBackOrderActivities } from '../../src/activities/backOrders.ts';
import { createRestockActivities } from '../../src/activities/restocking.ts';
import type { BackOrderActivities } from '../../src/contracts/activities.ts';
import { uniqueId } from '../support/servers.ts';
import { repeated, startStock, type TestStock } from '../support/stock.ts';

describe('restock activities', () => {
  let service: TestStock;
  let names: { readonly stockTable: string; readonly backOrdersTable: string };
  let backOrders: BackOrderActivities;
  let restocking: ReturnType<typeof createRestockActivities>;

  before(async () => {
    service = await startStock();
    const { table, lowStock, outputs } = service;
    names = { stockTable: outputs.StockTable, backOrdersTable: outputs.BackOrdersTable };
    backOrders = createBackOrderActivities({ table, lowStock, ...names });
    restocking = createRestockActivities({ table, lowStock, ...names });
  });
  after(() => service.stop());

  type Wants = Readonly<Record<string, number>>;

  /** An order that waits for pieces: by default in the queue of each of its SKUs. */
  async function waiting(wants: Wants, skus = Object.keys(wants)): Promise<string> {
    const orderKey = uniqueId('order');
    const pieces = Object.entries(wants).map(([sku, quantity]) => ({ sku, quantity }));
    await backOrders.joinBackOrders({ orderKey, pieces, skus });
    return orderKey;
  }

  const receive = (sku: string, quantity: number, receipt = uniqueId('event')) =>
    restocking.receiveStock({ receipt, sku, quantity });
  const serve = (sku: string) => repeated(() => restocking.serveBackOrders({ sku }));
  const missing = async (sku: string) => (await restocking.countMissing({ sku })).quantity;

  describe('receiveStock', () => {
    it('puts on sale what came, once for each receipt (FAULTS 3)', async () => {
      const sku = await service.sku({ available: 1 });
      const receipt = uniqueId('event');
      await Promise.all([1, 2, 3].map(() => repeated(() => receive(sku, 5, receipt))));
      await receive(sku, 5, receipt);
      assert.equal(await service.available(sku), 6);
      await receive(sku, 2);
      assert.equal(await service.available(sku), 8);
      await service.assertStock();
    });

    it('takes one delivery note for several SKUs, and a SKU that nobody has put there', async () => {
      const [sku, unknown, receipt] = [
        await service.sku({ available: 0 }),
        uniqueId('sku'),
        uniqueId('event'),
      ];
      await receive(sku, 5, receipt);
      await receive(unknown, 3, receipt);
      assert.deepEqual([await service.available(sku), await service.available(unknown)], [5, 3]);
      await service.assertStock();
    });

    it('has it told again when the SKU gets low after that', async () => {
      const sku = await service.sku({ available: 3, threshold: 3, target: 5 });
      const reserve = () =>
        service.stock.reserveStock({
          orderKey: uniqueId('order'),
          pieces: [{ sku, quantity: 1 }],
        });
      await service.told();
      await reserve();
      await reserve();
      assert.deepEqual(await service.told(), [sku]);
      await receive(sku, 3);
      await reserve();
      assert.deepEqual(await service.told(), []);
      await reserve();
      await reserve();
      assert.deepEqual(await service.told(), [sku]);
    });
  });

  describe('countMissing', () => {
    it('counts what it takes to fill the SKU, and to serve those who wait', async () => {
      const sku = await service.sku({ available: 4, threshold: 5, target: 20 });
      assert.equal(await missing(sku), 16);
      await waiting({ [sku]: 7 });
      await waiting({ [sku]: 3, other: 9 }, [sku]);
      assert.equal(await missing(sku), 26);
      await receive(sku, 30);
      assert.equal(await missing(sku), 0);
    });

    it('fills to the threshold at least, and orders for those who wait alone where there is none', async () => {
      assert.equal(await missing(await service.sku({ available: 1, threshold: 5 })), 4);
      assert.equal(await missing(await service.sku({ available: 1, threshold: 5, target: 2 })), 4);
      const sku = await service.sku({ available: 1 });
      assert.equal(await missing(sku), 0);
      await waiting({ [sku]: 3 });
      assert.equal(await missing(sku), 2);
      const unknown = uniqueId('sku');
      await waiting({ [unknown]: 3 });
      assert.equal(await missing(unknown), 3);
    });

    it('counts in nobody whose reservation is made or given up', async () => {
      const sku = await service.sku({ available: 5 });
      const [served, cancelled] = [await waiting({ [sku]: 5 }), await waiting({ [sku]: 90 })];
      await waiting({ [sku]: 1 });
      await service.stock.reserveStock({ orderKey: served, pieces: [{ sku, quantity: 5 }] });
      await service.stock.releaseStock({ orderKey: cancelled });
      assert.equal(await missing(sku), 1);
    });

    it('has it told again when the SKU gets low after enough were found to be there', async () => {
      const sku = await service.sku({ available: 3, threshold: 3, target: 3 });
      const orderKey = uniqueId('order');
      const pieces = [{ sku, quantity: 1 }];
      await service.told();
      await service.stock.reserveStock({ orderKey, pieces });
      assert.deepEqual(await service.told(), [sku]);
      assert.equal(await missing(sku), 1);
      await service.stock.releaseStock({ orderKey });
      assert.equal(await missing(sku), 0);
      await service.stock.reserveStock({ orderKey: uniqueId('order'), pieces });
      assert.deepEqual(await service.told(), [sku]);
    });

    it('counts once more where pieces are taken while it counts', async () => {
      const sku = await service.sku({ available: 3, threshold: 3, target: 3 });
      const first = uniqueId('order');
      const pieces = [{ sku, quantity: 1 }];
      await service.stock.reserveStock({ orderKey: first, pieces });
      await service.stock.releaseStock({ orderKey: first });
      const table = DynamoDBDocumentClient.from(new DynamoDBClient(service.account));
      let taken = false;
      table.middlewareStack.add(
        (next, { commandName }) =>
          async (input) => {
            if (commandName === 'UpdateItemCommand' && !taken) {
              taken = true;
              await service.stock.reserveStock({ orderKey: uniqueId('order'), pieces });
            }
            return next(input);
          },
        { step: 'initialize' },
      );
      const counting = createRestockActivities({ ...names, table, lowStock: service.lowStock });
      assert.deepEqual(await counting.countMissing({ sku }), { quantity: 1 });
      assert.ok(taken);
      table.destroy();
    });
  });

  describe('serveBackOrders', () => {
    it('makes the reservations in the order of the queue, as far as the pieces suffice', async () => {
      const sku = await service.sku({ available: 0 });
      const orders = [];
      for (const quantity of [2, 3, 4, 1]) orders.push(await waiting({ [sku]: quantity }));
      assert.deepEqual(await serve(sku), { served: [], isMore: false, isShort: true });

      await receive(sku, 6);
      const answer = { served: orders.slice(0, 2), isMore: false, isShort: true };
      assert.deepEqual(await serve(sku), answer);
      // One piece is left, and the last wants no more: but the one before was there first.
      assert.equal(await service.available(sku), 1);
      // They have not been told yet.
      assert.deepEqual(await serve(sku), answer);

      await restocking.leaveBackOrders({ sku, orderKeys: answer.served });
      await restocking.leaveBackOrders({ sku, orderKeys: answer.served });
      assert.deepEqual(await service.queueOf(sku), orders.slice(2));
      await receive(sku, 4);
      assert.deepEqual(await serve(sku), {
        served: orders.slice(2),
        isMore: false,
        isShort: false,
      });
      assert.equal(await service.available(sku), 0);
      await service.assertStock();
    });

    it('counts one as served whose reservation was made before, and lets go of one that was cancelled', async () => {
      const sku = await service.sku({ available: 0 });
      const [made, cancelled, last] = [
        await waiting({ [sku]: 2 }),
        await waiting({ [sku]: 50 }),
        await waiting({ [sku]: 1 }),
      ];
      await receive(sku, 3);
      await service.stock.reserveStock({ orderKey: made, pieces: [{ sku, quantity: 2 }] });
      await service.stock.releaseStock({ orderKey: cancelled });
      assert.deepEqual((await serve(sku)).served, [made, last]);
      assert.deepEqual(await service.queueOf(sku), [made, last]);
      assert.equal(await service.available(sku), 0);
    });

    it('passes over who is short of another SKU only, and has that one know of him', async () => {
      const [mug, cap] = [await service.sku({ available: 0 }), await service.sku({ available: 0 })];
      // Caps there were, when it came.
      const both = await waiting({ [mug]: 1, [cap]: 2 }, [mug]);
      const one = await waiting({ [mug]: 1 });
      await receive(mug, 3);
      await service.told();
      assert.deepEqual(await serve(mug), { served: [one], isMore: false, isShort: false });
      assert.deepEqual(await service.queueOf(mug), [both, one]);
      assert.deepEqual(await service.queueOf(cap), [both]);
      assert.deepEqual(await service.told(), [cap]);
      await serve(mug);
      assert.deepEqual(await service.told(), []);

      assert.equal(await missing(cap), 2);
      await receive(cap, 2);
      assert.deepEqual(await serve(cap), { served: [both], isMore: false, isShort: false });
      // In the other queue he counts as served as well.
      assert.deepEqual((await serve(mug)).served, [both, one]);
      assert.deepEqual([await service.available(mug), await service.available(cap)], [1, 0]);
    });

    it('has another SKU told of that it makes low', async () => {
      const mug = await service.sku({ available: 0 });
      const cap = await service.sku({ available: 5, threshold: 5, target: 9 });
      await waiting({ [mug]: 1, [cap]: 1 }, [mug]);
      await receive(mug, 1);
      await service.told();
      assert.equal((await serve(mug)).served.length, 1);
      assert.deepEqual(await service.told(), [cap]);
    });

    it('serves 100 at a time, however many wait for others before them', async function () {
      this.timeout(180_000);
      const [mug, cap] = [
        await service.sku({ available: 300 }),
        await service.sku({ available: 0 }),
      ];
      for (let order = 0; order < 110; order += 1) await waiting({ [mug]: 1, [cap]: 1 }, [mug]);
      const orders = [];
      for (let order = 0; order < 105; order += 1) orders.push(await waiting({ [mug]: 1 }));
      const first = await serve(mug);
      assert.deepEqual(first, { served: orders.slice(0, 100), isMore: true, isShort: false });
      await restocking.leaveBackOrders({ sku: mug, orderKeys: first.served });
      assert.deepEqual(await serve(mug), {
        served: orders.slice(100),
        isMore: false,
        isShort: false,
      });
      assert.equal((await service.queueOf(mug)).length, 115);
      assert.equal((await service.queueOf(cap)).length, 110);
    });

    it('makes each reservation once where it runs twice at the same time', async () => {
      const sku = await service.sku({ available: 20 });
      const orders = [];
      for (let order = 0; order < 8; order += 1) orders.push(await waiting({ [sku]: 3 }));
      const answers = await Promise.all([serve(sku), serve(sku)]);
      for (const { served } of answers) assert.deepEqual(served, orders.slice(0, 6));
      assert.equal(await service.available(sku), 2);
      await service.assertStock();
    });

    it('tries again soon where another transaction is in the way (FAULTS 16)', async () => {
      const sku = await service.sku({ available: 2 });
      const orderKey = await waiting({ [sku]: 2 });
      const table = DynamoDBDocumentClient.from(new DynamoDBClient(service.account));
      let conflicts = 0;
      table.middlewareStack.add(
        (next, { commandName }) =>
          (input) => {
            if (commandName !== 'TransactWriteItemsCommand' || conflicts === 2) return next(input);
            conflicts += 1;
            return Promise.reject(
              new TransactionCanceledException({
                message: 'cancelled',
                $metadata: {},
                CancellationReasons: [{ Code: 'None' }, { Code: 'TransactionConflict' }],
              }),
            );
          },
        { step: 'initialize' },
      );
      const serving = createRestockActivities({ ...names, table, lowStock: service.lowStock });
      assert.deepEqual((await serving.serveBackOrders({ sku })).served, [orderKey]);
      assert.equal(conflicts, 2);
      table.destroy();
    });

    it('leaves what DynamoDB has not read for the next call, and reads it then (FAULTS 16)', async () => {
      const sku = await service.sku({ available: 9 });
      const orders = [];
      for (let order = 0; order < 4; order += 1) orders.push(await waiting({ [sku]: 3 }));
      await service.stock.releaseStock({ orderKey: orders[3]! });
      const table = DynamoDBDocumentClient.from(new DynamoDBClient(service.account));
      let throttled = 0;
      table.middlewareStack.add(
        (next) => async (input) => {
          const { RequestItems: asked } = input.input as {
            RequestItems?: Record<string, { Keys: object[] }>;
          };
          const keys = asked?.[names.stockTable]?.Keys ?? [];
          if (keys.length < 2) return await next(input);
          throttled += 1;
          const [first] = keys;
          const rest = keys.slice(1);
          const part = (Keys: object[]) => ({ [names.stockTable]: { Keys, ConsistentRead: true } });
          const answer = await next({
            ...input,
            input: { ...input.input, RequestItems: part([first!]) },
          } as typeof input);
          Object.assign(answer.output, { UnprocessedKeys: part(rest) });
          return answer;
        },
        { step: 'initialize' },
      );
      const serving = createRestockActivities({ ...names, table, lowStock: service.lowStock });
      assert.deepEqual((await serving.serveBackOrders({ sku })).served, orders.slice(0, 3));
      assert.equal(throttled, 3);
      assert.deepEqual(await service.queueOf(sku), orders.slice(0, 3));
      table.destroy();
    });
  });
});
