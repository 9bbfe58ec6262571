import assert from 'node:assert/strict';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { SNSClient } from '@aws-sdk/client-sns';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import type { FastifyInstance } from 'fastify';
import { deploy } from '../../dev/deploy.ts';
import { synthesise } from '../../infra/app.ts';
import { createOrderActivities } from '../../src/activities/orders.ts';
import { createOrderStore } from '../../src/api/orderStore.ts';
import type { OrderRow } from '../../src/contracts/orders.ts';
import { orderRow } from '../support/orderRow.ts';
import { asking, codeOf, createOrdersApi, type Ask } from '../support/ordersApi.ts';
import { awsAccount } from '../support/servers.ts';

const DAY = 86_400_000;
const MIDNIGHT = Date.parse('2026-03-10T00:00:00.000Z');

interface Placed {
  readonly n: number;
  readonly customerId: string;
  readonly sellerIds: readonly string[];
  readonly state: OrderRow['state'];
  readonly placedAt: string;
}

/** Orders of 60 days, two a day, one of them right at midnight, and three at the same moment. */
const PLACED: readonly Placed[] = Array.from({ length: 123 }, (_, n) => ({
  n,
  customerId: `c-${n % 3}`,
  sellerIds: n % 5 === 0 ? ['s-0', 's-1'] : [`s-${n % 4}`],
  state: n % 2 === 0 ? 'fulfilling' : 'closed',
  placedAt: new Date(
    MIDNIGHT - Math.floor(Math.min(n, 120) / 2) * DAY + (n % 2 === 0 || n > 120 ? 0 : 1_000),
  ).toISOString(),
}));

const newestFirst = PLACED.toSorted(
  (one, other) => other.placedAt.localeCompare(one.placedAt) || other.n - one.n,
);

describe('the list of orders', () => {
  let app: FastifyInstance;
  let ask: Ask;
  let close: () => void;
  let reads = 0;

  before(async () => {
    const account = awsAccount();
    const { OrdersTable, SellersTable, ReturnsTable } = await deploy(account, synthesise());
    const table = DynamoDBDocumentClient.from(new DynamoDBClient(account));
    const sns = new SNSClient(account);
    const tables = { table, ordersTable: OrdersTable, sellersTable: SellersTable };
    const activities = createOrderActivities({
      ...tables,
      sns,
      topicArn: 'none',
      screenOrder: () => Promise.reject(new Error('nobody asks')),
    });
    for (const { n, customerId, sellerIds, state, placedAt } of PLACED) {
      await activities.claimOrder(
        orderRow({
          orderId: `o-${String(n).padStart(3, '0')}`,
          customerId,
          state,
          placedAt,
          lines: sellerIds.map((sellerId) => ({ sku: 'mug', quantity: 1, amount: 10, sellerId })),
        }),
      );
    }
    table.middlewareStack.add(
      (next) => (args) => {
        reads += 1;
        return next(args);
      },
      { step: 'initialize' },
    );
    app = await createOrdersApi({
      orders: createOrderStore({ ...tables, returnsTable: ReturnsTable }),
    });
    ask = asking(app);
    close = () => {
      table.destroy();
      sns.destroy();
    };
  });

  after(async () => {
    await app.close();
    close();
  });

  /** Follows the cursors to the end. */
  async function all(who: string, query: Record<string, string | number>) {
    const found: string[] = [];
    let pages = 0;
    let cursor: string | null = null;
    do {
      const parameters = new URLSearchParams({
        ...Object.fromEntries(Object.entries(query).map(([name, value]) => [name, String(value)])),
        ...(cursor !== null && { cursor }),
      });
      const { status, body } = await ask(who, 'GET', `/orders?${parameters.toString()}`);
      assert.equal(status, 200, JSON.stringify(body));
      assert.ok(body.orders.length <= Number(query['limit'] ?? 20));
      found.push(...body.orders.map(({ orderId }: { orderId: string }) => orderId));
      cursor = body.cursor;
      pages += 1;
    } while (cursor !== null);
    return { found, pages };
  }

  const expected = (is: (order: Placed) => boolean) =>
    newestFirst.filter(is).map(({ n }) => `o-${String(n).padStart(3, '0')}`);

  const range = { from: '2025-12-01', to: '2026-03-31' };

  for (const [what, query, is] of [
    ['of a customer', { customer: 'c-1' }, ({ customerId }) => customerId === 'c-1'],
    ['of a seller', { seller: 's-1' }, ({ sellerIds }) => sellerIds.includes('s-1')],
    ['in a state', { status: 'closed' }, ({ state }) => state === 'closed'],
    ['of a time', range, () => true],
    [
      'of a customer in a state',
      { customer: 'c-1', status: 'closed' },
      ({ customerId, state }) => customerId === 'c-1' && state === 'closed',
    ],
    [
      'of a customer and a seller',
      { customer: 'c-2', seller: 's-0' },
      ({ customerId, sellerIds }) => customerId === 'c-2' && sellerIds.includes('s-0'),
    ],
    [
      'of a seller in a state',
      { seller: 's-0', status: 'fulfilling' },
      ({ sellerIds, state }) => sellerIds.includes('s-0') && state === 'fulfilling',
    ],
    [
      'of a seller and a time, both its ends included',
      { seller: 's-0', from: '2026-02-10', to: '2026-03-10T00:00:00Z' },
      ({ sellerIds, placedAt }) =>
        sellerIds.includes('s-0') &&
        placedAt >= '2026-02-10' &&
        placedAt <= '2026-03-10T00:00:00.000Z',
    ],
    [
      'of a day, however its time zone is written',
      { from: '2026-03-05T01:00:00+01:00', to: '2026-03-05' },
      ({ placedAt }) => placedAt.startsWith('2026-03-05'),
    ],
  ] as const satisfies readonly (readonly [
    string,
    Record<string, string>,
    (order: Placed) => boolean,
  ])[]) {
    it(`has all orders ${what}, each once, newest first, however large its pages are`, async () => {
      for (const limit of [1, 7, 100]) {
        const { found } = await all('staff:ana', { ...query, limit });
        assert.deepEqual(found, expected(is), `limit ${limit}`);
      }
    });
  }

  it('goes back 31 days by itself where nothing but the time says what is meant', async () => {
    const { found } = await all('staff:ana', { to: '2026-03-10T00:00:00.000Z', limit: 100 });
    assert.deepEqual(
      found,
      expected(
        ({ placedAt }) => placedAt >= '2026-02-07' && placedAt <= '2026-03-10T00:00:00.000Z',
      ),
    );
  });

  it('reads 31 days at once at the most, and says where to go on', async () => {
    reads = 0;
    const query = 'from=2020-01-01&to=2025-12-01';
    const { body } = await ask('staff:ana', 'GET', `/orders?${query}`);
    assert.deepEqual(body.orders, []);
    assert.equal(typeof body.cursor, 'string');
    assert.equal(reads, 31);
    const next = await ask('staff:ana', 'GET', `/orders?${query}&cursor=${body.cursor}`);
    assert.equal(next.status, 200);
    assert.notEqual(next.body.cursor, body.cursor);
  });

  it('reads an index once for a page that no other filter makes thinner', async () => {
    for (const query of ['customer=c-1&limit=5', 'status=closed&limit=5']) {
      reads = 0;
      await ask('staff:ana', 'GET', `/orders?${query}`);
      assert.equal(reads, 1, query);
    }
  });

  it('shows everybody their own, and refuses to look for those of others', async () => {
    const own = await all('customer:c-1', { limit: 100 });
    assert.deepEqual(
      own.found,
      expected(({ customerId }) => customerId === 'c-1'),
    );
    const lines = await all('seller:s-1', { limit: 100 });
    assert.deepEqual(
      lines.found,
      expected(({ sellerIds }) => sellerIds.includes('s-1')),
    );
    for (const [who, query] of [
      ['customer:c-1', 'customer=c-2'],
      ['seller:s-1', 'seller=s-2'],
      ['seller:s-1', 'customer=c-1'],
    ] as const) {
      const { status, body } = await ask(who, 'GET', `/orders?${query}`);
      assert.equal(status, 403, `${who} ${query}`);
      assert.match(body.detail, /^(customer|seller): /);
    }
    const { body } = await ask('seller:s-1', 'GET', '/orders?limit=1');
    const [order] = body.orders;
    assert.deepEqual(
      ['customerId', 'total', 'reason'].filter((field) => field in order),
      [],
    );
    assert.equal(
      (await ask('staff:ana', 'GET', '/orders?seller=s-1')).body.orders[0].customerId,
      'c-1',
    );
  });

  describe('its cursor', () => {
    const cursorOf = async (who: string, query: string): Promise<string> =>
      (await ask(who, 'GET', `/orders?${query}`)).body.cursor;
    const tampered = (cursor: string, change: object) =>
      Buffer.from(
        JSON.stringify({ ...JSON.parse(Buffer.from(cursor, 'base64url').toString()), ...change }),
      ).toString('base64url');

    it('is good for the list that it was made for alone', async () => {
      const cursor = await cursorOf('customer:c-1', 'limit=2');
      for (const [who, query] of [
        ['customer:c-2', 'limit=2'],
        ['customer:c-1', 'limit=2&status=closed'],
        ['customer:c-1', 'limit=2&from=2026-01-01'],
        ['staff:ana', 'limit=2'],
      ] as const) {
        const { status, body } = await ask(who, 'GET', `/orders?${query}&cursor=${cursor}`);
        assert.equal(status, 400, `${who} ${query}`);
        assert.equal(body.errors[0].field, 'cursor');
      }
      // How many there are on a page is no matter of the list.
      assert.equal(
        (await ask('customer:c-1', 'GET', `/orders?limit=3&cursor=${cursor}`)).status,
        200,
      );
      assert.equal(
        (await ask('staff:ana', 'GET', `/orders?customer=c-1&limit=3&cursor=${cursor}`)).status,
        200,
      );
    });

    it('reaches no order of others, whatever is written into it', async () => {
      const cursor = await cursorOf('customer:c-1', 'limit=2');
      const foreign = await cursorOf('customer:c-2', 'limit=2');
      const { orderKey, placedAt } = JSON.parse(Buffer.from(foreign, 'base64url').toString());
      for (const change of [{ orderKey, placedAt }, { from: '1970-01-01T00:00:00.000Z' }]) {
        const { status, body } = await ask(
          'customer:c-1',
          'GET',
          `/orders?limit=100&cursor=${tampered(cursor, change)}`,
        );
        assert.equal(status, 200);
        const customers = new Set(
          body.orders.map((each: { customerId: string }) => each.customerId),
        );
        assert.deepEqual([...customers], ['c-1']);
      }
    });

    it('names the field where it is none', async () => {
      const cursor = await cursorOf('customer:c-1', 'limit=2');
      for (const text of [
        'x',
        '%00',
        'e30',
        'A'.repeat(999),
        cursor.slice(0, -8),
        tampered(cursor, { placedAt: '9999-99-99T00:00:00.000Z' }),
        tampered(cursor, { placedAt: '1969-01-01T00:00:00.000Z' }),
        tampered(cursor, { orderKey: '' }),
        tampered(cursor, { orderKey: 'order:web:'.padEnd(2_000, 'x') }),
        tampered(cursor, { customerId: 'c-2' }),
      ]) {
        const { status, body } = await ask('customer:c-1', 'GET', `/orders?limit=2&cursor=${text}`);
        assert.equal(status, 400, text);
        assert.equal(codeOf(body), 'invalid-request');
        assert.equal(body.errors[0].field, 'cursor', text);
      }
    });
  });

  it('names what is wrong with a filter', async () => {
    for (const [query, field] of [
      ['limit=0', 'limit'],
      ['limit=101', 'limit'],
      ['limit=ten', 'limit'],
      ['status=lost', 'status'],
      ['from=yesterday', 'from'],
      ['to=2026-02-30', 'to'],
      ['customer=a:b', 'customer'],
    ]) {
      const { status, body } = await ask('staff:ana', 'GET', `/orders?${query}`);
      assert.equal(status, 400, query);
      assert.equal(body.errors[0].field, field);
      assert.match(body.errors[0].detail, /expected .*received /);
    }
    const { body: lost } = await ask('staff:ana', 'GET', '/orders?status=lost');
    assert.match(lost.detail, /received "lost"$/);
    for (const query of ['from=2026-03-10&to=2026-03-01', 'to=0000-01-01', 'from=9999-12-31']) {
      const { status, body } = await ask('staff:ana', 'GET', `/orders?${query}`);
      assert.deepEqual([status, body], [200, { orders: [], cursor: null }], query);
    }
  });
});
