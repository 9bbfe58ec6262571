import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { FastifyInstance } from 'fastify';
import { openLedger, type Ledger } from '../../dev/provider/ledger.ts';
import { createProvider } from '../../dev/provider/server.ts';

const PARCEL = {
  channel: 'web',
  orderId: '42',
  shipmentId: '1',
  sellerId: 'seller-1',
  pieces: [{ sku: 'record', quantity: 2 }],
};
const ORDER = { sku: 'record', quantity: 40 };

describe("the carrier's and the supplier's sandboxes", () => {
  let folder: string;
  let ledger: Ledger;
  let sandbox: FastifyInstance;
  let url: string;

  async function start(): Promise<void> {
    ledger = openLedger(path.join(folder, 'provider.jsonl'));
    sandbox = createProvider(ledger);
    url = await sandbox.listen({ host: '127.0.0.1', port: 0 });
  }
  async function stop(): Promise<void> {
    await sandbox.close();
    ledger.close();
  }
  beforeEach(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'waybill-partners-'));
    await start();
  });
  afterEach(async () => {
    await stop();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Status and body. A text is sent as it is. */
  async function call(method: string, where: string, content?: object | string) {
    const response = await fetch(url + where, {
      method,
      ...(content !== undefined && {
        headers: { 'content-type': 'application/json' },
        body: typeof content === 'string' ? content : JSON.stringify(content),
      }),
    });
    return [response.status, await response.json()] as [number, Record<string, unknown>];
  }
  const book = (reference: string, change: object = {}) =>
    call('PUT', `/carrier/shipments/${reference}`, { ...PARCEL, ...change });
  const cancel = (reference: string) => call('DELETE', `/carrier/shipments/${reference}`);
  const collect = (reference: string) =>
    call('POST', '/carrier/sandbox/collections', { reference });
  const order = (reference: string, change: object = {}) =>
    call('PUT', `/supplier/orders/${reference}`, { ...ORDER, ...change });
  const fail = (who: string, fault: string, times: number) =>
    call('POST', `/${who}/sandbox/faults`, { fault, times });

  it('number parcels as the post does, each differently', async () => {
    const numbers = new Set<string>();
    for (let index = 1; index <= 100; index += 1) {
      const [, { carrier, trackingNumber }] = await book(`p-${index}`);
      assert.equal(carrier, 'post');
      const [, serial = '', check] = /^CX(\d{8})(\d)NO$/.exec(String(trackingNumber)) ?? [];
      const sum = [8, 6, 4, 2, 3, 5, 9, 7].reduce(
        (total, weight, at) => total + weight * Number(serial[at]),
        0,
      );
      // UPU S10: 11 less the rest, 10 and 11 written as 0 and 5.
      assert.equal(Number(check), [5, 0, 9, 8, 7, 6, 5, 4, 3, 2, 1][sum % 11]);
      numbers.add(serial);
    }
    assert.equal(numbers.size, 100);
  });

  it('keep all that they have answered over a restart', async () => {
    const [, label] = await book('booked');
    await book('collected');
    await collect('collected');
    await cancel('unknown');
    await book('recalled');
    await collect('recalled');
    await cancel('recalled');
    const [, ordered] = await order('o-1');
    const listed = [await call('GET', '/carrier/shipments'), await call('GET', '/supplier/orders')];

    await stop();
    await start();
    assert.deepEqual(
      [await call('GET', '/carrier/shipments'), await call('GET', '/supplier/orders')],
      listed,
    );
    assert.deepEqual(await book('booked'), [200, label]);
    assert.deepEqual(await cancel('collected'), [200, { status: 'recalled' }]);
    assert.deepEqual(await book('unknown'), [200, { status: 'cancelled' }]);
    assert.deepEqual(await cancel('recalled'), [200, { status: 'recalled' }]);
    assert.deepEqual(await order('o-1'), [200, ordered]);
    const [, other] = await book('new');
    assert.notEqual(other['trackingNumber'], label['trackingNumber']);
    assert.notDeepEqual((await order('o-2'))[1], ordered);
  });

  it('list everything for the audit', async () => {
    const [, { status: _status, ...label }] = await book('order:web:42:1');
    await cancel('order:web:43:1');
    await order('restock:record%2F1');
    assert.deepEqual(await call('GET', '/carrier/shipments'), [
      200,
      {
        shipments: [
          { reference: 'order:web:42:1', status: 'booked', ...PARCEL, ...label },
          { reference: 'order:web:43:1', status: 'cancelled' },
        ],
      },
    ]);
    assert.deepEqual(await call('GET', '/supplier/orders'), [
      200,
      {
        orders: [{ reference: 'restock:record/1', supplierOrderId: 'SO-000001', ...ORDER }],
      },
    ]);
  });

  it('say by a code what they refuse, and keep nothing of it', async () => {
    for (const [answer, status, code, complaint] of [
      [await book('p', { sellerId: 'refused-1' }), 422, 'seller-refused', /refused-1/],
      [await book('p', { pieces: [] }), 400, 'malformed', /pieces/],
      [await book('p', { sellerId: undefined }), 400, 'malformed', /sellerId/],
      [await book('p', { email: 'ada@example.com' }), 400, 'malformed', /email/],
      [await call('PUT', '/carrier/shipments/p', '{"channel"'), 400, 'malformed', /JSON/],
      [await collect('p'), 409, 'not-booked', /unknown/],
      [await order('o', { quantity: 0 }), 400, 'malformed', /quantity/],
      [await order('o', { quantity: 1.5 }), 400, 'malformed', /quantity/],
      [await fail('carrier', 'explode', 1), 400, 'malformed', /fault/],
    ] as const) {
      assert.deepEqual([answer[0], answer[1]['code']], [status, code]);
      assert.match(String(answer[1]['message']), complaint);
    }
    await book('p');
    await order('o');
    const [[booked], [ordered]] = [
      await book('p', { shipmentId: '2' }),
      await order('o', { sku: 'sleeve' }),
    ];
    assert.deepEqual([booked, ordered], [409, 409]);
    await cancel('p');
    assert.equal(
      (await collect('p'))[1]['message'],
      'p: expected a booked parcel, it is cancelled',
    );
    assert.deepEqual([ledger.shipments.size, ledger.supplierOrders.size], [1, 1]);
  });

  it('fail as often as they are told, each by itself, before the effect or after', async () => {
    await fail('carrier', 'error', 2);
    assert.deepEqual(
      [(await book('p'))[0], (await order('o'))[0], (await cancel('p'))[0]],
      [500, 200, 500],
    );
    assert.equal(ledger.shipments.size, 0);
    assert.equal((await book('p'))[0], 200);

    await fail('supplier', 'drop', 1);
    await assert.rejects(order('dropped'), TypeError);
    assert.ok(ledger.supplierOrders.has('dropped'));
    assert.equal((await order('dropped'))[0], 200);

    await fail('carrier', 'drop', 1_000);
    await assert.rejects(cancel('p'), TypeError);
    assert.equal(ledger.shipments.get('p')?.status, 'cancelled');
    await fail('carrier', 'drop', 0);
    assert.equal((await cancel('p'))[0], 200);
  });
});
