import assert from 'node:assert/strict';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient, GetCommand, PutCommand } from '@aws-sdk/lib-dynamodb';
import { Client, Connection, WorkflowNotFoundError } from '@temporalio/client';
import type { FastifyInstance } from 'fastify';
import { deploy } from '../../dev/deploy.ts';
import { synthesise } from '../../infra/app.ts';
import { derivedId } from '../../src/api/idempotency.ts';
import { startOrderService, type OrderHandle, type OrderService } from '../support/orderService.ts';
import { asking, codeOf, createOrdersApi, partsOf, type Ask } from '../support/ordersApi.ts';
import { awsAccount, eventually, temporalAddress, uniqueId } from '../support/servers.ts';

const BODY = {
  currency: 'USD',
  lines: [{ sku: 'record', quantity: 1, amount: 2_999, sellerId: 's-1' }],
  paymentMethod: 'pm_card_visa',
};
const DEARER = { ...BODY, lines: [{ ...BODY.lines[0], amount: 3_000 }] };

describe('placing an order', () => {
  let service: OrderService;
  let app: FastifyInstance;
  let ask: Ask;

  before(async () => {
    service = await startOrderService();
    app = await createOrdersApi(partsOf(service));
    ask = asking(app);
  });

  after(async () => {
    await app.close();
    await service.stop();
  });

  const place = async (
    body: object,
    // A shop's own numbers are for staff.
    {
      who = 'channel' in body ? 'staff:shop' : 'customer:c-1',
      key = uniqueId('key'),
      prefer,
    }: Partial<Placing> = {},
  ) => await ask(who, 'POST', '/orders', { body, key, ...(prefer !== undefined && { prefer }) });
  interface Placing {
    readonly who: string;
    readonly key: string;
    readonly prefer: string;
  }
  const handleOf = (id: string) => service.client.workflow.getHandle(`order:${id}`) as OrderHandle;
  const at = async (id: string, state: string) =>
    await service.until(handleOf(id), (row) => row.state === state);
  const own = () => ({ channel: 'shop', orderId: uniqueId('number'), customerId: 'c-1' });

  it('is the same order and the same answer, whoever asks how often with one key (FAULTS 34)', async () => {
    const key = uniqueId('key');
    const first = await place(BODY, { key });
    assert.equal(first.status, 202);
    const { id } = first.body;
    assert.match(id, /^api:[0-9a-f]{32}$/);
    assert.equal(first.headers.location, `/orders/${id}`);
    assert.deepEqual(first.body, { id, workflowId: `order:${id}`, state: 'received' });
    const { paymentMethod, lines, currency } = BODY;
    for (const same of [BODY, { lines, paymentMethod, currency }, { ...BODY, customerId: 'c-1' }]) {
      const again = await place(same, { key });
      assert.deepEqual([again.status, again.body], [202, first.body]);
    }
    const other = await place(DEARER, { key });
    assert.deepEqual([other.status, codeOf(other.body)], [422, 'idempotency-key-reused']);
    const elsewhere = await place(BODY, { key, who: 'customer:c-2' });
    assert.notEqual(elsewhere.body.id, id);
    const row = await ask('customer:c-1', 'GET', `/orders/${id}`);
    assert.equal(row.body.total.amount, 2_999);
  });

  it('is one order for twenty at once with one key (FAULTS 34)', async () => {
    await service.startPayments();
    for (const prefer of [undefined, 'wait=20']) {
      for (const number of [{}, own()]) {
        const key = uniqueId('key');
        const answers = await Promise.all(
          Array.from({ length: 20 }, () =>
            place({ ...BODY, ...number }, { key, ...(prefer !== undefined && { prefer }) }),
          ),
        );
        const [first] = answers;
        assert.equal(first?.status, prefer === undefined ? 202 : 201);
        for (const { status, body } of answers) {
          assert.deepEqual([status, body], [first?.status, first?.body]);
        }
        await at(first?.body.id, 'fulfilling');
        const { captured, intents } = await service.look(handleOf(first?.body.id));
        assert.deepEqual([captured, intents.length], [2_999, 1]);
      }
    }
  });

  it('takes one of two orders that race for one key, and says 422 to the other (FAULTS 34)', async () => {
    for (const number of [{}, own()]) {
      const key = uniqueId('key');
      const bodies = Array.from({ length: 10 }, (_, n) => (n % 2 === 0 ? BODY : DEARER));
      const answers = await Promise.all(
        bodies.map((body, n) =>
          place({ ...body, ...number }, { key, ...(n > 4 && { prefer: 'wait=20' }) }),
        ),
      );
      const { id } = answers.find(({ status }) => status < 300)?.body ?? {};
      const { total } = (await ask('customer:c-1', 'GET', `/orders/${id}`)).body;
      for (const [n, { status, body }] of answers.entries()) {
        const isIts = total.amount === (n % 2 === 0 ? 2_999 : 3_000);
        if (isIts) assert.ok(status === 202 || status === 201, `${status}`);
        else assert.deepEqual([status, codeOf(body)], [422, 'idempotency-key-reused']);
      }
    }
  });

  it("takes the caller's own number once, and remembers its key (FAULTS 34)", async () => {
    const number = own();
    const id = `${number.channel}:${number.orderId}`;
    const key = uniqueId('key');
    const first = await place({ ...BODY, ...number }, { key });
    assert.deepEqual([first.status, first.body.id], [202, id]);
    assert.deepEqual((await place({ ...BODY, ...number }, { key })).body, first.body);

    for (const other of [
      { ...BODY, ...own() },
      { ...DEARER, ...number },
    ]) {
      const { status, body } = await place(other, { key });
      assert.deepEqual([status, codeOf(body)], [422, 'idempotency-key-reused']);
    }
    // The same order, asked for anew.
    assert.equal((await place({ ...BODY, ...number })).status, 202);

    for (const prefer of [{}, { prefer: 'wait=5' }]) {
      const taken = await place({ ...DEARER, ...number }, prefer);
      assert.deepEqual([taken.status, codeOf(taken.body)], [409, 'order-exists']);
      const { what, by, at: when } = taken.body.wonBy;
      assert.deepEqual([what, by], ['OrderPlaced', `api:${id}/${key}`]);
      assert.ok(Date.parse(when) <= Date.now() + 1_000);
    }
  });

  it('remembers a key for 30 days', async () => {
    const TableName = service.outputs.KeysTable;
    const [who, key] = ['staff:keeper', 'kept'];
    const number = own();
    await place({ ...BODY, ...number }, { who, key });
    const { Item } = await service.table.send(
      new GetCommand({ TableName, Key: { key: derivedId(who, key) } }),
    );
    assert.equal(Item?.['orderKey'], `order:${number.channel}:${number.orderId}`);
    const days = (Item?.['expiresAt'] - Date.now() / 1000) / 86_400;
    assert.ok(days > 29.9 && days <= 30, `${days} days`);

    // What is past its time may still be there, and counts no more.
    const expiresAt = Math.floor(Date.now() / 1000) - 1;
    await service.table.send(new PutCommand({ TableName, Item: { ...Item, expiresAt } }));
    assert.equal((await place({ ...BODY, ...own() }, { who, key })).status, 202);
  });

  it("waits for the payment's outcome where it is asked to", async () => {
    await service.startPayments();
    const scarce = { ...BODY, lines: [{ ...BODY.lines[0], sku: 'scarce' }] };
    const free = { currency: 'USD', lines: [{ ...BODY.lines[0], amount: 0 }] };
    const declined = { ...BODY, paymentMethod: 'pm_card_visa_chargeDeclinedInsufficientFunds' };
    for (const [body, outcome, reason, customer] of [
      [BODY, 'paid', null, 'c-1'],
      [free, 'paid', null, 'c-1'],
      [declined, 'declined', 'insufficient_funds', 'c-1'],
      [scarce, 'stopped', 'out-of-stock', 'c-1'],
      [BODY, 'on-review', 'score-75', 'doubtful-1'],
    ] as const) {
      const key = uniqueId('key');
      const who = `customer:${customer}`;
      const answer = await place(body, { key, who, prefer: 'respond-async, WAIT="20"; x=1' });
      assert.equal(answer.status, 201, JSON.stringify(answer.body));
      assert.equal(answer.headers['preference-applied'], 'wait=20');
      assert.equal(answer.headers.location, `/orders/${answer.body.id}`);
      assert.equal(answer.body.outcome, outcome);
      if (outcome !== 'on-review') assert.equal(answer.body.reason, reason);
      const again = await place(body, { key, who, prefer: 'wait=20' });
      assert.deepEqual([again.status, again.body], [201, answer.body]);
    }
  });

  it('answers at once where the wait is none, and says that it did not wait', async () => {
    for (const prefer of ['wait=0', 'wait=-1', 'wait=soon', 'await=5', 'respond-async', '']) {
      const { status, headers } = await place(BODY, { prefer });
      assert.deepEqual([status, headers['preference-applied']], [202, undefined], prefer);
    }
  });

  it('gives the same answer after the order has ended', async () => {
    await service.startPayments();
    const [early, late] = [uniqueId('key'), uniqueId('key')];
    const waited = await place(BODY, { key: early, prefer: 'wait=20' });
    const { id } = (await place(BODY, { key: late })).body;
    for (const each of [waited.body.id, id]) {
      await at(each, 'fulfilling');
      const cancelled = await ask('customer:c-1', 'POST', `/orders/${each}/cancel`, {
        key: 'k',
        body: { reason: 'changed-my-mind' },
      });
      assert.equal(cancelled.status, 200);
      await handleOf(each).result();
    }
    const again = await place(BODY, { key: early, prefer: 'wait=20' });
    assert.deepEqual([again.status, again.body], [201, waited.body]);
    const first = await place(BODY, { key: late, prefer: 'wait=20' });
    assert.deepEqual(
      [first.status, first.body.outcome, first.body.state, first.body.reason],
      [201, 'stopped', 'refunded', 'changed-my-mind'],
    );
    const other = await place(DEARER, { key: early, prefer: 'wait=20' });
    assert.equal(codeOf(other.body), 'idempotency-key-reused');
  });

  describe('that Temporal has forgotten, but not the table', () => {
    /** An order that is being fulfilled, whose workflow was deleted. */
    async function forgotten(number: object) {
      await service.startPayments();
      const key = uniqueId('key');
      const { body } = await place({ ...BODY, ...number }, { key, prefer: 'wait=20' });
      const handle = handleOf(body.id);
      await eventually(async () => (await service.look(handle)).row?.state === 'fulfilling');
      await service.client.workflowService.deleteWorkflowExecution({
        namespace: 'default',
        workflowExecution: { workflowId: handle.workflowId },
      });
      const isGone = (error: unknown) => error instanceof WorkflowNotFoundError;
      await eventually(async () => !(await handle.describe().catch((error) => !isGone(error))));
      return { key, handle, first: body };
    }

    async function assertOnce(handle: OrderHandle): Promise<void> {
      assert.equal((await handle.result()).state, 'duplicate');
      const { captured, intents } = await service.look(handle);
      assert.deepEqual([captured, intents.length], [2_999, 1]);
    }

    for (const [what, numbered] of [
      ['by its key', () => ({})],
      ["by the caller's own number", own],
    ] as const) {
      it(`is the same order ${what}, and its outcome is what the row says`, async () => {
        const number = numbered();
        const { key, handle, first } = await forgotten(number);
        const { status, body } = await place({ ...BODY, ...number }, { key, prefer: 'wait=20' });
        const outcome = { outcome: 'paid', state: 'fulfilling', reason: null };
        assert.deepEqual([status, body], [201, { ...first, ...outcome }]);
        await assertOnce(handle);
      });

      it(`is accepted ${what} where nobody waits, and nothing is done`, async () => {
        const number = numbered();
        const { key, handle } = await forgotten(number);
        assert.equal((await place({ ...BODY, ...number }, { key })).status, 202);
        await assertOnce(handle);
      });
    }

    it('is told from another order by the row', async () => {
      for (const waiting of [{ prefer: 'wait=20' }, {}]) {
        const { key, handle } = await forgotten({});
        const reused = await place(DEARER, { key, ...waiting });
        assert.deepEqual([reused.status, codeOf(reused.body)], [422, 'idempotency-key-reused']);
        await assertOnce(handle);
      }

      const number = own();
      const byNumber = await forgotten(number);
      const { row } = await service.look(byNumber.handle);
      for (const waiting of [{ prefer: 'wait=20' }, {}]) {
        const taken = await place({ ...DEARER, ...number }, waiting);
        assert.deepEqual([taken.status, codeOf(taken.body)], [409, 'order-exists']);
        assert.deepEqual(taken.body.wonBy, { what: 'OrderPlaced', by: null, at: row?.placedAt });
      }
      await assertOnce(byNumber.handle);
    });
  });

  it('is for customers themselves, and for anybody by staff, but not for sellers', async () => {
    const somebody = { ...BODY, customerId: 'c-2' };
    assert.equal((await place(somebody, { who: 'staff:ana' })).status, 202);
    for (const [who, body, status, code] of [
      ['customer:c-1', somebody, 403, 'forbidden'],
      ['customer:c-1', { ...BODY, ...own() }, 403, 'forbidden'],
      ['seller:s-1', somebody, 403, 'forbidden'],
      ['seller:s-1', BODY, 403, 'forbidden'],
      ['staff:ana', BODY, 400, 'invalid-request'],
    ] as const) {
      const answer = await place(body, { who });
      assert.deepEqual([answer.status, codeOf(answer.body)], [status, code], who);
      assert.match(answer.body.detail, /customerId|seller|shops/);
    }
  });

  it('names what is wrong with an order', async () => {
    for (const [change, field] of [
      [{ channel: 'web' }, 'orderId'],
      [{ orderId: '1' }, 'channel'],
      [{ channel: 'api', orderId: '1' }, 'channel'],
      [{ paymentMethod: undefined }, 'paymentMethod'],
      [{ lines: [] }, 'lines'],
      [{ lines: [{ ...BODY.lines[0], price: 1 }] }, 'lines.0'],
      [{ currency: 'XXX' }, 'currency'],
    ] as const) {
      const { status, body } = await place({ ...BODY, ...change });
      assert.equal(status, 400);
      assert.equal(body.errors[0].field, field);
    }
    for (const key of ['', 'a b', 'x'.repeat(129), 'é']) {
      const { status, body } = await place(BODY, { key });
      assert.equal(status, 400, key);
      assert.equal(body.errors[0].field, 'idempotency-key');
    }
  });
});

describe('placing an order that nobody works on', () => {
  let app: FastifyInstance;
  let client: Client;
  let table: DynamoDBDocumentClient;
  let outputs: OrderService['outputs'];

  before(async () => {
    const account = awsAccount();
    outputs = await deploy(account, synthesise());
    table = DynamoDBDocumentClient.from(new DynamoDBClient(account));
    client = new Client({ connection: await Connection.connect({ address: temporalAddress() }) });
    app = await createOrdersApi(partsOf({ client, table, outputs }));
  });

  after(async () => {
    await app.close();
    await client.connection.close();
    table.destroy();
  });

  it('accepts it, and says so when the time to wait is up', async () => {
    const key = uniqueId('key');
    for (const prefer of ['wait=1', 'wait=1', undefined]) {
      const { status, body, headers } = await asking(app)('customer:c-1', 'POST', '/orders', {
        body: BODY,
        key,
        ...(prefer !== undefined && { prefer }),
      });
      assert.deepEqual([status, body.state], [202, 'received']);
      assert.equal(headers['preference-applied'], prefer);
      if (prefer === undefined) await client.workflow.getHandle(body.workflowId).terminate();
    }
  });

  it('says how to ask again where Temporal is gone, and gives the same order then', async () => {
    const connection = Connection.lazy({ address: '127.0.0.1:1' });
    const gone = await createOrdersApi(
      partsOf({ client: new Client({ connection }), table, outputs }),
    );
    const key = uniqueId('key');
    const number = { channel: 'shop', orderId: uniqueId('number'), customerId: 'c-1' };
    const asked = { body: { ...BODY, ...number }, key };
    for (const prefer of ['wait=1', undefined]) {
      const { status, body, headers } = await asking(gone)('staff:shop', 'POST', '/orders', {
        ...asked,
        ...(prefer !== undefined && { prefer }),
      });
      assert.deepEqual([status, codeOf(body)], [503, 'not-answered']);
      assert.equal(headers['retry-after'], '5');
      assert.match(body.detail, /may still apply: ask again with the same Idempotency-Key/);
    }
    await gone.close();
    await connection.close();
    const { status, body } = await asking(app)('staff:shop', 'POST', '/orders', asked);
    assert.equal(status, 202);
    await client.workflow.getHandle(body.workflowId).terminate();
  });
});
