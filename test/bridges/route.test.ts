import assert from 'node:assert/strict';
import { z } from 'zod';
import { EventRejectedError } from '../../src/bridges/codes.ts';
import { on, routeTable, type Route } from '../../src/bridges/route.ts';
import { workflowReference } from '../../src/contracts/references.ts';

const placing = workflowReference<(input: { amount: number }) => Promise<void>>('order', 'orders');
const Placed = z.object({
  version: z.literal(1),
  orderId: z.string().min(1).max(8),
  amount: z.int().min(0).max(1_000),
  currency: z.enum(['EUR', 'USD']),
  lines: z
    .array(z.object({ sku: z.string() }))
    .min(1)
    .max(2),
});
const GOOD = {
  version: 1,
  orderId: '1',
  amount: 5,
  currency: 'EUR',
  lines: [{ sku: 'a' }],
} as const;

const start = on('shop', 'Placed', Placed).start(placing, ({ data }) => ({
  workflowId: `order:${data.orderId}`,
  args: [{ amount: data.amount }],
}));

function event(data: unknown, change: object = {}) {
  return { id: 'shop:1', source: 'shop', type: 'Placed', data, trace: {}, ...change };
}

async function rejection(work: () => unknown): Promise<{ code: string; message: string }> {
  try {
    await work();
  } catch (error) {
    assert.ok(error instanceof EventRejectedError, String(error));
    return { code: error.code, message: error.message };
  }
  return assert.fail('it was taken');
}

async function reasonFor(change: object): Promise<string> {
  const { code, message } = await rejection(() => start.plan(event({ ...GOOD, ...change })));
  assert.equal(code, 'malformed');
  return message;
}

describe('a route', () => {
  it('plans a start, an event into an inbox, or nothing', async () => {
    assert.deepEqual((await start.plan(event(GOOD))).plan, {
      operation: 'start',
      workflowType: 'order',
      taskQueue: 'orders',
      workflowId: 'order:1',
      args: [{ amount: 5 }],
    });
    const options = { early: '60s', late: 'park' } as const;
    const inbox = on('shop', 'Placed', Placed).inbox(
      ({ data }) => `order:${data.orderId}`,
      options,
    );
    assert.deepEqual((await inbox.plan(event(GOOD))).plan, {
      operation: 'inbox',
      workflowId: 'order:1',
      earlySeconds: 60,
      late: 'park',
    });
    const ignored = await on('shop', 'Placed', Placed).ignore().plan(event(GOOD));
    assert.deepEqual(ignored.plan, { operation: 'ignore' });
  });

  it('tolerates unknown fields, and does not pass them on', async () => {
    const planned = await start.plan(event({ ...GOOD, added: 'in a later version' }));
    assert.deepEqual(planned.event, { id: 'shop:1', source: 'shop', type: 'Placed', data: GOOD });
  });

  it('names the field, what was expected and what came', async () => {
    for (const [change, reason] of [
      [{ orderId: undefined }, /^orderId: .*expected string, received undefined$/],
      [{ amount: '5' }, /^amount: .*expected number, received string$/],
      [{ amount: -1 }, /^amount: Too small: expected number to be >=0, received -1$/],
      [{ amount: 1_001 }, /^amount: Too big: expected number to be <=1000, received 1001$/],
      [{ amount: 1.5 }, /^amount: .*expected int, received number/],
      [{ lines: [] }, /^lines: .*expected array to have >=1 items, received an array of 0$/],
      [{ lines: [{ sku: 'a' }, { sku: 5 }] }, /^lines\.1\.sku: .*expected string, received number/],
      [{ currency: 'XXX' }, /^currency: .*"EUR"\|"USD", received a string of 3 characters$/],
    ] as const) {
      assert.match(await reasonFor(change), reason);
    }
    assert.match(
      (await rejection(() => start.plan(event(undefined)))).message,
      /^data: .*expected object, received undefined$/,
    );
    assert.match(
      await reasonFor({ amount: -1, currency: 5 }),
      /^amount: .* received -1; currency: .* received 5$/,
    );
  });

  it('shows no text that came: a reason is logged, and a text may be a card number', async () => {
    const secret = '4242 4242 4242 4242';
    const reason = await reasonFor({ orderId: secret, currency: secret, amount: secret });
    assert.match(reason, /^orderId: .*received a string of 19 characters; /);
    assert.ok(!reason.includes('4242'), reason);
  });

  it('keeps a reason short, however much is wrong', async () => {
    const lists = z.object({ lines: z.array(z.string()) });
    const route = on('shop', 'Placed', lists).ignore();
    const { message } = await rejection(() =>
      route.plan(event({ lines: Array.from({ length: 10_000 }, () => 5) })),
    );
    assert.ok(message.length < 1_100, `${message.length}`);
  });

  it('tells a version that it does not know from an event that is malformed', async () => {
    const codeOf = async (data: object) => (await rejection(() => start.plan(event(data)))).code;
    assert.deepEqual(await rejection(() => start.plan(event({ ...GOOD, version: 2 }))), {
      code: 'unknown-version',
      message: 'version: Invalid input: expected 1, received 2',
    });
    assert.equal(await codeOf({ ...GOOD, version: undefined }), 'malformed');
    assert.equal(await codeOf({ ...GOOD, amount: -1 }), 'malformed');
    // Another version may well have other fields.
    assert.equal(await codeOf({ version: 2, amount: 'free' }), 'unknown-version');
  });
});

describe('a table of routes', () => {
  const ignored = (source: string, type: string): Route => on(source, type, z.unknown()).ignore();

  it('finds a route by source and type', () => {
    const shop = ignored('shop', 'Placed');
    const find = routeTable([shop, ignored('shop', 'Cancelled'), ignored('market', 'Placed')]);
    assert.equal(find(event({})), shop);
  });

  it('ignores the test that S3 sends when a bucket begins to notify, unless it has a route', async () => {
    const test = event({}, { source: 'aws:s3:photos', type: 's3:TestEvent' });
    const planned = await routeTable([start])(test).plan(test);
    assert.deepEqual(planned.plan, { operation: 'ignore' });
    const own = ignored('aws:s3:photos', 's3:TestEvent');
    assert.equal(routeTable([own])(test), own);
  });

  it('refuses two routes for the same source and type, naming them', () => {
    assert.throws(
      () => routeTable([ignored('shop', 'Placed'), start]),
      /two routes for events of source shop, type Placed/,
    );
  });

  it('rejects an event that no route takes, saying which', async () => {
    const find = routeTable([start]);
    for (const [change, reason] of [
      [{ type: 'Paid' }, /^no route takes source shop, type Paid$/],
      [{ source: 'market' }, /^no route takes source market, type Placed$/],
      [{ source: '__proto__' }, /^no route takes source __proto__/],
      [{ type: 'x'.repeat(256) }, /^no route takes source shop, type x{120}\.\.\.$/],
    ] as const) {
      const { code, message } = await rejection(() => find(event({}, change)));
      assert.equal(code, 'unknown-type');
      assert.match(message, reason);
    }
  });
});
