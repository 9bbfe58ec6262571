import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Agent, get, type IncomingMessage } from 'node:http';
import { connect, type Socket } from 'node:net';
import { mock } from 'node:test';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient, PutCommand } from '@aws-sdk/lib-dynamodb';
import { WorkflowNotFoundError, type Client } from '@temporalio/client';
import Fastify, { type FastifyInstance } from 'fastify';
import { deploy } from '../../dev/deploy.ts';
import { synthesise } from '../../infra/app.ts';
import type { Caller } from '../../src/api/caller.ts';
import { EventStream } from '../../src/api/eventStream.ts';
import type { OrderStore } from '../../src/api/orderStore.ts';
import { OrderWatch, type ReadRows } from '../../src/api/watch.ts';
import { createWatchedRows } from '../../src/api/watchedRows.ts';
import type { OrderRow } from '../../src/contracts/orders.ts';
import type { TimelineEntry, TimelineKind } from '../../src/contracts/timeline.ts';
import type { OrderState } from '../../src/domain/order.ts';
import { createProbe } from '../support/probe.ts';
import { awsAccount, eventually } from '../support/servers.ts';

/** Says nothing. */
const LOGGER = Fastify().log;
/** It knows no order that the table does not know. */
const TEMPORAL = {
  connection: { withDeadline: async (_: number, call: () => unknown) => await call() },
  workflow: {
    getHandle: () => ({
      query: async () => {
        throw new WorkflowNotFoundError('not found', 'order', undefined);
      },
    }),
  },
};
const KINDS: readonly TimelineKind[] = ['state', 'event', 'command', 'step'];

function entry(n: number, more: Partial<TimelineEntry> = {}): TimelineEntry {
  const kind = KINDS[(n - 1) % KINDS.length] ?? 'state';
  const at = new Date(1_700_000_000_000 + n).toISOString();
  return {
    n,
    at,
    kind,
    name: `name-${n}`,
    outcome: null,
    reason: 'because',
    by: 'staff:ana',
    took: null,
    ...more,
  };
}

function entries(from: number, to: number): readonly TimelineEntry[] {
  return Array.from({ length: to - from + 1 }, (_, index) => entry(from + index));
}

/** Rows that change under the listeners, in the place of the table. */
function fakeTable() {
  const rows = new Map<string, OrderRow>();
  const reads: (readonly string[])[] = [];
  const readRows: ReadRows = async (orderKeys) => {
    reads.push(orderKeys);
    return orderKeys.flatMap((orderKey) => rows.get(orderKey) ?? []);
  };
  return {
    reads,
    readRows,
    readOrder: async (orderKey: string) => rows.get(orderKey),
    put(id: string, timeline: readonly TimelineEntry[], state: OrderState = 'fulfilling') {
      rows.set(`order:${id}`, row(id, timeline, state));
    },
  };
}

function row(id: string, timeline: readonly TimelineEntry[], state: OrderState): OrderRow {
  const lines = [{ sku: 'record', quantity: 1, amount: 2_999, sellerId: 's-1' }];
  const known = { workflowId: `order:${id}`, customerId: 'c-1', lines, state, timeline };
  return known as unknown as OrderRow;
}

/** `staff:ana`, `customer:c-1`, `seller:s-1`: its authorisation is its name. */
async function authenticate(name = ''): Promise<Caller> {
  const [role, id = ''] = name.split(':');
  const known = { name, scopes: new Set(['orders:read'] as const) };
  if (role === 'customer') return { ...known, role, customerId: id };
  if (role === 'seller') return { ...known, role, sellerId: id };
  return { ...known, role: 'staff' };
}

interface Message {
  readonly id: string | undefined;
  readonly event: string | undefined;
  readonly data: unknown;
}

describe('the live timeline', () => {
  const apps: FastifyInstance[] = [];
  const agent = new Agent({ keepAlive: true, maxSockets: Infinity });

  async function serve(
    table: Pick<ReturnType<typeof fakeTable>, 'readOrder' | 'readRows'>,
  ): Promise<number> {
    const app = await createProbe({
      authenticate,
      protection: { origins: [], requestsPerMinute: 10_000 },
      temporal: TEMPORAL as unknown as Client,
      orders: { read: table.readOrder } as OrderStore,
      readRows: table.readRows,
    });
    apps.push(app);
    return Number(new URL(await app.listen({ host: '127.0.0.1', port: 0 })).port);
  }

  async function request(
    port: number,
    id: string,
    { caller = 'staff:ana', lastId }: { caller?: string; lastId?: string } = {},
  ): Promise<IncomingMessage> {
    const headers = {
      authorization: caller,
      ...(lastId !== undefined && { 'last-event-id': lastId }),
    };
    const path = `/orders/${id}/events`;
    const sent = get({ host: '127.0.0.1', port, path, headers, agent });
    const [response] = (await once(sent, 'response')) as [IncomingMessage];
    return response;
  }

  async function refused(...given: Parameters<typeof request>) {
    const response = await request(...given);
    const body = JSON.parse((await response.setEncoding('utf8').toArray()).join('')) as object;
    return { status: response.statusCode, headers: response.headers, body };
  }

  /** Listens, and keeps what comes. */
  async function listen(...given: Parameters<typeof request>) {
    const response = await request(...given);
    assert.equal(response.statusCode, 200);
    assert.equal(response.headers['content-type'], 'text/event-stream');
    assert.equal(response.headers['cache-control'], 'no-store');
    let text = '';
    let isOver = false;
    response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    response.on('close', () => (isOver = true)).on('error', () => undefined);
    const messages = () => text.split('\n\n').slice(0, -1).map(parse).filter(isMessage);
    return {
      response,
      messages,
      ids: () => messages().map(({ id }) => Number(id)),
      isOver: () => isOver,
      until: async (count: number) =>
        await eventually(() => (messages().length >= count ? messages() : undefined)),
    };
  }

  afterEach(async () => {
    await Promise.all(apps.splice(0).map((app) => app.close()));
  });
  after(() => agent.destroy());

  it('sends the entries in their order, those that are kept first, then those that come', async () => {
    const table = fakeTable();
    table.put('web:1', entries(1, 4));
    const listener = await listen(await serve(table), 'web:1');
    assert.deepEqual(await listener.until(4), entries(1, 4).map(messageOf));
    table.put('web:1', entries(1, 6));
    assert.deepEqual(await listener.until(6), entries(1, 6).map(messageOf));
    assert.equal(listener.isOver(), false);
  });

  it('goes on behind the last entry that was seen, and says which are gone for ever', async () => {
    const table = fakeTable();
    table.put('web:1', entries(51, 150));
    const port = await serve(table);
    const behind = await listen(port, 'web:1', { lastId: '148' });
    assert.deepEqual(await behind.until(2), entries(149, 150).map(messageOf));
    const longGone = await listen(port, 'web:1', { lastId: '7' });
    const [gap, first] = await longGone.until(101);
    assert.deepEqual(gap, { id: '50', event: 'gap', data: { from: 8, to: 50 } });
    assert.deepEqual(first, messageOf(entry(51)));
    // While it listens, too.
    table.put('web:1', entries(201, 300));
    const [, , meanwhile] = await behind.until(3);
    assert.deepEqual(meanwhile, { id: '200', event: 'gap', data: { from: 151, to: 200 } });
  });

  it('ends with the order, and tells whoever comes again that there is no more', async () => {
    const table = fakeTable();
    table.put('web:1', entries(1, 4));
    const port = await serve(table);
    const listener = await listen(port, 'web:1');
    table.put('web:1', entries(1, 5), 'closed');
    const messages = await listener.until(6);
    assert.deepEqual(messages.at(-1), { id: '5', event: 'end', data: { state: 'closed' } });
    await eventually(() => listener.isOver());
    const again = await request(port, 'web:1', { lastId: '5' });
    assert.equal(again.statusCode, 204);
    again.resume();
    const before = await listen(port, 'web:1', { lastId: '4' });
    assert.deepEqual(
      (await before.until(2)).map(({ event }) => event),
      ['state', 'end'],
    );
    await eventually(() => before.isOver());
  });

  it('shows a seller the states and events of its orders, and nobody the orders of others', async () => {
    const table = fakeTable();
    table.put('web:1', entries(1, 8), 'closed');
    const port = await serve(table);
    const seller = await listen(port, 'web:1', { caller: 'seller:s-1' });
    const seen = await seller.until(5);
    assert.deepEqual(
      seen.map(({ event }) => event),
      ['state', 'event', 'state', 'event', 'end'],
    );
    assert.doesNotMatch(JSON.stringify(seen), /because|ana/);
    const again = await request(port, 'web:1', { caller: 'seller:s-1', lastId: '8' });
    assert.equal(again.statusCode, 204);
    again.resume();
    const customer = await listen(port, 'web:1', { caller: 'customer:c-1' });
    assert.equal((await customer.until(9)).length, 9);
    for (const caller of ['seller:s-2', 'customer:c-2']) {
      const foreign = await refused(port, 'web:1', { caller });
      const missing = await refused(port, 'web:2', { caller });
      assert.deepEqual([foreign.status, missing.status], [404, 404]);
      assert.equal(
        JSON.stringify(foreign.body),
        JSON.stringify(missing.body).replace('web:2', 'web:1'),
      );
    }
  });

  it('refuses a last ID that is none', async () => {
    const table = fakeTable();
    table.put('web:1', entries(1, 4));
    const { status, body } = await refused(await serve(table), 'web:1', { lastId: 'four' });
    assert.equal(status, 400);
    assert.match(JSON.stringify(body), /last-event-id.*whole number.*four/);
  });

  it('reads an order once for all its listeners', async () => {
    const table = fakeTable();
    table.put('web:1', entries(1, 1));
    const port = await serve(table);
    const [one, other] = [await listen(port, 'web:1'), await listen(port, 'web:1')];
    table.put('web:1', entries(1, 2));
    await Promise.all([one.until(2), other.until(2)]);
    assert.deepEqual(new Set(table.reads.map(String)), new Set(['order:web:1']));
    assert.ok(table.reads.length <= 3, `${table.reads.length} reads`);
  });

  it('tells 1,000 listeners of 200 orders, with two reads at a time', async () => {
    const table = fakeTable();
    const ids = Array.from({ length: 200 }, (_, index) => `web:${index}`);
    for (const id of ids) table.put(id, entries(1, 1));
    const port = await serve(table);
    const listeners = await Promise.all(
      Array.from({ length: 1_000 }, (_, index) => listen(port, ids[index % 200] ?? '')),
    );
    for (const id of ids) table.put(id, entries(1, 2));
    await eventually(() => listeners.every(({ ids: seen }) => seen().length === 2), {
      within: 20_000,
    });
    assert.ok(listeners.every((listener) => listener.ids().join() === '1,2'));
    assert.ok(table.reads.every((orderKeys) => orderKeys.length <= 100));
    const [app] = apps;
    await app?.close();
    await eventually(() => listeners.every((listener) => listener.isOver()));
  });

  it('bounds the streams of a customer', async () => {
    const table = fakeTable();
    table.put('web:1', entries(1, 1));
    const port = await serve(table);
    const own = await Promise.all(
      Array.from({ length: 20 }, () => listen(port, 'web:1', { caller: 'customer:c-1' })),
    );
    const { status, headers, body } = await refused(port, 'web:1', { caller: 'customer:c-1' });
    assert.equal(status, 429);
    assert.equal(headers['retry-after'], '30');
    assert.match(JSON.stringify(body), /urn:waybill:problem:too-many-requests/);
    own[0]?.response.destroy();
    await eventually(async () => {
      const response = await request(port, 'web:1', { caller: 'customer:c-1' });
      response.destroy();
      return response.statusCode === 200;
    });
  });

  it('cuts who does not read, and ends every stream when the API closes', async () => {
    const table = fakeTable();
    const port = await serve(table);
    let last = 0;
    // Each reading brings a hundred entries, all of them long.
    const long = 'x'.repeat(20_000);
    const change = () => {
      const timeline = entries(last + 1, last + 100).map((each) => ({ ...each, reason: long }));
      last += 100;
      table.put('web:1', timeline);
    };
    change();
    table.put('web:2', entries(1, 1));
    const socket = connect(port, '127.0.0.1');
    socket.write(
      'GET /orders/web:1/events HTTP/1.1\r\nhost: x\r\nauthorization: staff:ana\r\n\r\n',
    );
    socket.pause();
    const reader = await listen(port, 'web:2');
    await eventually(
      () => {
        change();
        return isCut(socket, table.reads.at(-1) ?? []);
      },
      { within: 20_000, every: 200 },
    );
    table.put('web:2', entries(1, 2));
    assert.equal((await reader.until(2)).length, 2);
    await apps[0]?.close();
    await eventually(() => reader.isOver());
    socket.destroy();
  });

  it('follows the rows of the table', async () => {
    const account = awsAccount();
    const outputs = await deploy(account, synthesise());
    const client = DynamoDBDocumentClient.from(new DynamoDBClient(account));
    const put = async (timeline: readonly TimelineEntry[], state: OrderState) => {
      const Item = { orderKey: 'order:web:1', ...row('web:1', timeline, state) };
      await client.send(new PutCommand({ TableName: outputs.OrdersTable, Item }));
    };
    const known = row('web:1', [], 'received');
    const port = await serve({
      readOrder: async () => known,
      readRows: createWatchedRows({ table: client, ordersTable: outputs.OrdersTable }),
    });
    const listener = await listen(port, 'web:1');
    await put(entries(1, 2), 'paid');
    assert.deepEqual(await listener.until(2), entries(1, 2).map(messageOf));
    await put(entries(1, 3), 'cancelled');
    assert.deepEqual((await listener.until(4)).at(-1)?.data, { state: 'cancelled' });
    client.destroy();
  });
});

describe('a stream of events', () => {
  it('is cut when it has ended and nobody reads the rest', async () => {
    const app = Fastify();
    let stream: EventStream | undefined;
    app.get('/', async (_request, reply) => {
      stream = new EventStream(reply.raw);
      return await reply.type('text/event-stream').send(stream);
    });
    const { port } = new URL(await app.listen({ host: '127.0.0.1', port: 0 }));
    const socket = connect(Number(port), '127.0.0.1').pause();
    socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
    // Until neither side's buffers take any more.
    let before = 0;
    const waiting = () => stream?.readableLength ?? 0;
    await eventually(() => {
      if (waiting() > 100_000 && waiting() === before) return true;
      while (stream && waiting() < 150_000) {
        stream.send({ id: 1, event: 'state', data: 'x'.repeat(10_000) });
      }
      before = waiting();
      return false;
    });
    stream?.finish();
    assert.equal(stream?.destroyed, false);
    await eventually(() => stream?.destroyed);
    await app.close();
    socket.destroy();
  });
});

describe('the watch over orders', () => {
  const ROW = { workflowId: 'order:web:1', state: 'paid' } as const;

  beforeEach(() => mock.timers.enable({ apis: ['setTimeout'] }));
  afterEach(() => mock.timers.reset());

  /** Lets so many seconds pass, one after the other. */
  async function pass(seconds: number): Promise<void> {
    for (let second = 0; second < seconds; second += 1) {
      mock.timers.tick(1_000);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  it('reads once a second, while somebody listens', async () => {
    let reads = 0;
    let told = 0;
    const watch = new OrderWatch(async () => {
      reads += 1;
      return [ROW];
    }, LOGGER);
    await pass(10);
    assert.equal(reads, 0);
    const stops = [1, 2].map(() => watch.listen(ROW.workflowId, () => (told += 1)));
    await pass(10);
    assert.deepEqual([reads, told], [10, 20]);
    stops.forEach((stop) => stop());
    await pass(10);
    assert.equal(reads, 10);
    watch.listen(ROW.workflowId, () => (told += 1));
    await pass(2);
    assert.deepEqual([reads, told], [12, 22]);
  });

  it('asks a table that does not answer less and less often, and goes on when it does', async () => {
    let reads = 0;
    let told = 0;
    let isGone = true;
    const watch = new OrderWatch(async () => {
      reads += 1;
      if (isGone) throw new Error('the table is gone');
      return [ROW];
    }, LOGGER);
    watch.listen(ROW.workflowId, () => (told += 1));
    // At 1, 3, 7, 15 and 31 s, then every 30 s.
    await pass(121);
    assert.deepEqual([reads, told], [8, 0]);
    isGone = false;
    await pass(40);
    assert.deepEqual([reads, told], [19, 11]);
  });
});

/** A connection whose order nobody reads any more. */
function isCut(socket: Socket, lastRead: readonly string[]): boolean {
  return socket.readable && !lastRead.includes('order:web:1') && lastRead.includes('order:web:2');
}

function messageOf(one: TimelineEntry): Message {
  return { id: String(one.n), event: one.kind, data: one };
}

function parse(block: string): Message {
  const fields = new Map(
    block.split('\n').map((line) => [line.slice(0, line.indexOf(':')), line.replace(/^\w+: /, '')]),
  );
  const data = fields.get('data');
  return {
    id: fields.get('id'),
    event: fields.get('event'),
    data: data === undefined ? undefined : JSON.parse(data),
  };
}

function isMessage({ event }: Message): boolean {
  return event !== undefined;
}
