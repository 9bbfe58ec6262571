import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import Stripe from 'stripe';
import { type Ledger, openLedger } from '../../dev/provider/ledger.ts';
import { createProvider } from '../../dev/provider/server.ts';
import { createStripe } from '../../src/platform/stripe.ts';
import { eventually, uniqueId } from '../support/servers.ts';

/** What the sandbox does that nobody can ask of Stripe, over HTTP. */
describe('the payment provider sandbox, on request,', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'waybill-provider-'));
  const file = path.join(folder, 'provider.jsonl');
  let ledger: Ledger;
  let server: ReturnType<typeof createProvider>;
  let address: string;
  let stripe: Stripe;

  async function start(): Promise<void> {
    ledger = openLedger(file);
    server = createProvider(ledger);
    address = await server.listen({ host: '127.0.0.1', port: 0 });
    stripe = createStripe({ apiKey: 'sk_test_waybill', baseUrl: address });
  }
  async function stop(): Promise<void> {
    await server.close();
    ledger.close();
  }
  before(start);
  after(async () => {
    await stop();
    rmSync(folder, { recursive: true, force: true });
  });
  afterEach(async () => void (await ask('faults', undefined, 'DELETE')));

  async function ask(name: string, body?: unknown, method = 'POST') {
    const response = await fetch(`${address}/sandbox/${name}`, {
      method,
      ...(body !== undefined && {
        headers: { 'content-type': 'application/json' },
        body: typeof body === 'string' ? body : JSON.stringify(body),
      }),
    });
    const answer = (await response.json()) as {
      readonly id: string;
      readonly status: string;
      readonly pending: readonly unknown[];
      readonly error?: { readonly type: string; readonly param?: string; readonly message: string };
    };
    return { code: response.status, answer };
  }

  async function done(name: string, body: unknown) {
    const { code, answer } = await ask(name, body);
    assert.equal(code, 200, JSON.stringify(answer));
    return answer;
  }

  const create = (orderKey = 'order:web:1', idempotencyKey = uniqueId('key')) =>
    stripe.paymentIntents.create(
      { amount: 1_999, currency: 'usd', capture_method: 'manual', metadata: { orderKey } },
      { idempotencyKey },
    );
  const confirm = (id: string, method = 'pm_card_visa', idempotencyKey = uniqueId('key')) =>
    stripe.paymentIntents.confirm(id, { payment_method: method }, { idempotencyKey });

  async function captured(orderKey?: string) {
    const { id } = await create(orderKey);
    await confirm(id);
    return await stripe.paymentIntents.capture(id);
  }

  async function booked(intentId: string) {
    const books = (await (await fetch(`${address}/ledger`)).json()) as {
      readonly intents: readonly {
        readonly id: string;
        readonly amount_captured: number;
        readonly amount_refunded: number;
        readonly amount_disputed: number;
        readonly amount_lost: number;
      }[];
    };
    const intent = books.intents.find(({ id }) => id === intentId);
    assert.ok(intent);
    const { amount_captured, amount_refunded, amount_disputed, amount_lost } = intent;
    return [amount_captured, amount_refunded, amount_disputed, amount_lost];
  }

  describe('answers 500', () => {
    it('and replays that for the key, whether or not it took effect', async () => {
      for (const takesEffect of [true, false]) {
        const { id } = await create();
        await done('faults', { operation: 'confirm', how: 'error', takesEffect });
        const key = uniqueId('key');
        for (const isReplay of [false, true, true]) {
          const error = await confirm(id, 'pm_card_visa', key).catch((reason: unknown) => reason);
          assert.ok(error instanceof Stripe.errors.StripeAPIError);
          assert.equal(error.statusCode, 500);
          assert.equal(error.headers?.['idempotent-replayed'] === 'true', isReplay);
        }
        const { status } = await stripe.paymentIntents.retrieve(id);
        assert.equal(status, takesEffect ? 'requires_capture' : 'requires_payment_method');
      }
    });

    it('as often as it is asked to, of the order that is named', async () => {
      const [mine, other] = [uniqueId('order:web'), uniqueId('order:web')];
      const fault = { operation: 'create', how: 'error', takesEffect: false } as const;
      await done('faults', { ...fault, orderKey: mine, times: 2 });
      await create(other);
      await assert.rejects(create(mine));
      assert.deepEqual((await ask('faults', undefined, 'GET')).answer.pending, [
        { ...fault, orderKey: mine, times: 1 },
      ]);
      await assert.rejects(create(mine));
      await create(mine);
      assert.deepEqual((await ask('faults', undefined, 'GET')).answer.pending, []);
    });

    it('to a look-up, and to each operation', async () => {
      const { id } = await captured();
      await done('faults', { operation: 'retrieve', how: 'error', times: 2 });
      await assert.rejects(stripe.paymentIntents.retrieve(id), /asked to fail/);
      await assert.rejects(stripe.refunds.list({ payment_intent: id }), /asked to fail/);
      // What is of no order's payment is not in question: an audit reads on.
      await stripe.refunds.list();
      for (const [operation, call] of [
        ['create', () => create()],
        ['confirm', () => confirm(id)],
        ['capture', () => stripe.paymentIntents.capture(id)],
        ['cancel', () => stripe.paymentIntents.cancel(id)],
        ['refund', () => stripe.refunds.create({ payment_intent: id })],
      ] as const) {
        await done('faults', { operation, how: 'error', takesEffect: false });
        await assert.rejects(call(), /asked to fail/);
      }
      assert.deepEqual(await booked(id), [1_999, 0, 0, 0]);
    });
  });

  it('breaks the connection, before or after the effect', async () => {
    for (const takesEffect of [true, false]) {
      const { id } = await create();
      await done('faults', { operation: 'confirm', how: 'drop', takesEffect });
      const key = uniqueId('key');
      await assert.rejects(confirm(id, 'pm_card_visa', key), Stripe.errors.StripeConnectionError);
      const { status } = await stripe.paymentIntents.retrieve(id);
      assert.equal(status, takesEffect ? 'requires_capture' : 'requires_payment_method');
      const again = await confirm(id, 'pm_card_visa', key);
      assert.equal(again.status, 'requires_capture');
      assert.equal(
        again.lastResponse.headers['idempotent-replayed'],
        takesEffect ? 'true' : undefined,
      );
    }
  });

  it('does not answer until the caller gives up, and has its key locked meanwhile', async () => {
    const { id } = await create();
    await done('faults', { operation: 'confirm', how: 'hang', takesEffect: true, times: 2 });
    const key = uniqueId('key');
    const first = assert.rejects(confirm(id, 'pm_card_visa', key));
    await eventually(() => ledger.answers.has(key));
    await assert.rejects(confirm(id, 'pm_card_visa', key), /another in-progress request/);
    await ask('faults', undefined, 'DELETE');
    await first;
    const again = await eventually(() => confirm(id, 'pm_card_visa', key));
    assert.equal(again.status, 'requires_capture');
    assert.deepEqual((await ask('faults', undefined, 'GET')).answer.pending, []);
  });

  it('forgets the keys of one order, or all', async () => {
    const [mine, other] = [uniqueId('order:web'), uniqueId('order:web')];
    const [key, otherKey] = [uniqueId('key'), uniqueId('key')];
    const first = await create(mine, key);
    const others = await create(other, otherKey);
    const refundKey = uniqueId('key');
    await confirm(first.id);
    await stripe.paymentIntents.capture(first.id);
    const refund = () =>
      stripe.refunds.create(
        { payment_intent: first.id, amount: 100 },
        { idempotencyKey: refundKey },
      );
    await refund();
    await done('keys/forget', { orderKey: mine });
    assert.notEqual((await create(mine, key)).id, first.id);
    await refund();
    assert.deepEqual(await booked(first.id), [1_999, 200, 0, 0]);
    assert.equal((await create(other, otherKey)).id, others.id);
    await done('keys/forget', {});
    assert.notEqual((await create(other, otherKey)).id, others.id);
  });

  it('has the customer succeed or fail at authentication', async () => {
    const [well, ill] = [await create(), await create()];
    for (const { id } of [well, ill]) await confirm(id, 'pm_card_threeDSecure2Required');
    await done('authentications', { intentId: well.id, outcome: 'succeeded' });
    const held = await stripe.paymentIntents.retrieve(well.id);
    assert.deepEqual([held.status, held.amount_capturable], ['requires_capture', 1_999]);
    await done('authentications', { intentId: ill.id, outcome: 'failed' });
    const { status, last_payment_error: error } = await stripe.paymentIntents.retrieve(ill.id);
    assert.deepEqual(
      [status, error?.code, error?.charge],
      ['requires_payment_method', 'payment_intent_authentication_failure', undefined],
    );
    assert.equal((await confirm(ill.id)).status, 'requires_capture');
  });

  it('lets an authorisation expire', async () => {
    const { id } = await create();
    await confirm(id);
    await done('expirations', { intentId: id });
    const expired = await stripe.paymentIntents.retrieve(id);
    assert.deepEqual([expired.status, expired.cancellation_reason], ['canceled', 'automatic']);
    const error = await stripe.paymentIntents.capture(id).catch((reason: unknown) => reason);
    assert.ok(error instanceof Stripe.errors.StripeInvalidRequestError);
    assert.equal(error.code, 'payment_intent_unexpected_state');
  });

  describe('has banks dispute a payment', () => {
    const open = (intentId: string, change: object = {}) =>
      done('disputes', { intentId, amount: 500, ...change });
    const close = (id: string, status: string) => done(`disputes/${id}/close`, { status });
    const refund = (intentId: string, amount?: number) =>
      stripe.refunds.create({
        payment_intent: intentId,
        ...(amount !== undefined && { amount }),
      });

    it('who have the money until it is won, and keep it when it is lost', async () => {
      const { id } = await captured();
      const [won, lost] = [await open(id), await open(id, { amount: 700 })];
      assert.deepEqual(await booked(id), [1_999, 0, 1_200, 0]);
      const error = await refund(id, 1).catch((reason: unknown) => reason);
      assert.ok(error instanceof Stripe.errors.StripeInvalidRequestError);
      assert.equal(error.code, 'charge_disputed');
      await close(won.id, 'won');
      assert.deepEqual(await booked(id), [1_999, 0, 700, 0]);
      await close(lost.id, 'lost');
      assert.deepEqual(await booked(id), [1_999, 0, 0, 700]);
      await assert.rejects(refund(id, 1_300), /greater than unrefunded amount/);
      assert.equal((await refund(id)).amount, 1_299);
      assert.deepEqual(await booked(id), [1_999, 1_299, 0, 700]);
    });

    it('or only inquire, which takes nothing', async () => {
      const { id } = await captured();
      const inquiry = await open(id, { isInquiry: true, reason: 'product_not_received' });
      assert.deepEqual(await booked(id), [1_999, 0, 0, 0]);
      await refund(id, 100);
      await close(inquiry.id, 'warning_closed');
      assert.deepEqual(await booked(id), [1_999, 100, 0, 0]);
      const { data } = await stripe.disputes.list({ payment_intent: id });
      assert.deepEqual(
        data.map(({ reason, status, metadata, balance_transactions: moved }) => ({
          reason,
          status,
          metadata,
          moved,
        })),
        [{ reason: 'product_not_received', status: 'warning_closed', metadata: {}, moved: [] }],
      );
    });
  });

  it('loses none of it when it is started again, but for faults', async () => {
    const key = uniqueId('key');
    const orderKey = uniqueId('order:web');
    const { id: forgotten } = await create(orderKey, key);
    await done('keys/forget', { orderKey });
    const { id: expired } = await create();
    await confirm(expired);
    await done('expirations', { intentId: expired });
    const { id } = await captured();
    const dispute = await done('disputes', { intentId: id, amount: 500 });
    await done('faults', { operation: 'create', how: 'error', takesEffect: false });
    await stop();
    await start();
    assert.notEqual((await create(orderKey, key)).id, forgotten);
    assert.equal((await stripe.paymentIntents.retrieve(expired)).status, 'canceled');
    assert.deepEqual(await booked(id), [1_999, 0, 500, 0]);
    await done(`disputes/${dispute.id}/close`, { status: 'lost' });
    assert.deepEqual(await booked(id), [1_999, 0, 0, 500]);
  });

  it('refuses what cannot be, naming the field', async () => {
    const { id: fresh } = await create();
    const { id: paid } = await captured();
    const open = await done('disputes', { intentId: paid, amount: 1_000 });
    const inquiry = await done('disputes', { intentId: paid, amount: 1, isInquiry: true });
    const fault = { operation: 'confirm', how: 'error', takesEffect: true };
    for (const [name, body, param] of [
      ['faults', { ...fault, operation: 'destroy' }, 'operation'],
      ['faults', { ...fault, how: 'loudly' }, 'how'],
      ['faults', { ...fault, times: 0 }, 'times'],
      ['faults', { operation: 'confirm', how: 'error' }, 'takesEffect'],
      ['faults', { operation: 'retrieve', how: 'error', takesEffect: true }, 'takesEffect'],
      ['faults', { ...fault, order: 'order:web:1' }, 'order'],
      ['faults', [], 'body'],
      ['faults', undefined, 'body'],
      ['keys/forget', { orderKey: '' }, 'orderKey'],
      ['keys/forget', { key: 'k' }, 'key'],
      ['authentications', { intentId: fresh, outcome: 'maybe' }, 'outcome'],
      ['authentications', { intentId: fresh, outcome: 'failed' }, 'intentId'],
      ['expirations', { intentId: 'pi_none' }, 'intentId'],
      ['expirations', { intentId: paid }, 'intentId'],
      ['disputes', { intentId: fresh, amount: 1 }, 'intentId'],
      ['disputes', { intentId: paid, amount: 1_000 }, 'amount'],
      ['disputes', { intentId: paid, amount: 1, reason: 'no reason' }, 'reason'],
      ['disputes/du_none/close', { status: 'won' }, 'id'],
      [`disputes/${open.id}/close`, { status: 'open' }, 'status'],
      [`disputes/${open.id}/close`, { status: 'warning_closed' }, 'status'],
      [`disputes/${inquiry.id}/close`, { status: 'lost' }, 'status'],
    ] as const) {
      const { code, answer } = await ask(name, body);
      assert.deepEqual([code, answer.error?.param], [400, param], JSON.stringify([body, answer]));
      assert.match(answer.error?.message ?? '', new RegExp(`^${param}: `));
    }
    const broken = await ask('faults', '{');
    assert.deepEqual([broken.code, broken.answer.error?.type], [400, 'invalid_request_error']);
    assert.deepEqual((await ask('faults', undefined, 'GET')).answer.pending, []);
  });
});
