import assert from 'node:assert/strict';
import { inboxQuery, inboxSignal } from '../../src/contracts/inbox.ts';
import { restockQuery } from '../../src/contracts/restock.ts';
import { recordHistory } from '../support/history.ts';
import {
  startRestockService,
  stockLow,
  stockReceived,
  type RestockHandle,
  type RestockService,
} from '../support/restockService.ts';
import { eventually, uniqueId } from '../support/servers.ts';
import { repeated } from '../support/stock.ts';

describe('the restocking of a SKU', () => {
  let service: RestockService;

  before(async function () {
    this.timeout(180_000);
    service = await startRestockService();
  });
  after(async function () {
    this.timeout(180_000);
    await service.stop();
  });
  afterEach(() => service.assertStock());

  const orderedOf = (sku: string) => service.ordered.filter((order) => order.sku === sku);
  const quantitiesOf = (sku: string) => orderedOf(sku).map(({ quantity }) => quantity);
  const reserve = (sku: string, quantity = 1) =>
    repeated(() =>
      service.stock.reserveStock({ orderKey: uniqueId('order'), pieces: [{ sku, quantity }] }),
    );
  const detailsOf = (handle: RestockHandle) =>
    eventually(async () => (await handle.query<string>('__temporal_workflow_metadata')) ?? false);

  /** Whether an order has been told that its reservation is made, by now. */
  const isTold = async (orderKey: string) => (await service.toldTo(orderKey)).told.length > 0;

  it('orders what is missing from the supplier, puts on sale what comes, and is idle again', async () => {
    const sku = await service.sku({ available: 10, threshold: 10, target: 40 });
    await reserve(sku, 4);
    const handle = await service.send(sku, [stockLow(sku)]);
    const awaiting = await service.until(handle, ({ state }) => state === 'awaiting-supplier');
    const [order] = orderedOf(sku);
    assert.deepEqual(quantitiesOf(sku), [34]);
    const { runId } = await handle.describe();
    assert.equal(order?.reference, `restock:${sku}:${runId}:1`);
    assert.deepEqual(
      [awaiting.orders, awaiting.expected?.supplierOrderId, awaiting.expected?.received],
      [1, order?.supplierOrderId, 0],
    );

    await service.send(sku, [stockReceived(order, 34)]);
    const idle = await service.until(handle, ({ state }) => state === 'idle');
    assert.deepEqual(idle, { sku, state: 'idle', orders: 1, unexpected: 0, expected: null });
    assert.equal(await service.available(sku), 40);

    // And so on, for ever.
    await reserve(sku, 31);
    await service.send(sku, [stockLow(sku)]);
    await service.until(handle, ({ orders }) => orders === 2);
    await service.until(handle, ({ state }) => state === 'awaiting-supplier');
    assert.deepEqual(quantitiesOf(sku), [34, 31]);
    await recordHistory(handle, 'restock-again');
  });

  it('serves those who wait in the order in which they came, over several deliveries, and not who cancelled', async () => {
    const sku = await service.sku({ available: 1 });
    const [first, cancelled, second, third] = [
      await service.waiting({ [sku]: 4 }),
      await service.waiting({ [sku]: 2 }),
      await service.waiting({ [sku]: 5 }),
      await service.waiting({ [sku]: 1 }),
    ];
    const handle = await service.send(sku, [stockLow(sku)]);
    await service.until(handle, ({ state }) => state === 'awaiting-supplier');
    assert.deepEqual(quantitiesOf(sku), [11]);
    await service.stock.releaseStock({ orderKey: cancelled });

    const [order] = orderedOf(sku);
    await service.send(sku, [stockReceived(order, 7)]);
    await eventually(() => isTold(first));
    const { expected } = await service.until(handle, ({ state }) => state === 'awaiting-supplier');
    assert.equal(expected?.received, 7);
    // Four pieces are left, and the third wants one: but the second was there first.
    assert.equal(await service.available(sku), 4);
    assert.deepEqual(await service.queueOf(sku), [second, third]);

    await service.send(sku, [stockReceived(order, 4)]);
    await service.until(handle, ({ state }) => state === 'idle');
    for (const orderKey of [first, second, third]) {
      assert.deepEqual(await service.toldTo(orderKey), {
        told: [`StockReserved waybill.inventory:reserved/${orderKey}`],
        repeats: 0,
      });
      assert.equal(await service.statusOf(orderKey), 'reserved');
    }
    assert.deepEqual((await service.toldTo(cancelled)).told, []);
    assert.deepEqual(await service.queueOf(sku), []);
    assert.equal(await service.available(sku), 2);
    assert.deepEqual(quantitiesOf(sku), [11]);
    await recordHistory(handle, 'restock-two-deliveries');
  });

  it('orders once, however often it is told that the SKU is low', async function () {
    this.timeout(120_000);
    const sku = await service.sku({ available: 600, threshold: 600, target: 1_000 });
    const handle = await service.send(sku, [stockLow(sku)]);
    let next = 0;
    const cross = async () => {
      while (next < 500) {
        next += 1;
        await reserve(sku);
        await handle.signal(inboxSignal, [stockLow(sku)]);
      }
    };
    await Promise.all([1, 2, 3, 4].map(cross));
    const standing = await service.until(handle, ({ state }) => state === 'awaiting-supplier');
    await eventually(async () => (await handle.query(inboxQuery)).records.length === 501);
    assert.equal(standing.orders, 1);
    assert.equal(orderedOf(sku).length, 1);
    const [order] = orderedOf(sku);
    await service.send(sku, [stockReceived(order, order?.quantity ?? 0)]);
    // What was taken since it ordered is ordered then.
    await service.until(handle, ({ orders }) => orders === 2);
    await service.until(handle, ({ state }) => state === 'awaiting-supplier');
    const [one = 0, two = 0] = quantitiesOf(sku);
    assert.equal(one + two, 900);
  });

  it('receives a delivery once, however often it is told, and what it never ordered all the same (FAULTS 3)', async () => {
    const sku = await service.sku({ available: 0, threshold: 5, target: 20 });
    const handle = await service.send(sku, [stockLow(sku)]);
    await service.until(handle, ({ state }) => state === 'awaiting-supplier');
    const [order] = orderedOf(sku);
    assert.ok(order);
    const part = stockReceived(order, 6);
    const strange = stockReceived({ ...order, supplierOrderId: 'of-somebody-else' }, 3);
    await service.send(sku, [part, strange]);
    await service.send(sku, [part]);
    await service.send(sku, [part, strange]);
    const { expected, unexpected } = await service.until(
      handle,
      (standing) => standing.state === 'awaiting-supplier' && standing.unexpected > 0,
    );
    assert.deepEqual([expected?.received, unexpected], [6, 3]);
    await eventually(async () => (await handle.query(inboxQuery)).repeats === 3);
    assert.equal(await service.available(sku), 9);

    // More than was ordered is no reason to wait any longer.
    await service.send(sku, [stockReceived(order, 20)]);
    await service.until(handle, ({ state }) => state === 'idle');
    assert.equal(await service.available(sku), 29);
    // What comes after its order is done with is on sale too.
    await service.send(sku, [stockReceived(order, 1)]);
    const late = await service.until(handle, (standing) => standing.unexpected === 4);
    assert.equal(late.expected, null);
    assert.equal(orderedOf(sku).length, 1);
    await recordHistory(handle, 'restock-unexpected');
  });

  it('goes on where it was when its worker has been restarted', async function () {
    this.timeout(120_000);
    const sku = await service.sku({ available: 0 });
    const [first, second] = [
      await service.waiting({ [sku]: 2 }),
      await service.waiting({ [sku]: 3 }),
    ];
    let handle: RestockHandle | undefined;
    await service.withoutWorker(async () => {
      handle = await service.send(sku, [stockLow(sku)]);
      await service.send(sku, [stockLow(sku)]);
    });
    assert.ok(handle);
    await service.until(handle, ({ state }) => state === 'awaiting-supplier');
    const [order] = orderedOf(sku);
    const part = stockReceived(order, 2);
    await service.withoutWorker(async () => {
      await service.send(sku, [part]);
      await service.send(sku, [part, stockReceived(order, 3)]);
    });
    await service.until(handle, ({ state }) => state === 'idle');
    for (const orderKey of [first, second]) {
      assert.equal((await service.toldTo(orderKey)).told.length, 1);
    }
    assert.deepEqual(quantitiesOf(sku), [5]);
    assert.equal(await service.available(sku), 0);
    await recordHistory(handle, 'restock-worker-restarted');
  });

  it('says that the supplier is overdue, and goes on waiting', async () => {
    const sku = await service.sku({ available: 0, threshold: 1, target: 5 });
    const handle = await service.send(sku, [stockLow(sku)], { supplierWithinSeconds: 1 });
    await service.until(handle, ({ state }) => state === 'overdue');
    assert.match(JSON.stringify(await detailsOf(handle)), /\*\*overdue\*\*, waiting for supplier/);
    const [order] = orderedOf(sku);
    await service.send(sku, [stockLow(sku), stockReceived(order, 4)]);
    await service.until(handle, ({ expected }) => expected?.received === 4);
    await service.until(handle, ({ state }) => state === 'overdue');
    await service.send(sku, [stockReceived(order, 1)]);
    await service.until(handle, ({ state }) => state === 'idle');
    assert.equal(orderedOf(sku).length, 1);
    await recordHistory(handle, 'restock-overdue');
  });

  it('asks the supplier once more who has refused, and says so meanwhile', async () => {
    const sku = await service.sku({ available: 0, threshold: 1, target: 5 });
    service.refuse(2);
    const handle = await service.send(sku, [stockLow(sku)], { supplierWithinSeconds: 3 });
    await eventually(async () => /supplier-refused/.test(JSON.stringify(await detailsOf(handle))));
    assert.equal((await handle.query(restockQuery)).state, 'ordering');
    // With the next news, and then without any.
    await service.send(sku, [stockLow(sku)]);
    const { orders } = await service.until(handle, ({ state }) => state === 'awaiting-supplier');
    assert.equal(orders, 3);
    assert.deepEqual(quantitiesOf(sku), [5]);
    assert.match(orderedOf(sku)[0]?.reference ?? '', /:3$/);
    await recordHistory(handle, 'restock-refused');
  });

  it('puts on sale what comes, and serves, while the supplier does not answer', async () => {
    const sku = await service.sku({ available: 0 });
    const [first, second] = [
      await service.waiting({ [sku]: 2 }),
      await service.waiting({ [sku]: 3 }),
    ];
    const answer = service.silence();
    const handle = await service.send(sku, [stockLow(sku)]);
    await service.until(handle, ({ state }) => state === 'ordering');
    const found = { reference: 'r', sku, quantity: 4, supplierOrderId: 'found-in-the-cellar' };
    await service.send(sku, [stockReceived(found, 4)]);
    await eventually(() => isTold(first));
    const still = await service.until(handle, () => true);
    assert.deepEqual([still.state, still.orders, still.unexpected], ['ordering', 1, 4]);
    assert.deepEqual([await service.available(sku), await service.queueOf(sku)], [2, [second]]);
    answer();
    await service.until(handle, ({ state }) => state === 'awaiting-supplier');
    assert.deepEqual(quantitiesOf(sku), [5]);
    await service.send(sku, [stockReceived(orderedOf(sku)[0], 5)]);
    await eventually(() => isTold(second));
    await service.until(handle, ({ state }) => state === 'idle');
    assert.equal(await service.available(sku), 4);
    await recordHistory(handle, 'restock-serves-while-ordering');
  });

  it('tells nobody who is gone, and stops at nothing for it', async () => {
    const sku = await service.sku({ available: 0 });
    const [gone, there] = [
      await service.waiting({ [sku]: 1 }),
      await service.waiting({ [sku]: 1 }),
    ];
    const never = `order:web:${uniqueId('order')}`;
    const pieces = [{ sku, quantity: 1 }];
    await service.backOrders.joinBackOrders({ orderKey: never, pieces, skus: [sku] });
    await service.client.workflow.getHandle(gone).terminate();
    const handle = await service.send(sku, [stockLow(sku)]);
    await service.until(handle, ({ state }) => state === 'awaiting-supplier');
    await service.send(sku, [stockReceived(orderedOf(sku)[0], 3)]);
    await service.until(handle, ({ state }) => state === 'idle');
    assert.ok(await isTold(there));
    assert.deepEqual(await service.queueOf(sku), []);
    await recordHistory(handle, 'restock-order-gone');
  });

  it('serves an order of two SKUs once both are there, and its restockings tell it the same', async () => {
    const [mug, cap] = [await service.sku({ available: 0 }), await service.sku({ available: 0 })];
    const both = await service.waiting({ [mug]: 1, [cap]: 1 });
    const mugs = await service.send(mug, [stockLow(mug)]);
    const caps = await service.send(cap, [stockLow(cap)]);
    for (const handle of [mugs, caps]) {
      await service.until(handle, ({ state }) => state === 'awaiting-supplier');
    }
    await service.send(mug, [stockReceived(orderedOf(mug)[0], 1)]);
    await service.until(mugs, ({ state }) => state === 'idle');
    assert.equal(await isTold(both), false);
    await service.send(cap, [stockReceived(orderedOf(cap)[0], 1)]);
    await service.until(caps, ({ state }) => state === 'idle');
    assert.ok(await isTold(both));
    await service.send(mug, [stockLow(mug)]);
    await eventually(async () => (await service.queueOf(mug)).length === 0);
    await service.until(mugs, ({ state }) => state === 'idle');
    assert.deepEqual(await service.toldTo(both), {
      told: [`StockReserved waybill.inventory:reserved/${both}`],
      repeats: 1,
    });
    await recordHistory(mugs, 'restock-two-skus');
  });

  it('refuses what it does not know, and is not ended by a cancellation', async () => {
    const sku = await service.sku({ available: 0, threshold: 1, target: 5 });
    const stray = { id: uniqueId('stray'), type: 'Stray', data: {} };
    const handle = await service.send(sku, [stray]);
    await handle.cancel();
    await service.send(sku, [stockLow(sku)]);
    await service.until(handle, ({ state }) => state === 'awaiting-supplier');
    const { records } = await handle.query(inboxQuery);
    assert.deepEqual(
      records.map(({ outcome, reason }) => [outcome, reason]),
      [
        ['refused', 'unknown-type'],
        ['applied', undefined],
      ],
    );
    await recordHistory(handle, 'restock-cancelled');
  });

  it('goes on in a new run before its history grows too long, with all that it was told and waits for', async function () {
    this.timeout(180_000);
    const sku = await service.sku({ available: 0, threshold: 1, target: 5 });
    const handle = await service.send(sku, [stockLow(sku)]);
    const { expected } = await service.until(handle, ({ state }) => state === 'awaiting-supplier');
    const { runId: firstRunId } = await handle.describe();
    const isFirst = async () => (await handle.describe()).runId === firstRunId;
    const [order] = orderedOf(sku);
    const part = stockReceived(order, 2);
    await service.send(sku, [part]);
    // The server asks for a new run past 4 MB of history, and ends none while signals come.
    const data = 'x'.repeat(200_000);
    for (let sent = 1; await isFirst(); sent += 1) {
      assert.ok(sent <= 60, 'still in its first run');
      await handle.signal(inboxSignal, [{ id: uniqueId('stray'), type: 'Stray', data }]);
      await eventually(async () => (await handle.query(inboxQuery)).records.length === sent + 2);
    }
    const standing = await service.until(handle, ({ state }) => state === 'awaiting-supplier');
    assert.deepEqual(standing.expected, { ...expected, received: 2 });

    // What it was told before is known in the new run.
    await service.send(sku, [part]);
    await eventually(async () => (await handle.query(inboxQuery)).repeats === 1);
    await service.send(sku, [stockReceived(order, 3)]);
    await service.until(handle, ({ state }) => state === 'idle');
    assert.equal(await service.available(sku), 5);
    // The next order is numbered on, under the first run's ID.
    await reserve(sku, 5);
    await service.send(sku, [stockLow(sku)]);
    await service.until(handle, ({ state }) => state === 'awaiting-supplier');
    assert.deepEqual(
      orderedOf(sku).map(({ reference }) => reference),
      [1, 2].map((number) => `restock:${sku}:${firstRunId}:${number}`),
    );
    await recordHistory(handle, 'restock-continued');
  });

  it('serves a long queue in rounds, and goes on with the next in a new run once its history has grown (FAULTS 25)', async function () {
    this.timeout(180_000);
    const sku = await service.sku({ available: 0 });
    const pieces = [{ sku, quantity: 1 }];
    // Their workflows are gone, so that nobody has to be told.
    const waiting = Array.from({ length: 120 }, () => `order:web:${uniqueId('order')}`);
    for (const orderKey of waiting) {
      await service.backOrders.joinBackOrders({ orderKey, pieces, skus: [sku] });
    }
    const handle = await service.send(sku, [stockLow(sku)]);
    await service.until(handle, ({ state }) => state === 'awaiting-supplier');
    const { runId: firstRunId } = await handle.describe();
    const [order] = orderedOf(sku);
    assert.equal(order?.quantity, 120);

    service.whileServing(async () => {
      // The server asks for a new run past 4 MB of history.
      const data = 'x'.repeat(1_000_000);
      for (let sent = 0; sent < 5; sent += 1) await handle.signal('no-such-signal', data);
    });
    await service.send(sku, [stockReceived(order, 120)]);
    await eventually(async () => (await handle.describe()).runId !== firstRunId);
    // Nothing more is told to it: it knows by itself that the rest is to be served.
    await eventually(async () => (await service.queueOf(sku)).length === 0);
    await service.until(handle, ({ state }) => state === 'idle');
    // Once when nothing was there, and the first round.
    assert.equal(service.servingRuns.filter((runId) => runId === firstRunId).length, 2);
    for (const orderKey of [waiting[0] ?? '', waiting[119] ?? '']) {
      assert.equal(await service.statusOf(orderKey), 'reserved');
    }
    assert.equal(await service.available(sku), 0);
    assert.equal(orderedOf(sku).length, 1);
  });
});
