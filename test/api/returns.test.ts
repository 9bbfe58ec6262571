import assert from 'node:assert/strict';
import type { FastifyInstance } from 'fastify';
import { inboxSignal } from '../../src/contracts/inbox.ts';
import { returnWorkflowId } from '../../src/contracts/returns.ts';
import { startOrderService, type OrderService } from '../support/orderService.ts';
import { asking, codeOf, createOrdersApi, partsOf, type Ask } from '../support/ordersApi.ts';
import { eventually, uniqueId } from '../support/servers.ts';

const LINES = [
  { sku: 'record', quantity: 2, amount: 4_001, sellerId: 's-1' },
  { sku: 'sleeve', quantity: 2, amount: 500, sellerId: 's-2' },
];
const CUSTOMER = 'customer:customer-1';

describe('returns', () => {
  let service: OrderService;
  let app: FastifyInstance;
  let ask: Ask;
  /** An order that is delivered: `{channel}:{orderId}`. */
  let orderId: string;

  before(async () => {
    service = await startOrderService();
    await service.startPayments();
    app = await createOrdersApi(partsOf(service));
    ask = asking(app);
  });

  beforeEach(async () => {
    const handle = await service.place({ lines: LINES });
    await service.until(handle, ({ state }) => state === 'fulfilling');
    await service.deliver(handle);
    assert.equal((await handle.result()).state, 'closed');
    orderId = handle.workflowId.replace('order:', '');
  });

  after(async () => {
    await app.close();
    await service.stop();
  });

  const request = async (
    body: object,
    { who = CUSTOMER, key = uniqueId('key') }: { who?: string; key?: string } = {},
  ) => await ask(who, 'POST', `/orders/${orderId}/returns`, { body, key });

  async function until(returnId: string, state: string) {
    return await eventually(async () => {
      const { body } = await ask('staff:ana', 'GET', `/returns/${returnId}`);
      return body.state === state ? body : false;
    });
  }

  /** A return of these pieces, whose goods have come. */
  async function inspecting(lines: readonly { line: number; quantity: number }[]) {
    const { body } = await request({ lines, reason: 'too-loud' });
    const data = { version: 1, returnId: body.id };
    const goods = { id: uniqueId('goods'), type: 'GoodsReceived', data };
    await service.client.workflow.getHandle(returnWorkflowId(body.id)).signal(inboxSignal, [goods]);
    await until(body.id, 'inspecting');
    return String(body.id);
  }

  const inspect = async (
    returnId: string,
    accepted: readonly { line: number; quantity: number }[],
    { who = 'staff:ana', key = uniqueId('key') } = {},
  ) =>
    await ask(who, 'POST', `/returns/${returnId}/inspection`, {
      key,
      body: { accepted, reason: 'as-described' },
    });

  it('are requested once for one key (FAULTS 34)', async () => {
    const key = uniqueId('key');
    const body = { lines: [{ line: 1, quantity: 1 }], reason: 'too-loud' };
    const answers = await Promise.all(Array.from({ length: 10 }, () => request(body, { key })));
    const [first] = answers;
    const id = String(first?.body.id);
    assert.match(id, /^r-[0-9a-f]{32}$/);
    for (const { status, body: said, headers } of answers) {
      assert.deepEqual(
        [status, said, headers.location],
        [
          202,
          { id, workflowId: `return:${id}`, order: orderId, state: 'requested' },
          `/returns/${id}`,
        ],
      );
    }
    for (let round = 1; round <= 2; round += 1) {
      const other = await request({ ...body, reason: 'too-soft' }, { key });
      assert.deepEqual([other.status, codeOf(other.body)], [422, 'idempotency-key-reused']);
      const again = await request(body, { key });
      assert.deepEqual([again.status, again.body], [202, first?.body]);
      // The second time its row is there.
      await until(id, 'awaiting-goods');
    }
    const row = (await ask(CUSTOMER, 'GET', `/returns/${id}`)).body;
    assert.deepEqual(row.lines, [
      { line: 1, quantity: 1, sku: 'record', sellerId: 's-1', amount: 2_000 },
    ]);
    const listed = await ask(CUSTOMER, 'GET', `/orders/${orderId}/returns`);
    assert.deepEqual(listed.body.returns, [row]);
  });

  it('are refused where the order does not allow them', async () => {
    for (const [line, quantity, reason] of [
      [3, 1, 'unknown-line'],
      [1, 3, 'more-than-sold'],
    ] as const) {
      const { status, body } = await request({ lines: [{ line, quantity }], reason: 'r' });
      assert.deepEqual([status, codeOf(body)], [409, 'not-returnable']);
      assert.ok(body.detail.endsWith(`: ${reason}`), body.detail);
    }
    const fresh = await service.place();
    const early = await ask(CUSTOMER, 'POST', `/orders/${fresh.workflowId.slice(6)}/returns`, {
      key: 'k',
      body: { lines: [{ line: 1, quantity: 1 }], reason: 'r' },
    });
    assert.equal(codeOf(early.body), 'not-returnable');

    await request({ lines: [{ line: 1, quantity: 2 }], reason: 'r' });
    const twice = await request({ lines: [{ line: 1, quantity: 1 }], reason: 'r' });
    assert.equal(twice.status, 202);
    const ends = await eventually(async () => {
      const { body } = await ask(CUSTOMER, 'GET', `/orders/${orderId}/returns`);
      const reasons = body.returns.map((each: { reason: string | null }) => each.reason);
      return body.returns.length === 2 && reasons.includes('already-returned') && reasons;
    });
    assert.equal(ends.filter((reason: string | null) => reason === 'already-returned').length, 1);
  });

  it('are refunded by what the inspection accepts, which is decided once', async () => {
    const id = await inspecting([{ line: 1, quantity: 2 }]);
    const key = uniqueId('key');
    const more = await inspect(id, [{ line: 1, quantity: 3 }]);
    assert.deepEqual([more.status, codeOf(more.body)], [409, 'not-inspectable']);
    const answer = await inspect(id, [{ line: 1, quantity: 1 }], { key });
    assert.deepEqual(
      [answer.status, answer.body],
      [200, { id, accepted: true, state: 'refunding' }],
    );
    assert.deepEqual((await inspect(id, [{ line: 1, quantity: 1 }], { key })).body, answer.body);
    const other = await inspect(id, [{ line: 1, quantity: 2 }], { key });
    assert.deepEqual([other.status, codeOf(other.body)], [422, 'idempotency-key-reused']);

    const row = await until(id, 'refunded');
    assert.deepEqual(row.refund, { amount: 2_000, currency: 'USD' });
    assert.deepEqual(row.accepted, [{ line: 1, quantity: 1 }]);
    const { refunded } = await service.look({ workflowId: `order:${orderId}` });
    assert.equal(refunded, 2_000);

    const late = await inspect(id, [{ line: 1, quantity: 2 }], { who: 'staff:bob' });
    assert.deepEqual([late.status, codeOf(late.body)], [409, 'not-inspectable']);
    assert.equal(late.body.wonBy?.by, 'staff:ana');
    const closed = await inspect(id, [{ line: 1, quantity: 1 }], { key });
    assert.deepEqual([closed.status, closed.body], [200, answer.body]);
  });

  it('are inspected by the seller of all their lines, or by staff', async () => {
    const shared = await inspecting([
      { line: 1, quantity: 1 },
      { line: 2, quantity: 1 },
    ]);
    const accepted = [{ line: 2, quantity: 1 }];
    for (const [who, status, code] of [
      [CUSTOMER, 403, 'forbidden'],
      ['seller:s-2', 403, 'forbidden'],
      ['seller:s-3', 404, 'return-not-found'],
      ['customer:c-2', 404, 'return-not-found'],
    ] as const) {
      const answer = await inspect(shared, accepted, { who });
      assert.deepEqual([answer.status, codeOf(answer.body)], [status, code], who);
    }
    const own = await inspecting([{ line: 2, quantity: 1 }]);
    assert.equal((await inspect(own, accepted, { who: 'seller:s-2' })).status, 200);
  });

  it('are seen by those whom they concern', async () => {
    const id = await inspecting([
      { line: 1, quantity: 1 },
      { line: 2, quantity: 1 },
    ]);
    for (const who of ['seller:s-3', 'customer:c-2']) {
      for (const url of [`/returns/${id}`, `/orders/${orderId}/returns`]) {
        assert.equal((await ask(who, 'GET', url)).status, 404, who);
      }
      const asked = await request({ lines: [{ line: 1, quantity: 1 }], reason: 'r' }, { who });
      assert.equal(codeOf(asked.body), 'order-not-found');
    }
    const seller = await ask('seller:s-2', 'GET', `/returns/${id}`);
    assert.deepEqual(
      seller.body.lines.map(({ line }: { line: number }) => line),
      [2],
    );
    assert.doesNotMatch(JSON.stringify(seller.body), /customer-1|"refund"|record/);
    const notForSellers = await request(
      { lines: [{ line: 2, quantity: 1 }], reason: 'r' },
      { who: 'seller:s-2' },
    );
    assert.deepEqual([notForSellers.status, codeOf(notForSellers.body)], [403, 'forbidden']);
    const unknown = await ask('staff:ana', 'GET', '/returns/r-unknown');
    assert.deepEqual([unknown.status, codeOf(unknown.body)], [404, 'return-not-found']);
  });
});
