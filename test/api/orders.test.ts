import assert from 'node:assert/strict';
import {
  ServiceError,
  WorkflowNotFoundError,
  WorkflowUpdateRPCTimeoutOrCancelledError,
  type Client,
} from '@temporalio/client';
import { createApi, type ApiDependencies } from '../../src/api/app.ts';
import type { OrderRow } from '../../src/contracts/orders.ts';
import { createLogger } from '../../src/platform/logger.ts';

const ORDER = {
  channel: 'web',
  orderId: '1',
  customerId: 'customer-1',
  currency: 'USD',
  lines: [{ sku: 'record', quantity: 1, amount: 2_999, sellerId: 'seller-1' }],
  paymentMethod: 'pm_card_visa',
};
const ROW = { state: 'closed', cancellation: null, shipments: {} } as unknown as OrderRow;

/** gRPC's UNAVAILABLE, DEADLINE_EXCEEDED and RESOURCE_EXHAUSTED. */
const UNANSWERED = [14, 4, 8];

/** What Temporal's client throws for a gRPC status. */
function refused(code: number): ServiceError {
  const cause = Object.assign(new Error('grpc'), { code, details: 'grpc', metadata: {} });
  return new ServiceError('Failed', { cause });
}

const notFound = () => new WorkflowNotFoundError('not found', 'order:web:1', undefined);
const never = () => assert.fail('it was asked for nothing');

/** A workflow that answers every query and every update so. */
function temporal(answer: () => unknown): Client {
  const ask = async () => answer();
  return {
    connection: { withDeadline: async (_: number, call: () => unknown) => await call() },
    workflow: { getHandle: () => ({ query: ask, executeUpdate: ask }) },
  } as unknown as Client;
}

/** Asks an API of these parts; whatever else it asks fails the test. */
async function ask(
  method: 'GET' | 'POST',
  url: string,
  parts: Partial<ApiDependencies>,
  body?: object,
) {
  const lines: string[] = [];
  const app = createApi({
    temporal: temporal(never),
    placeOrder: never,
    readOrder: never,
    checkTemporal: never,
    parseJson: JSON.parse,
    logger: createLogger({
      process: 'api',
      level: 'info',
      destination: { write: (line) => void lines.push(line) },
    }),
    ...parts,
  });
  const response = await app.inject({
    method,
    url,
    headers: { 'idempotency-key': 'key-1' },
    ...(body && { payload: body }),
  });
  await app.close();
  return { status: response.statusCode, headers: response.headers, body: response.json(), lines };
}

const place = async (placed: () => never) =>
  await ask('POST', '/orders', { placeOrder: async () => placed() }, ORDER);
const read = async (row: () => OrderRow | undefined, answer: () => unknown) =>
  await ask('GET', '/orders/web:1', {
    readOrder: async () => row(),
    temporal: temporal(answer),
  });
const cancel = async (answer: () => unknown, row: () => OrderRow | undefined = never) =>
  await ask(
    'POST',
    '/orders/web:1/cancel',
    { readOrder: async () => row(), temporal: temporal(answer) },
    { reason: 'changed-my-mind', requestedBy: 'customer' },
  );

function thrower(error: unknown): () => never {
  return () => {
    throw error;
  };
}

describe('the orders API', () => {
  it('asks to try again, and logs why, where nobody answers', async () => {
    const timeout = new WorkflowUpdateRPCTimeoutOrCancelledError('deadline');
    const answers = [
      ...(await Promise.all(
        UNANSWERED.flatMap((code) => [
          place(thrower(refused(code))),
          read(() => undefined, thrower(refused(code))),
          cancel(thrower(refused(code))),
        ]),
      )),
      await cancel(thrower(timeout)),
      await read(thrower(new Error('DynamoDB is gone')), never),
      await cancel(thrower(notFound()), thrower(new Error('DynamoDB is gone'))),
    ];
    for (const { status: code, headers, body, lines } of answers) {
      assert.equal(code, 503);
      assert.equal(headers['retry-after'], '5');
      assert.match(String(headers['content-type']), /^application\/problem\+json/);
      assert.equal(body.title, 'not-answered');
      assert.match(lines.join(''), /caused by: .*(grpc|deadline|DynamoDB is gone)/);
      assert.doesNotMatch(JSON.stringify(body), /grpc|DynamoDB/);
    }
  });

  it('says nothing of a defect but that there is one, and logs it', async () => {
    const { status: code, body, lines } = await place(thrower(new TypeError('a defect')));
    assert.equal(code, 500);
    assert.doesNotMatch(JSON.stringify(body), /a defect/);
    assert.match(lines.join(''), /a defect/);
  });

  it('reads an order by its row, and by its workflow while there is no row', async () => {
    assert.equal((await read(() => ROW, never)).body.state, 'closed');
    const fresh = await read(
      () => undefined,
      () => ({ ...ROW, state: 'received' }),
    );
    assert.equal(fresh.status, 200);
    assert.equal(fresh.body.state, 'received');
    assert.equal((await read(() => undefined, thrower(notFound()))).status, 404);
  });

  it('decides the cancellation of an order that has ended as its workflow did', async () => {
    const gone = thrower(notFound());
    const cancellation = { reason: 'changed-my-mind', requestedBy: 'customer' };
    const cases = [
      [undefined, 404, /there is no order web:1/],
      [ROW, 409, /order-closed/],
      [{ ...ROW, state: 'refunded', cancellation }, 200, /"accepted":true,"state":"refunded"/],
      [
        { ...ROW, shipments: { parcel: 'dispatched' }, state: 'shipped' },
        409,
        /already-dispatched/,
      ],
      // Terminated by somebody: nobody is there to cancel it.
      [{ ...ROW, state: 'fulfilling' }, 409, /workflow-closed/],
    ] as const;
    for (const [row, code, says] of cases) {
      const answer = await cancel(gone, () => row as OrderRow | undefined);
      assert.equal(answer.status, code);
      assert.match(JSON.stringify(answer.body), says);
    }
  });

  it('tells whether Temporal answers', async () => {
    const well = await ask('GET', '/healthz', { checkTemporal: async () => undefined });
    assert.deepEqual([well.status, well.body], [200, { status: 'ok' }]);
    const ill = await ask('GET', '/healthz', { checkTemporal: async () => thrower(refused(14))() });
    assert.equal(ill.status, 503);
    assert.equal(ill.headers['retry-after'], '5');
  });
});
