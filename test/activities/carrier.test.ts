import assert from 'node:assert/strict';
import type { RequestListener } from 'node:http';
import { text } from 'node:stream/consumers';
import { Client, Connection } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { NativeConnection, Worker } from '@temporalio/worker';
import { createCarrierActivities } from '../../src/activities/carrier.ts';
import type { CarrierActivities } from '../../src/contracts/activities.ts';
import { startTestProvider, type TestProvider } from '../support/provider.ts';
import { Remotes } from '../support/remotes.ts';
import { temporalAddress, uniqueId } from '../support/servers.ts';

const PIECES = [
  { sku: 'record', quantity: 2 },
  { sku: 'sleeve', quantity: 1 },
] as const;

/** A parcel of an order of its own. */
function parcel(change: { readonly sellerId?: string; readonly orderId?: string } = {}) {
  const { sellerId = 'seller-1', orderId = uniqueId('order') } = change;
  const asked = { orderKey: `order:web:${orderId}`, shipmentId: '1' };
  return {
    asked,
    orderId,
    reference: `order:web:${orderId}:1`,
    booking: { ...asked, sellerId, pieces: PIECES },
  };
}

describe('the carrier activities', () => {
  let sandbox: TestProvider;
  let carrier: CarrierActivities;
  /** Soon gives up. */
  let hasty: CarrierActivities;
  const remotes = new Remotes();

  before(async () => {
    sandbox = await startTestProvider();
    const url = `${sandbox.url}/carrier`;
    carrier = createCarrierActivities({ url });
    hasty = createCarrierActivities({ url, timeoutMs: 500 });
  });
  after(() => sandbox.close());
  afterEach(() => remotes.close());

  const known = (reference: string) => sandbox.ledger.shipments.get(reference);

  async function post(path: string, body: object): Promise<void> {
    const response = await fetch(`${sandbox.url}/carrier/sandbox/${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    assert.equal(response.status, 200);
  }
  const failOnce = (fault: 'error' | 'hang' | 'drop') => post('faults', { fault, times: 1 });
  const collect = (reference: string) => post('collections', { reference });

  /** A carrier that answers like this. */
  async function serve(answer: RequestListener, timeoutMs = 5_000) {
    return createCarrierActivities({ url: await remotes.serve(answer), timeoutMs });
  }

  async function failureOf(call: Promise<unknown>): Promise<ApplicationFailure> {
    const error = await call.then(
      () => assert.fail('expected a failure'),
      (reason: unknown) => reason,
    );
    assert.ok(error instanceof ApplicationFailure, String(error));
    return error;
  }

  describe('booking', () => {
    it('has a label made, under the names that events will use', async () => {
      const { booking, orderId, reference } = parcel();
      const answer = await carrier.bookShipment(booking);
      assert.equal(answer.kind, 'booked');
      const { parcel: content, label, status } = known(reference) ?? {};
      assert.equal(status, 'booked');
      assert.deepEqual(answer, { kind: 'booked', ...label });
      assert.deepEqual(content, {
        channel: 'web',
        orderId,
        shipmentId: '1',
        sellerId: 'seller-1',
        pieces: PIECES,
      });
    });

    it('sends what the parcel is, and no more', async () => {
      const seen: unknown[] = [];
      const elsewhere = await serve((request, response) => {
        const { method, url, headers } = request;
        void text(request).then((body) => {
          seen.push([method, url, headers['content-type'], body === '' ? '' : JSON.parse(body)]);
          const label = { status: 'booked', carrier: 'post', trackingNumber: 'T-1', more: true };
          response.end(JSON.stringify(method === 'PUT' ? label : { status: 'recalled', fee: 5 }));
        });
      });
      const { booking, asked } = parcel({ orderId: '42' });
      assert.deepEqual(await elsewhere.bookShipment({ ...booking, lines: [2, 3] }), {
        kind: 'booked',
        carrier: 'post',
        trackingNumber: 'T-1',
        lines: [2, 3],
      });
      assert.deepEqual(await elsewhere.cancelShipment(asked), { kind: 'recalled' });
      const path = '/shipments/order%3Aweb%3A42%3A1';
      const order = { channel: 'web', orderId: '42', shipmentId: '1' };
      assert.deepEqual(seen, [
        ['PUT', path, 'application/json', { ...order, sellerId: 'seller-1', pieces: PIECES }],
        ['DELETE', path, undefined, ''],
      ]);
    });

    it('takes effect once, however many workers ask at the same time (FAULTS 18)', async () => {
      const { booking, reference } = parcel();
      const before = sandbox.ledger.shipments.size;
      const answers = await Promise.all(
        Array.from({ length: 20 }, () => carrier.bookShipment(booking)),
      );
      const label = known(reference)?.label;
      for (const answer of answers) assert.deepEqual(answer, { kind: 'booked', ...label });
      assert.equal(sandbox.ledger.shipments.size, before + 1);
    });

    for (const [fault, error] of [
      ['hang', { name: 'TimeoutError' }],
      ['drop', { name: 'TypeError' }],
    ] as const) {
      it(`took effect once where its first answer was lost: ${fault} (FAULTS 22)`, async () => {
        const { booking, reference } = parcel();
        await failOnce(fault);
        await assert.rejects(hasty.bookShipment(booking), error);
        const label = known(reference)?.label;
        assert.ok(label);
        const answer = await carrier.bookShipment(booking);
        assert.deepEqual(answer, { kind: 'booked', ...label });
        assert.deepEqual(known(reference)?.label, label);
      });
    }

    it('gives each parcel of an order a label of its own', async () => {
      const { booking } = parcel();
      const [one, two] = await Promise.all([
        carrier.bookShipment(booking),
        carrier.bookShipment({ ...booking, shipmentId: '2' }),
      ]);
      assert.ok(one.kind === 'booked' && two.kind === 'booked');
      assert.notEqual(one.trackingNumber, two.trackingNumber);
    });

    it('takes IDs as long as they may be', async () => {
      const longest = 'x'.repeat(128);
      const booking = { ...parcel({ orderId: longest }).booking, shipmentId: longest };
      assert.equal((await carrier.bookShipment(booking)).kind, 'booked');
    });
  });

  describe('cancelling', () => {
    it('stops a parcel that is still there, and once more says the same', async () => {
      const { booking, asked, reference } = parcel();
      await carrier.bookShipment(booking);
      assert.deepEqual(await carrier.cancelShipment(asked), { kind: 'cancelled' });
      assert.deepEqual(await carrier.cancelShipment(asked), { kind: 'cancelled' });
      assert.equal(known(reference)?.status, 'cancelled');
      assert.deepEqual(await carrier.bookShipment(booking), { kind: 'cancelled' });
    });

    it('before the booking leaves behind what refuses it (FAULTS 22)', async () => {
      const { booking, asked, reference } = parcel();
      assert.deepEqual(await carrier.cancelShipment(asked), { kind: 'cancelled' });
      assert.deepEqual(await carrier.bookShipment(booking), { kind: 'cancelled' });
      assert.equal(known(reference)?.label, null);
    });

    for (const fault of ['hang', 'drop'] as const) {
      it(`undoes a booking whose answer was lost: ${fault} (FAULTS 22)`, async () => {
        const { booking, asked, reference } = parcel();
        await failOnce(fault);
        await assert.rejects(hasty.bookShipment(booking));
        await failOnce(fault);
        await assert.rejects(hasty.cancelShipment(asked));
        assert.equal(known(reference)?.status, 'cancelled');
        assert.deepEqual(await carrier.cancelShipment(asked), { kind: 'cancelled' });
        assert.deepEqual(await carrier.bookShipment(booking), { kind: 'cancelled' });
      });
    }

    it('recalls a parcel that has been collected, which keeps its label', async () => {
      const { booking, asked, reference } = parcel();
      const label = await carrier.bookShipment(booking);
      await collect(reference);
      assert.deepEqual(await carrier.bookShipment(booking), label);
      assert.deepEqual(await carrier.cancelShipment(asked), { kind: 'recalled' });
      assert.deepEqual(await carrier.cancelShipment(asked), { kind: 'recalled' });
      assert.equal(known(reference)?.status, 'recalled');
      assert.deepEqual(await carrier.bookShipment(booking), label);
    });

    it('beats bookings that are under way, whichever comes first', async () => {
      const parcels = Array.from({ length: 20 }, () => parcel());
      await Promise.all(
        parcels.map(async ({ booking, asked, reference }, index) => {
          const book = () => carrier.bookShipment(booking);
          const cancel = () => carrier.cancelShipment(asked);
          await Promise.all(index % 2 ? [book(), cancel()] : [cancel(), book()]);
          assert.equal(known(reference)?.status, 'cancelled');
        }),
      );
    });
  });

  describe('a refusal', () => {
    it("is final, and has the carrier's code", async () => {
      const { booking, asked, reference } = parcel({ sellerId: 'refused-7' });
      const failure = await failureOf(carrier.bookShipment(booking));
      assert.equal(failure.nonRetryable, true);
      assert.equal(failure.type, 'ShipmentRefused');
      assert.deepEqual(failure.details, ['seller-refused']);
      assert.match(failure.message, /^carrier answered 422: .*nothing is carried for refused-7/);
      assert.equal(known(reference), undefined);
      assert.deepEqual(await carrier.cancelShipment(asked), { kind: 'cancelled' });
    });

    it('meets other content under the same reference, and changes nothing', async () => {
      const { booking, reference } = parcel();
      await carrier.bookShipment(booking);
      const before = known(reference);
      const other = carrier.bookShipment({ ...booking, pieces: PIECES.slice(1) });
      const { type, details } = await failureOf(other);
      assert.deepEqual([type, details], ['ShipmentRefused', ['reference-reused']]);
      assert.equal(known(reference), before);
    });

    it('of a cancellation is final too', async () => {
      const { asked } = parcel();
      const refusing = await serve((_request, response) =>
        response.writeHead(409).end('{"code":"already-delivered"}'),
      );
      const { type, details } = await failureOf(refusing.cancelShipment(asked));
      assert.deepEqual([type, details], ['ShipmentRefused', ['already-delivered']]);
    });
  });

  describe('what says nothing about the parcel', () => {
    for (const [status, body] of [
      [408, '{"code":"too-slow"}'],
      [429, '{"code":"too-many"}'],
      [500, '{"code":"broken"}'],
      [503, ''],
      [400, '{"message":"no code"}'],
      [403, '<h1>Forbidden</h1>'],
      [404, '{"code":404}'],
    ] as const) {
      it(`may be repeated: ${status} ${body}`, async () => {
        const failing = await serve((_request, response) => response.writeHead(status).end(body));
        const { booking, asked } = parcel();
        const calls = [() => failing.bookShipment(booking), () => failing.cancelShipment(asked)];
        for (const call of calls) {
          await assert.rejects(call, (error: Error) => {
            assert.ok(!(error instanceof ApplicationFailure));
            assert.ok(error.message.startsWith(`carrier answered ${status}: ${body}`));
            return true;
          });
        }
      });
    }

    for (const body of [
      '{"status":"booked"}',
      '{"status":"booked","carrier":"post","trackingNumber":""}',
      '{"status":"booked","carrier":"post","trackingNumber":17}',
      '{"status":"booked","carrier":"a b","trackingNumber":"T-1"}',
      '{"status":"collected"}',
      'null',
      'booked',
      '',
    ]) {
      it(`is no answer: ${body || 'nothing'}`, async () => {
        const talking = await serve((_request, response) => response.end(body));
        const { booking, asked } = parcel();
        const isPlain = (wanted: string) => (error: Error) =>
          !(error instanceof ApplicationFailure) &&
          error.message === `carrier answered no ${wanted}: ${body}`;
        await assert.rejects(talking.bookShipment(booking), isPlain('booking'));
        await assert.rejects(talking.cancelShipment(asked), isPlain('cancellation'));
      });
    }

    it('is a redirection: the parcel is told to nobody else', async () => {
      let told = 0;
      const other = await remotes.serve((_request, response) => {
        told += 1;
        response.end('{"status":"cancelled"}');
      });
      for (const status of [301, 302, 303, 307, 308]) {
        const redirecting = await serve((request, response) =>
          response.writeHead(status, { location: `${other}${request.url}` }).end(),
        );
        const { booking, asked } = parcel();
        await assert.rejects(redirecting.bookShipment(booking), TypeError);
        await assert.rejects(redirecting.cancelShipment(asked), TypeError);
      }
      assert.equal(told, 0);
    });

    it('is silence, whether at once or half-way', async () => {
      const { booking } = parcel();
      const silent = await serve(() => undefined, 50);
      await assert.rejects(silent.bookShipment(booking), { name: 'TimeoutError' });
      const halfway = await serve((_request, response) => void response.write('{"status"'), 50);
      await assert.rejects(halfway.bookShipment(booking), { name: 'TimeoutError' });
      const nobody = createCarrierActivities({ url: 'http://127.0.0.1:9' });
      await assert.rejects(nobody.bookShipment(booking), TypeError);
    });
  });

  it('asks nobody about what is no order', async () => {
    const before = sandbox.requests.length;
    for (const orderKey of ['web:1', 'order:web', 'order:web:1:2', 'order:a b:1', 'return:web:1']) {
      const { booking } = parcel();
      for (const call of [
        () => carrier.bookShipment({ ...booking, orderKey }),
        () => carrier.cancelShipment({ orderKey, shipmentId: '1' }),
      ]) {
        const failure = await failureOf(call());
        assert.deepEqual([failure.type, failure.nonRetryable], ['InvalidParcel', true]);
        assert.equal(
          failure.message,
          `orderKey: expected order:{channel}:{orderId}, received "${orderKey}"`,
        );
      }
    }
    assert.equal(sandbox.requests.length, before);
  });

  describe('tried by Temporal', () => {
    const taskQueue = uniqueId('carrier');
    let connection: Connection;
    let workers: NativeConnection;
    let worker: Worker;
    let running: Promise<void>;
    let client: Client;

    before(async () => {
      const address = temporalAddress();
      connection = await Connection.connect({ address });
      client = new Client({ connection });
      workers = await NativeConnection.connect({ address });
      worker = await Worker.create({ connection: workers, taskQueue, activities: { ...hasty } });
      running = worker.run();
    });
    after(async () => {
      worker.shutdown();
      await running;
      await workers.close();
      await connection.close();
    });

    const book = (booking: ReturnType<typeof parcel>['booking']) =>
      client.activity.typed<CarrierActivities>().execute('bookShipment', {
        id: uniqueId('book'),
        taskQueue,
        args: [booking],
        startToCloseTimeout: '20s',
        retry: { initialInterval: '10ms' },
      });
    const tries = (reference: string) =>
      sandbox.requests.filter((line) => line.includes(encodeURIComponent(reference))).length;

    it('books one parcel until an answer comes (FAULTS 18, 22)', async () => {
      for (const fault of ['error', 'hang', 'drop'] as const) {
        const { booking, reference } = parcel();
        await failOnce(fault);
        const answer = await book(booking);
        assert.deepEqual(answer, { kind: 'booked', ...known(reference)?.label });
        assert.ok(tries(reference) > 1);
      }
    });

    it('is not tried again after a refusal', async () => {
      const { booking, reference } = parcel({ sellerId: 'refused-8' });
      await assert.rejects(book(booking), (error: Error) => {
        const { cause } = error;
        assert.ok(cause instanceof ApplicationFailure);
        assert.deepEqual([cause.type, cause.details], ['ShipmentRefused', ['seller-refused']]);
        return true;
      });
      assert.equal(tries(reference), 1);
    });
  });
});
