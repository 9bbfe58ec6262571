import assert from 'node:assert/strict';
import {
  ServiceError,
  WorkflowNotFoundError,
  WorkflowUpdateRPCTimeoutOrCancelledError,
  type Client,
} from '@temporalio/client';
import type { ApiDependencies } from '../../src/api/app.ts';
import { waitOf } from '../../src/api/preference.ts';
import type { OrderRow } from '../../src/contracts/orders.ts';
import type { TimelineEntry } from '../../src/contracts/timeline.ts';
import { returnRow } from '../console/rows.ts';
import { orderRow } from '../support/orderRow.ts';
import { asking, codeOf, createOrdersApi, type Question } from '../support/ordersApi.ts';
import { reportedShipment } from '../../src/domain/shipment.ts';

const ORDER = {
  currency: 'USD',
  lines: [{ sku: 'record', quantity: 1, amount: 2_999, sellerId: 's-1' }],
  paymentMethod: 'pm_card_visa',
};
const CANCELLATION = { reason: 'changed-my-mind', requestedBy: 'customer:c-1' };
const LINES = ['s-1', 's-2', 's-1'].map((sellerId, index) => ({
  sku: `mug-${index}`,
  quantity: 1,
  amount: 10,
  sellerId,
}));
const ROW = orderRow({ orderId: '1', state: 'closed', lines: LINES });

/** gRPC's UNAVAILABLE, DEADLINE_EXCEEDED and RESOURCE_EXHAUSTED. */
const UNANSWERED = [14, 4, 8];

/** What Temporal's client throws for a gRPC status. */
function refused(code: number): ServiceError {
  const cause = Object.assign(new Error('grpc'), { code, details: 'grpc', metadata: {} });
  return new ServiceError('Failed', { cause });
}

function thrower(error: unknown): () => never {
  return () => {
    throw error;
  };
}

const notFound = thrower(new WorkflowNotFoundError('not found', 'order:web:1', undefined));
const never = () => assert.fail('it was asked for nothing');

/** A workflow that answers every query and every update so. */
function temporal(answer: (...asked: never[]) => unknown): Client {
  const ask = async (...asked: never[]) => answer(...asked);
  return {
    connection: { withDeadline: async (_: number, call: () => unknown) => await call() },
    workflow: { getHandle: () => ({ query: ask, executeUpdate: ask, describe: ask }) },
  } as unknown as Client;
}

/** Rows that are answered so. */
function rows(row: () => OrderRow | undefined): Partial<ApiDependencies> {
  return { orders: { read: async () => row() } as unknown as ApiDependencies['orders'] };
}

/** Asks an API of these parts; whatever else it asks fails the test. */
async function ask(
  who: string,
  method: 'GET' | 'POST',
  url: string,
  parts: Partial<ApiDependencies>,
  question: Question = {},
) {
  const lines: string[] = [];
  const app = await createOrdersApi(parts, (line) => lines.push(line));
  const answer = await asking(app)(who, method, url, { key: 'key-1', ...question });
  await app.close();
  return { ...answer, lines };
}

const place = async (placed: () => never) =>
  await ask(
    'customer:c-1',
    'POST',
    '/orders',
    { ...rows(() => undefined), startOnce: async () => placed(), temporal: temporal(never) },
    { body: ORDER },
  );
const read = async (who: string, row: () => OrderRow | undefined, answer: () => unknown = never) =>
  await ask(who, 'GET', '/orders/web:1', { ...rows(row), temporal: temporal(answer) });
const command = async (
  who: string,
  [operation, body]: readonly [string, object],
  row: () => OrderRow | undefined,
  answer: (...asked: never[]) => unknown,
) =>
  await ask(
    who,
    'POST',
    `/orders/web:1/${operation}`,
    { ...rows(row), temporal: temporal(answer) },
    { body },
  );

const CANCEL = ['cancel', { reason: 'changed-my-mind' }] as const;
const PAY = ['payment-method', { paymentMethod: 'pm_card_visa' }] as const;
const REVIEW = ['review', { decision: 'approve', reason: 'known' }] as const;

describe('the orders API', () => {
  it('asks to try again, and logs why, where nobody answers', async () => {
    const timeout = new WorkflowUpdateRPCTimeoutOrCancelledError('deadline');
    const gone = thrower(new Error('DynamoDB is gone'));
    const answers = await Promise.all([
      ...UNANSWERED.flatMap((code) => [
        place(thrower(refused(code))),
        read('staff:ana', () => undefined, thrower(refused(code))),
        command('staff:ana', CANCEL, () => ROW, thrower(refused(code))),
      ]),
      command('staff:ana', CANCEL, () => ROW, thrower(timeout)),
      read('staff:ana', gone),
      command('staff:ana', CANCEL, gone, never),
    ]);
    for (const { status, headers, body, lines } of answers) {
      assert.equal(status, 503);
      assert.equal(headers['retry-after'], '5');
      assert.match(String(headers['content-type']), /^application\/problem\+json/);
      assert.equal(codeOf(body), 'not-answered');
      assert.match(body.detail, /ask again/);
      assert.match(lines.join(''), /caused by: .*(grpc|deadline|DynamoDB is gone)/);
      assert.doesNotMatch(JSON.stringify(body), /grpc|DynamoDB/);
    }
  });

  it('says nothing of a defect but that there is one, and logs it', async () => {
    const { status, body, lines } = await place(thrower(new TypeError('a defect')));
    assert.equal(status, 500);
    assert.doesNotMatch(JSON.stringify(body), /a defect/);
    assert.match(lines.join(''), /a defect/);
  });

  it('reads an order by its row, and by its workflow while there is no row', async () => {
    assert.equal((await read('staff:ana', () => ROW)).body.state, 'closed');
    const fresh = await read(
      'customer:c-1',
      () => undefined,
      () => ({ ...ROW, state: 'received' }),
    );
    assert.deepEqual([fresh.status, fresh.body.state], [200, 'received']);
    assert.equal((await read('staff:ana', () => undefined, notFound)).status, 404);
  });

  it('answers for the order of somebody else as for one that is not there, and asks its workflow nothing', async () => {
    const foreign = [
      ['customer:c-2', () => ROW],
      ['seller:s-3', () => ROW],
    ] as const;
    const absent = await read('customer:c-2', () => undefined, notFound);
    for (const [who, row] of foreign) {
      const answers = [await read(who, row)];
      for (const operation of [CANCEL, PAY, REVIEW]) {
        answers.push(await command(who, operation, row, never));
      }
      for (const { status, body } of answers) {
        assert.deepEqual([status, body], [404, absent.body], who);
      }
    }
    assert.equal(absent.status, 404);
  });

  it('shows sellers their own lines, and neither customer nor payment nor who decided what', async () => {
    const entry = (n: number, kind: TimelineEntry['kind'], name: string): TimelineEntry => ({
      n,
      at: '2026-03-01T12:00:00.000Z',
      kind,
      name,
      outcome: 'applied',
      reason: 'card_declined',
      by: 'customer:c-1',
      took: null,
    });
    const row = orderRow({
      ...ROW,
      reason: 'card_declined',
      cancellation: CANCELLATION,
      cancelledLines: [{ line: 3, step: 1, settled: true, ...CANCELLATION }],
      review: { decision: 'approve', reason: 'known', requestedBy: 'staff:ana' },
      timeline: [
        entry(1, 'state', 'received'),
        entry(2, 'command', 'cancel'),
        entry(3, 'step', 'authorise-payment'),
        entry(4, 'event', 'ShipmentDispatched'),
      ],
    });
    const { body } = await read('seller:s-1', () => row);
    assert.deepEqual(
      body.lines.map(({ line, cancelled }: { line: number; cancelled: boolean }) => [
        line,
        cancelled,
      ]),
      [
        [1, false],
        [3, true],
      ],
    );
    assert.deepEqual(
      body.timeline.map(({ n }: { n: number }) => n),
      [1, 4],
    );
    assert.doesNotMatch(JSON.stringify(body), /c-1|staff|declined|1999|mug-1|payment|s-2/);
    const { body: whole } = await read('customer:c-1', () => row);
    assert.equal(whole.lines.length, 3);
    assert.equal(whole.timeline.length, 4);
    assert.deepEqual(
      [whole.customerId, whole.reason, whole.total.amount, whole.cancellation.requestedBy],
      ['c-1', 'card_declined', 1_999, 'customer:c-1'],
    );
    // The provider's tokens are nobody's.
    assert.doesNotMatch(JSON.stringify(whole), /pm_card|run-1/);
  });

  it('decides about an order whose workflow has ended as that would have', async () => {
    const gone = notFound;
    const dispatched = {
      ...ROW,
      shipments: [reportedShipment('parcel', 'dispatched')],
      state: 'shipped',
      timeline: [
        {
          n: 7,
          at: '2026-03-01T12:00:00.000Z',
          kind: 'event',
          name: 'ShipmentDispatched',
          outcome: 'applied',
          reason: null,
          by: 'waybill.fulfilment:e-1',
          took: null,
        },
      ],
    } as const satisfies OrderRow;
    const refunded = { ...ROW, state: 'refunded', cancellation: CANCELLATION } as const;
    for (const [operation, row, status, says] of [
      [CANCEL, ROW, 409, /order-closed/],
      [CANCEL, refunded, 200, /"accepted":true,"state":"refunded"/],
      [CANCEL, dispatched, 409, /already-dispatched.*"wonBy":.*waybill.fulfilment:e-1/],
      [['cancel', { reason: 'r', lines: [9] }], ROW, 409, /unknown-line/],
      [['cancel', { reason: 'r', lines: [1] }], ROW, 409, /order-closed/],
      // Terminated by somebody: nobody is there to cancel it.
      [CANCEL, { ...ROW, state: 'fulfilling' }, 409, /workflow-closed/],
      [PAY, refunded, 409, /order-cancelled/],
      [PAY, ROW, 409, /order-closed/],
      [REVIEW, ROW, 409, /order-closed/],
    ] as const) {
      const answer = await command('staff:ana', operation, () => row as OrderRow, gone);
      assert.equal(answer.status, status, operation[0]);
      assert.match(JSON.stringify(answer.body), says);
    }
  });

  it('goes by how the order or return ended, not by how it was right before', async () => {
    const applied = (name: string, by: string): TimelineEntry => ({
      n: 5,
      at: '2026-03-01T12:00:00.000Z',
      kind: 'command',
      name,
      outcome: 'applied',
      reason: null,
      by,
      took: null,
    });
    const before = { ...ROW, state: 'awaiting-payment' } as const;
    const after = {
      ...ROW,
      state: 'cancelled',
      cancellation: CANCELLATION,
      timeline: [applied('cancel', 'customer:c-1')],
    } as const;
    for (const [operation, status, says] of [
      [CANCEL, 200, /"accepted":true,"state":"cancelled"/],
      [PAY, 409, /order-cancelled.*"wonBy":.*customer:c-1/],
      [REVIEW, 409, /order-cancelled.*"wonBy":.*customer:c-1/],
    ] as const) {
      let ended = false;
      const end = () => {
        ended = true;
        return notFound();
      };
      const answer = await command('staff:ana', operation, () => (ended ? after : before), end);
      assert.equal(answer.status, status, operation[0]);
      assert.match(JSON.stringify(answer.body), says);
    }

    const found = [
      returnRow({ state: 'inspecting', waitingFor: 'inspection' }),
      returnRow({ timeline: [applied('decide-inspection', 'staff:bob')] }),
    ];
    const orders = {
      readReturn: async () => found.shift(),
    } as unknown as ApiDependencies['orders'];
    const late = await ask(
      'staff:ana',
      'POST',
      '/returns/r-1/inspection',
      { orders, temporal: temporal(notFound) },
      { body: { accepted: [], reason: 'r' } },
    );
    assert.equal(late.status, 409);
    assert.match(JSON.stringify(late.body), /already-inspected.*"wonBy":.*staff:bob/);
  });

  it('lets each role do what is its own to do', async () => {
    const asked: { args: [{ lines?: number[]; requestedBy: string }] }[] = [];
    const accept = (...[, options]: never[]) => {
      asked.push(options as unknown as (typeof asked)[number]);
      return { accepted: true, state: 'fulfilling' };
    };
    for (const [who, operation, status] of [
      ['seller:s-1', PAY, 403],
      ['seller:s-1', REVIEW, 403],
      ['customer:c-1', REVIEW, 403],
      ['customer:c-1', PAY, 200],
      ['staff:ana', REVIEW, 200],
      ['seller:s-1', CANCEL, 200],
      ['seller:s-1', ['cancel', { reason: 'r', lines: [3] }], 200],
      // The line of another, and one that is not there: the same to a seller.
      ['seller:s-1', ['cancel', { reason: 'r', lines: [1, 2] }], 409],
      ['seller:s-1', ['cancel', { reason: 'r', lines: [9] }], 409],
      ['customer:c-1', CANCEL, 200],
    ] as const) {
      const answer = await command(who, operation, () => ROW, accept);
      assert.equal(answer.status, status, `${who} ${operation[0]}`);
      if (status === 409) assert.match(answer.body.detail, /unknown-line$/);
    }
    assert.deepEqual(
      asked.map(({ args: [{ requestedBy, lines }] }) => [requestedBy, lines]),
      [
        ['customer:c-1', undefined],
        ['staff:ana', undefined],
        ['seller:s-1', [1, 3]],
        ['seller:s-1', [3]],
        ['customer:c-1', undefined],
      ],
    );
  });

  it('tells sellers that they were late, but not who was first', async () => {
    const wonBy = { what: 'cancel', by: 'customer:c-1', at: '2026-03-01T12:00:00.000Z' };
    const refuse = () => ({
      accepted: false,
      state: 'cancelled',
      reason: 'order-cancelled',
      wonBy,
    });
    const seller = await command('seller:s-1', CANCEL, () => ROW, refuse);
    assert.deepEqual([seller.status, seller.body.wonBy], [409, { ...wonBy, by: null }]);
    const customer = await command('customer:c-1', CANCEL, () => ROW, refuse);
    assert.deepEqual(customer.body.wonBy, wonBy);
  });

  it('is ready while Temporal answers, and alive whatever Temporal does', async () => {
    const well = await ask('staff:ana', 'GET', '/readyz', {
      checkTemporal: async () => undefined,
    });
    assert.deepEqual([well.status, well.body], [200, { status: 'ready' }]);
    const checkTemporal = async () => thrower(refused(14))();
    const alive = await ask('staff:ana', 'GET', '/healthz', { checkTemporal });
    assert.deepEqual([alive.status, alive.body], [200, { status: 'alive' }]);
    const ill = await ask('staff:ana', 'GET', '/readyz', { checkTemporal });
    assert.equal(ill.status, 503);
    assert.equal(ill.body.detail, 'Temporal does not answer');
    assert.equal(ill.headers['retry-after'], '5');
  });

  it('reads how long somebody would like to wait', () => {
    for (const [prefer, seconds] of [
      ['wait=10', 10],
      ['respond-async, wait=10', 10],
      ['WAIT = "7" ; strict', 7],
      ['wait=26', 25],
      ['wait=999999999', 25],
      ['wait=5, wait=9', 5],
      ['wait=0', null],
      ['wait=-1', null],
      ['wait=1.5', null],
      ['wait=9999999999', null],
      ['wait', null],
      ['awaits=5', null],
      ['', null],
      [undefined, null],
    ] as const) {
      assert.equal(waitOf(prefer), seconds, prefer);
    }
  });
});
