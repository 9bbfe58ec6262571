import assert from 'node:assert/strict';
import { DynamoDBClient, TransactionCanceledException } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import fc from 'fast-check';
import type { AwsConfig } from '../../dev/deploy.ts';
import type { LowStock } from '../../src/activities/lowStock.ts';
import { createStockActivities } from '../../src/activities/stock.ts';
import type { Reservation, StockActivities } from '../../src/contracts/activities.ts';
import { uniqueId } from '../support/servers.ts';
import { repeated, startStock, type TestStock } from '../support/stock.ts';

describe('stock activities', () => {
  let service: TestStock;
  let account: AwsConfig;
  let table: DynamoDBDocumentClient;
  let stockTable: string;
  let backOrdersTable: string;
  let lowStock: LowStock;
  let stock: StockActivities;

  before(async () => {
    service = await startStock();
    ({ account, table, lowStock, stock } = service);
    ({ StockTable: stockTable, BackOrdersTable: backOrdersTable } = service.outputs);
  });
  after(() => service.stop());

  const skuOf = (available: number) => service.sku({ available });
  const available = (sku: string) => service.available(sku);
  const statusOf = (orderKey: string) => service.statusOf(orderKey);
  const read = (key: string) => service.read(key);

  describe('reserveStock', () => {
    it('takes all pieces, once', async () => {
      const [mug, cap] = [await skuOf(5), await skuOf(1)];
      const reservation = {
        orderKey: uniqueId('order'),
        pieces: [
          { sku: mug, quantity: 2 },
          { sku: cap, quantity: 1 },
        ],
      };
      assert.deepEqual(await stock.reserveStock(reservation), { kind: 'reserved' });
      // The last cap is gone, to this very order: its repeat is not short of it, and says what it holds.
      const { orderKey, pieces } = reservation;
      assert.deepEqual(await stock.reserveStock(reservation), { kind: 'reserved', pieces });
      const less = { orderKey, pieces: pieces.slice(0, 1) };
      assert.deepEqual(await stock.reserveStock(less), { kind: 'reserved', pieces });
      assert.deepEqual([await available(mug), await available(cap)], [3, 0]);
      assert.deepEqual(await read(`RESERVATION#${reservation.orderKey}`), {
        key: `RESERVATION#${reservation.orderKey}`,
        status: 'reserved',
        pieces: reservation.pieces,
      });
    });

    it('takes nothing where a single SKU is short or unknown, and names which', async () => {
      const [mug, cap, unknown] = [await skuOf(5), await skuOf(1), uniqueId('sku')];
      const reservation = {
        orderKey: uniqueId('order'),
        pieces: [
          { sku: mug, quantity: 5 },
          { sku: cap, quantity: 2 },
          { sku: unknown, quantity: 1 },
        ],
      };
      assert.deepEqual(await stock.reserveStock(reservation), {
        kind: 'short',
        skus: [cap, unknown],
      });
      const patient = await stock.reserveStock({ ...reservation, shrinks: true });
      assert.deepEqual(patient, { kind: 'short', skus: [cap, unknown], shrinks: true });
      assert.deepEqual([await available(mug), await available(cap)], [5, 1]);
      assert.equal(await statusOf(reservation.orderKey), undefined);
    });

    it('takes as many as 50 SKUs in one go', async () => {
      const skus = await Promise.all(Array.from({ length: 50 }, () => skuOf(1)));
      const pieces = skus.map((sku) => ({ sku, quantity: 1 }));
      const orderKey = uniqueId('order');
      assert.deepEqual(await stock.reserveStock({ orderKey, pieces }), { kind: 'reserved' });
      await stock.releaseStock({ orderKey });
      const left = await Promise.all(skus.map(available));
      assert.deepEqual(new Set(left), new Set([1]));
    });

    it('gives the last piece to one of many', async () => {
      const sku = await skuOf(1);
      const answers = await Promise.all(
        Array.from({ length: 8 }, () =>
          repeated(() =>
            stock.reserveStock({ orderKey: uniqueId('order'), pieces: [{ sku, quantity: 1 }] }),
          ),
        ),
      );
      assert.equal(answers.filter(({ kind }) => kind === 'reserved').length, 1);
      assert.equal(answers.filter(({ kind }) => kind === 'short').length, 7);
      assert.equal(await available(sku), 0);
    });
  });

  describe('releaseStock', () => {
    it('gives back what was reserved, once', async () => {
      const sku = await skuOf(5);
      const orderKey = uniqueId('order');
      await stock.reserveStock({ orderKey, pieces: [{ sku, quantity: 2 }] });
      await stock.releaseStock({ orderKey });
      await stock.releaseStock({ orderKey });
      assert.equal(await available(sku), 5);
      assert.equal(await statusOf(orderKey), 'released');
    });

    it('before any reserve leaves a tombstone: the reserve that comes late takes nothing', async () => {
      const sku = await skuOf(5);
      const reservation = { orderKey: uniqueId('order'), pieces: [{ sku, quantity: 2 }] };
      await stock.releaseStock(reservation);
      assert.deepEqual(await stock.reserveStock(reservation), { kind: 'released' });
      assert.equal(await available(sku), 5);
    });

    it('after a reserve makes its late repeat take nothing either', async () => {
      const sku = await skuOf(5);
      const reservation = { orderKey: uniqueId('order'), pieces: [{ sku, quantity: 2 }] };
      await stock.reserveStock(reservation);
      await stock.releaseStock(reservation);
      assert.deepEqual(await stock.reserveStock(reservation), { kind: 'released' });
      assert.equal(await available(sku), 5);
    });

    it('at once with the reserve leaves it released, whichever came first', async () => {
      const sku = await skuOf(100);
      await Promise.all(
        Array.from({ length: 20 }, async () => {
          const reservation = { orderKey: uniqueId('order'), pieces: [{ sku, quantity: 3 }] };
          await Promise.all([
            repeated(() => stock.reserveStock(reservation)),
            repeated(() => stock.releaseStock(reservation)),
            repeated(() => stock.releaseStock(reservation)),
          ]);
          assert.equal(await statusOf(reservation.orderKey), 'released');
        }),
      );
      assert.equal(await available(sku), 100);
    });
  });

  describe('releaseStock with pieces that are lost', () => {
    const reserved = async () => {
      const [mug, cap, orderKey] = [await skuOf(5), await skuOf(5), uniqueId('order')];
      const pieces = [
        { sku: mug, quantity: 3 },
        { sku: cap, quantity: 1 },
      ];
      await stock.reserveStock({ orderKey, pieces });
      const left = async () => [await available(mug), await available(cap)];
      return { mug, cap, orderKey, left };
    };

    it('keeps those taken for good, once, and gives back the others', async () => {
      const { mug, cap, orderKey, left } = await reserved();
      // Line by line or not.
      const lost = [mug, cap, mug].map((sku) => ({ sku, quantity: 1 }));
      await stock.releaseStock({ orderKey, lost });
      await stock.releaseStock({ orderKey, lost });
      await stock.releaseStock({ orderKey });
      assert.deepEqual(await left(), [3, 4]);
      const row = await read(`RESERVATION#${orderKey}`);
      assert.deepEqual(
        [row?.['status'], row?.['lost']],
        [
          'released',
          [
            { sku: mug, quantity: 2 },
            { sku: cap, quantity: 1 },
          ],
        ],
      );
      await service.assertStock();
    });

    it('counts what was given back before as not lost', async () => {
      const { mug, cap, orderKey, left } = await reserved();
      const [one, two, caps] = [
        { sku: mug, quantity: 1 },
        { sku: mug, quantity: 2 },
        { sku: cap, quantity: 1 },
      ];
      await stock.releasePieces({ orderKey, step: 1, released: [two], left: [one, caps] });
      await assert.rejects(stock.releaseStock({ orderKey, lost: [two] }), /1 pieces of .* fewer/);
      await stock.releaseStock({ orderKey, lost: [one] });
      assert.deepEqual(await left(), [4, 5]);
      await service.assertStock();
    });

    it('refuses more than was reserved, and changes nothing', async () => {
      const { mug, orderKey, left } = await reserved();
      for (const lost of [[{ sku: mug, quantity: 4 }], [{ sku: 'other', quantity: 1 }]]) {
        await assert.rejects(stock.releaseStock({ orderKey, lost }), /fewer than are lost/);
      }
      const never = { orderKey: uniqueId('order'), lost: [{ sku: mug, quantity: 1 }] };
      await assert.rejects(stock.releaseStock(never), /fewer than are lost/);
      assert.deepEqual(await left(), [2, 4]);
      assert.equal(await statusOf(orderKey), 'reserved');
      assert.equal(await statusOf(never.orderKey), undefined);
    });
  });

  describe('releasePieces', () => {
    /** An order that has reserved four mugs of ten and two caps of ten. */
    async function reservedOrder() {
      const [mug, cap, orderKey] = [await skuOf(10), await skuOf(10), uniqueId('order')];
      const of = (mugs: number, caps: number) => [
        { sku: mug, quantity: mugs },
        { sku: cap, quantity: caps },
      ];
      await stock.reserveStock({ orderKey, pieces: of(4, 2) });
      const left = async () => [await available(mug), await available(cap)];
      const row = async () => {
        const { status, pieces } = (await read(`RESERVATION#${orderKey}`)) ?? {};
        return { status, pieces };
      };
      return { orderKey, mug, cap, of, left, row };
    }

    it('gives some pieces back, once for each step, and keeps the rest', async () => {
      const { orderKey, mug, of, left, row } = await reservedOrder();
      const first = { orderKey, step: 1, released: [{ sku: mug, quantity: 3 }], left: of(1, 2) };
      await stock.releasePieces(first);
      await stock.releasePieces(first);
      assert.deepEqual(await left(), [9, 8]);
      assert.deepEqual(await row(), { status: 'reserved', pieces: of(1, 2) });

      // What is left holds each SKU once; what is released may come line by line.
      const second = { orderKey, step: 2, released: of(1, 1), left: [of(0, 1)[1]!] };
      await stock.releasePieces(second);
      await stock.releasePieces(first);
      assert.deepEqual(await left(), [10, 9]);
      assert.deepEqual(await row(), { status: 'reserved', pieces: second.left });
      assert.deepEqual(await stock.reserveStock({ orderKey, pieces: of(4, 2) }), {
        kind: 'reserved',
        pieces: second.left,
      });
      assert.deepEqual(await left(), [10, 9]);
    });

    it('leaves to the release of all what is left, and does nothing after it', async () => {
      const { orderKey, mug, of, left, row } = await reservedOrder();
      const release = { orderKey, step: 1, released: [{ sku: mug, quantity: 3 }], left: of(1, 2) };
      await stock.releasePieces(release);
      await stock.releaseStock({ orderKey });
      assert.deepEqual(await left(), [10, 10]);
      await stock.releasePieces(release);
      await stock.releasePieces({ ...release, step: 2 });
      assert.deepEqual(await left(), [10, 10]);
      assert.equal((await row()).status, 'released');
    });

    it('takes two lines of one SKU together', async () => {
      const { orderKey, mug, of, left } = await reservedOrder();
      const released = [
        { sku: mug, quantity: 1 },
        { sku: mug, quantity: 2 },
      ];
      await stock.releasePieces({ orderKey, step: 1, released, left: of(1, 2) });
      assert.deepEqual(await left(), [9, 8]);
    });

    it('makes no pieces out of nothing, and loses none', async () => {
      const { orderKey, of, left, row } = await reservedOrder();
      for (const [released, rest] of [
        [of(1, 0), of(4, 2)],
        [of(1, 0), of(2, 2)],
        [of(5, 2), []],
        [[{ sku: 'other', quantity: 1 }], of(4, 2)],
      ] as const) {
        const release = { orderKey, step: 1, released, left: rest };
        await assert.rejects(stock.releasePieces(release), /holds other pieces/);
      }
      const early = { orderKey: uniqueId('order'), step: 1, released: of(1, 0), left: of(3, 2) };
      await assert.rejects(stock.releasePieces(early), /is not there/);
      assert.deepEqual(await left(), [6, 8]);
      assert.deepEqual(await row(), { status: 'reserved', pieces: of(4, 2) });
    });

    it('at once with the release of all gives back each piece once', async () => {
      for (let round = 0; round < 20; round += 1) {
        const { orderKey, mug, of, left, row } = await reservedOrder();
        const released = [{ sku: mug, quantity: 3 }];
        const release = () => stock.releasePieces({ orderKey, step: 1, released, left: of(1, 2) });
        const all = () => stock.releaseStock({ orderKey });
        const acts = round % 2 === 0 ? [release, all, release, all] : [all, release];
        await Promise.all(acts.map((act) => repeated(act)));
        assert.deepEqual(await left(), [10, 10]);
        assert.equal((await row()).status, 'released');
      }
    });

    it('finds that the release of all came in between', async () => {
      const { orderKey, mug, of, left } = await reservedOrder();
      const { held, release: letGo } = heldTransactions();
      const late = createStockActivities({ table: held, stockTable, backOrdersTable, lowStock });
      const releasing = late.releasePieces({
        orderKey,
        step: 1,
        released: [{ sku: mug, quantity: 3 }],
        left: of(1, 2),
      });
      await letGo(() => stock.releaseStock({ orderKey }));
      await assert.rejects(releasing, /changed meanwhile/);
      assert.deepEqual(await left(), [10, 10]);
    });

    it('is seen by a release of all that had read the row before it', async () => {
      const { orderKey, mug, of, left } = await reservedOrder();
      const { held, release: letGo } = heldTransactions();
      const releasing = createStockActivities({
        table: held,
        stockTable,
        backOrdersTable,
        lowStock,
      }).releaseStock({
        orderKey,
      });
      const released = [{ sku: mug, quantity: 3 }];
      await letGo(() => stock.releasePieces({ orderKey, step: 1, released, left: of(1, 2) }));
      await releasing;
      assert.deepEqual(await left(), [10, 10]);
    });

    /** A client whose first transaction waits until something else has happened. */
    function heldTransactions() {
      const reached = Promise.withResolvers<void>();
      const gate = Promise.withResolvers<void>();
      const held = DynamoDBDocumentClient.from(new DynamoDBClient(account));
      held.middlewareStack.add(
        (next, { commandName }) =>
          async (input) => {
            if (commandName?.startsWith('TransactWrite')) {
              reached.resolve();
              await gate.promise;
            }
            return next(input);
          },
        { step: 'initialize' },
      );
      const release = async (meanwhile: () => Promise<void>) => {
        await reached.promise;
        await meanwhile();
        gate.resolve();
      };
      return { held, release };
    }
  });

  describe('restock', () => {
    it('puts the pieces of a return on sale, once, line by line or not', async () => {
      const [mug, cap, returnKey] = [await skuOf(5), await skuOf(0), uniqueId('return')];
      const pieces = [
        { sku: mug, quantity: 1 },
        { sku: cap, quantity: 2 },
        { sku: mug, quantity: 2 },
      ];
      await stock.restock({ returnKey, pieces });
      await Promise.all([1, 2, 3].map(() => repeated(() => stock.restock({ returnKey, pieces }))));
      assert.deepEqual([await available(mug), await available(cap)], [8, 2]);
      assert.deepEqual(await read(`RESTOCK#${returnKey}`), {
        key: `RESTOCK#${returnKey}`,
        pieces: [
          { sku: mug, quantity: 3 },
          { sku: cap, quantity: 2 },
        ],
      });
      await stock.restock({ returnKey: uniqueId('return'), pieces: [{ sku: mug, quantity: 1 }] });
      assert.equal(await available(mug), 9);
    });

    it('takes as many as 50 SKUs, and none', async () => {
      const skus = await Promise.all(Array.from({ length: 50 }, () => skuOf(1)));
      const pieces = skus.map((sku) => ({ sku, quantity: 1 }));
      await stock.restock({ returnKey: uniqueId('return'), pieces });
      assert.deepEqual(new Set(await Promise.all(skus.map(available))), new Set([2]));
      await stock.restock({ returnKey: uniqueId('return'), pieces: [] });
    });
  });

  it('what is available and what is reserved add up to what there was, and neither is ever negative', async () => {
    const pieces = fc.record({
      mugs: fc.integer({ min: 1, max: 6 }),
      caps: fc.integer({ min: 1, max: 6 }),
    });
    const step = fc.record({
      order: fc.integer({ min: 0, max: 3 }),
      act: fc.constantFrom('reserve', 'release', 'release a mug'),
    });
    // What is in one round happens at once.
    const rounds = fc.array(fc.array(step, { minLength: 1, maxLength: 3 }), { maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(fc.tuple(pieces, pieces, pieces, pieces), rounds, async (wanted, acts) => {
        const [mug, cap] = [await skuOf(10), await skuOf(10)];
        const reservations = wanted.map(({ mugs, caps }): Reservation => ({
          orderKey: uniqueId('order'),
          pieces: [
            { sku: mug, quantity: mugs },
            { sku: cap, quantity: caps },
          ],
        }));
        const released = new Set<Reservation>();
        for (const round of acts) {
          await Promise.all(
            round.map(async ({ order, act }) => {
              const reservation = reservations[order] ?? assert.fail();
              if (act === 'reserve') await repeated(() => stock.reserveStock(reservation));
              else if (act === 'release a mug') await repeated(() => releaseMug(reservation));
              else {
                released.add(reservation);
                await repeated(() => stock.releaseStock(reservation));
              }
            }),
          );
          const taken = { [mug]: 0, [cap]: 0 };
          for (const reservation of reservations) {
            const row = await read(`RESERVATION#${reservation.orderKey}`);
            assert.equal(row?.['status'] === 'released', released.has(reservation));
            if (row?.['status'] !== 'reserved') continue;
            for (const { sku, quantity } of piecesOf(row)) taken[sku]! += quantity;
          }
          for (const sku of [mug, cap]) {
            const left = Number(await available(sku));
            assert.ok(left >= 0);
            assert.equal(left, 10 - (taken[sku] ?? 0));
          }
        }
      }),
      { numRuns: 25 },
    );
  });

  /** As a workflow does that cancels a line of one mug: from what is reserved, if anything is. */
  async function releaseMug({ orderKey, pieces }: Reservation): Promise<void> {
    const row = await read(`RESERVATION#${orderKey}`);
    const [mugs, caps] = row?.['status'] === 'reserved' ? piecesOf(row) : [];
    if (!mugs || !caps || mugs.quantity === 0) return;
    await stock.releasePieces({
      orderKey,
      step: (pieces[0]?.quantity ?? 0) - mugs.quantity + 1,
      released: [{ ...mugs, quantity: 1 }],
      left: [{ ...mugs, quantity: mugs.quantity - 1 }, caps],
    });
  }

  function piecesOf(row: Record<string, unknown>): Reservation['pieces'] {
    return row['pieces'] as Reservation['pieces'];
  }

  for (const code of ['TransactionConflict', 'ThrottlingError', 'ProvisionedThroughputExceeded']) {
    it(`throws at ${code}, even beside a piece that is short: it may be short for the other's sake`, async () => {
      const conflicting = DynamoDBDocumentClient.from(new DynamoDBClient(account));
      const cancelled = new TransactionCanceledException({
        message: 'cancelled',
        $metadata: {},
        CancellationReasons: [{ Code: code }, { Code: 'ConditionalCheckFailed' }],
      });
      conflicting.middlewareStack.add(
        (next, { commandName }) =>
          (input) =>
            commandName?.startsWith('TransactWrite') ? Promise.reject(cancelled) : next(input),
        { step: 'initialize' },
      );
      const conflicted = createStockActivities({
        table: conflicting,
        stockTable,
        backOrdersTable,
        lowStock,
      });
      await assert.rejects(
        conflicted.reserveStock({
          orderKey: uniqueId('order'),
          pieces: [{ sku: 'mug', quantity: 1 }],
        }),
        cancelled,
      );
    });
  }

  it('throws where DynamoDB may yet say yes: it is no answer about the stock', async () => {
    const elsewhere = createStockActivities({
      table,
      stockTable: 'no-such-table',
      backOrdersTable,
      lowStock,
    });
    const reservation = { orderKey: uniqueId('order'), pieces: [{ sku: 'mug', quantity: 1 }] };
    await assert.rejects(elsewhere.reserveStock(reservation), {
      name: 'ResourceNotFoundException',
    });
    await assert.rejects(elsewhere.releaseStock(reservation), {
      name: 'ResourceNotFoundException',
    });
  });
});
