import assert from 'node:assert/strict';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient, PutCommand } from '@aws-sdk/lib-dynamodb';
import { Client, Connection } from '@temporalio/client';
import type { FastifyInstance } from 'fastify';
import { deploy } from '../../dev/deploy.ts';
import { synthesise } from '../../infra/app.ts';
import { orderWorkflow, orderWorkflowId } from '../../src/contracts/orders.ts';
import { DEFAULT_POLICY } from '../../src/domain/policy.ts';
import {
  PARCEL,
  event,
  order,
  startOrderService,
  type OrderHandle,
  type OrderService,
} from '../support/orderService.ts';
import { orderRow } from '../support/orderRow.ts';
import { asking, codeOf, createOrdersApi, partsOf, type Ask } from '../support/ordersApi.ts';
import { awsAccount, eventually, temporalAddress, uniqueId } from '../support/servers.ts';

const TWO_SELLERS = {
  lines: [
    { sku: 'record', quantity: 1, amount: 2_000, sellerId: 's-1' },
    { sku: 'sleeve', quantity: 2, amount: 500, sellerId: 's-2' },
  ],
};
const CUSTOMER = 'customer:customer-1';

describe('commands to an order', () => {
  let service: OrderService;
  let app: FastifyInstance;
  let ask: Ask;

  before(async () => {
    service = await startOrderService();
    await service.startPayments();
    app = await createOrdersApi(partsOf(service));
    ask = asking(app);
  });

  after(async () => {
    await app.close();
    await service.stop();
  });

  const idOf = ({ workflowId }: OrderHandle) => workflowId.replace('order:', '');
  const post = async (
    handle: OrderHandle,
    operation: string,
    body: object,
    { who = CUSTOMER, key = uniqueId('key') } = {},
  ) => await ask(who, 'POST', `/orders/${idOf(handle)}/${operation}`, { body, key });

  async function placed(state: string, change: Parameters<OrderService['place']>[0] = {}) {
    const handle = await service.place(change);
    await service.until(handle, (row) => row.state === state && row.waitingFor !== null);
    return handle;
  }

  it('decide once for one key, and answer the same for ever (FAULTS 34)', async () => {
    const handle = await placed('fulfilling');
    const key = uniqueId('key');
    const body = { reason: 'changed-my-mind' };
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => post(handle, 'cancel', body, { key })),
    );
    for (const answer of answers) {
      assert.deepEqual(
        [answer.status, answer.body],
        [200, { id: idOf(handle), accepted: true, state: 'fulfilling' }],
      );
    }
    assert.equal((await handle.result()).state, 'refunded');
    const again = await post(handle, 'cancel', body, { key });
    assert.deepEqual([again.status, again.body], [200, answers[0]?.body]);
    // Another key asks anew, and what is cancelled stays cancelled.
    const anew = await post(handle, 'cancel', body);
    assert.deepEqual([anew.status, anew.body.state], [200, 'refunded']);

    const { body: row } = await ask(CUSTOMER, 'GET', `/orders/${idOf(handle)}`);
    assert.deepEqual(row.cancellation, { ...body, requestedBy: CUSTOMER });
    const cancels = row.timeline.filter(({ name }: { name: string }) => name === 'cancel');
    assert.equal(cancels.length, 1);
    const { captured, refunded } = await service.look(handle);
    assert.deepEqual([captured, refunded], [2_999, 2_999]);
  });

  it('see that a key came with another request (FAULTS 34)', async () => {
    const handle = await placed('fulfilling', TWO_SELLERS);
    const key = uniqueId('key');
    const first = await post(handle, 'cancel', { reason: 'r', lines: [2] }, { key });
    assert.equal(first.status, 200);
    for (const [operation, body] of [
      ['cancel', { reason: 'r', lines: [1] }],
      ['cancel', { reason: 'r' }],
      ['payment-method', { paymentMethod: 'pm_card_visa' }],
    ] as const) {
      const other = await post(handle, operation, body, { key });
      assert.deepEqual([other.status, codeOf(other.body)], [422, 'idempotency-key-reused']);
    }
    // Written in another order it is the same one.
    const same = await post(handle, 'cancel', { lines: [2], reason: 'r' }, { key });
    assert.deepEqual([same.status, same.body], [200, first.body]);
    // The key of another caller is another key.
    const staff = await post(handle, 'cancel', { reason: 'r' }, { key, who: 'staff:ana' });
    assert.equal(staff.status, 200);
  });

  it('say who was first where two cannot both have their way', async () => {
    const handle = await placed('fulfilling');
    const dispatched = event(handle, 'ShipmentDispatched', PARCEL);
    await service.send(handle, dispatched);
    await service.until(handle, ({ state }) => state === 'shipped');
    const key = uniqueId('key');
    const late = await post(handle, 'cancel', { reason: 'r' }, { key });
    assert.deepEqual([late.status, codeOf(late.body)], [409, 'not-cancellable']);
    assert.match(late.body.detail, /: already-dispatched$/);
    assert.deepEqual(
      [late.body.wonBy.what, late.body.wonBy.by],
      ['ShipmentDispatched', dispatched.id],
    );
    const again = await post(handle, 'cancel', { reason: 'r' }, { key });
    assert.deepEqual([again.status, again.body], [409, late.body]);
  });

  it("cancel a seller's lines, and leave those of the others", async () => {
    const handle = await placed('fulfilling', TWO_SELLERS);
    const answer = await post(handle, 'cancel', { reason: 'gone' }, { who: 'seller:s-2' });
    assert.deepEqual([answer.status, answer.body.state], [200, 'fulfilling']);
    const row = await service.until(handle, ({ cancelledLines }) =>
      cancelledLines.some(({ settled }) => settled),
    );
    assert.deepEqual(
      row.cancelledLines.map(({ line, requestedBy }) => [line, requestedBy]),
      [[2, 'seller:s-2']],
    );
    const { captured, refunded, pieces } = await service.look(handle);
    assert.deepEqual([captured, refunded, pieces], [2_500, 500, { record: 1 }]);
    const { body } = await ask('seller:s-1', 'GET', `/orders/${idOf(handle)}`);
    assert.deepEqual(
      body.lines.map(({ line, cancelled }: { line: number; cancelled: boolean }) => [
        line,
        cancelled,
      ]),
      [[1, false]],
    );
  });

  it('give a declined order another payment method, until it is paid', async () => {
    const handle = await placed('awaiting-payment', {
      paymentMethod: 'pm_card_visa_chargeDeclinedInsufficientFunds',
    });
    const given = { paymentMethod: 'pm_card_mastercard' };
    const answer = await post(handle, 'payment-method', given);
    assert.equal(answer.status, 200, JSON.stringify(answer.body));
    await service.until(handle, ({ state }) => state === 'fulfilling');
    const late = await post(handle, 'payment-method', given);
    assert.deepEqual([late.status, codeOf(late.body)], [409, 'payment-method-refused']);
    assert.match(late.body.detail, /: already-paid$/);
  });

  it('decide a review once, though two decide at once', async () => {
    const handle = await placed('on-review', { customerId: 'doubtful-1' });
    const early = await post(
      handle,
      'review',
      { decision: 'approve', reason: 'mine' },
      {
        who: 'customer:doubtful-1',
      },
    );
    assert.deepEqual([early.status, codeOf(early.body)], [403, 'forbidden']);
    const answers = await Promise.all([
      post(handle, 'review', { decision: 'approve', reason: 'known' }, { who: 'staff:ana' }),
      post(handle, 'review', { decision: 'reject', reason: 'odd' }, { who: 'staff:bob' }),
    ]);
    const [won, lost] = answers.toSorted((one, other) => one.status - other.status);
    assert.deepEqual([won?.status, lost?.status], [200, 409]);
    assert.equal(codeOf(lost?.body), 'not-under-review');
    const winner = answers[0] === won ? 'staff:ana' : 'staff:bob';
    assert.deepEqual([lost?.body.wonBy.what, lost?.body.wonBy.by], ['decide-review', winner]);
    await service.until(handle, ({ state }) =>
      winner === 'staff:ana' ? state === 'fulfilling' : state === 'rejected',
    );
  });

  it('reach an order that was accepted just now, before it has a row', async () => {
    const handle = await service.place();
    const answer = await post(handle, 'cancel', { reason: 'at-once' });
    assert.equal(answer.status, 200);
    assert.match((await handle.result()).state, /^(cancelled|refunded)$/);
  });

  it('name what is wrong with them', async () => {
    const handle = await placed('fulfilling');
    for (const [operation, body, field] of [
      ['cancel', {}, 'reason'],
      ['cancel', { reason: '' }, 'reason'],
      ['cancel', { reason: 'r', lines: [] }, 'lines'],
      ['cancel', { reason: 'r', lines: [0] }, 'lines.0'],
      ['cancel', { reason: '\ud83d' }, 'reason'],
      ['cancel', { reason: '😀'.repeat(501) }, 'reason'],
      ['payment-method', {}, 'paymentMethod'],
      ['payment-method', { paymentMethod: '4242 4242 4242 4242' }, 'paymentMethod'],
    ] as const) {
      const answer = await post(handle, operation, body);
      assert.equal(answer.status, 400);
      assert.equal(answer.body.errors[0].field, field);
    }
    // Without its misspelt field it would cancel the whole order.
    const misspelt = await post(handle, 'cancel', { reason: 'r', line: [1] });
    assert.equal(misspelt.status, 400);
    assert.equal(
      misspelt.body.detail,
      'body: expected no other fields than reason, lines, received "line"',
    );
    const unknown = await ask('staff:ana', 'POST', '/orders/web:unknown/cancel', {
      key: 'k',
      body: { reason: 'r' },
    });
    assert.deepEqual([unknown.status, codeOf(unknown.body)], [404, 'order-not-found']);
  });
});

describe('a command that no worker decides', () => {
  it('is a 503 within seconds that says how to ask again, and applies all the same', async () => {
    const account = awsAccount();
    const outputs = await deploy(account, synthesise());
    const table = DynamoDBDocumentClient.from(new DynamoDBClient(account));
    const connection = await Connection.connect({ address: temporalAddress() });
    const client = new Client({ connection });
    const app = await createOrdersApi(partsOf({ client, table, outputs }));
    const placed = order();
    const workflowId = orderWorkflowId(placed);
    const handle = await client.workflow.start(orderWorkflow.workflowType, {
      taskQueue: orderWorkflow.taskQueue,
      workflowId,
      args: [{ placed, policy: DEFAULT_POLICY }],
    });
    const row = orderRow({ ...placed, workflowId, state: 'fulfilling' });
    await table.send(
      new PutCommand({ TableName: outputs.OrdersTable, Item: { orderKey: workflowId, ...row } }),
    );
    const cancel = async () =>
      await asking(app)(CUSTOMER, 'POST', `/orders/web:${placed.orderId}/cancel`, {
        key: 'once',
        body: { reason: 'changed-my-mind' },
      });

    const answer = await cancel();
    assert.deepEqual([answer.status, codeOf(answer.body)], [503, 'not-answered']);
    assert.equal(answer.headers['retry-after'], '5');
    assert.match(answer.body.detail, /may still apply: ask again with the same Idempotency-Key/);

    const service = await startOrderService();
    const again = await eventually(async () => {
      const retried = await cancel();
      return retried.status === 503 ? false : retried;
    });
    assert.equal(again.status, 200);
    assert.equal((await handle.result()).state, 'cancelled');
    await app.close();
    await service.stop();
    await connection.close();
    table.destroy();
  });
});
