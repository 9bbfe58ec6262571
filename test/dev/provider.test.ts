import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { json } from 'node:stream/consumers';
import Stripe from 'stripe';
import { createStripe } from '../../src/platform/stripe.ts';
import { uniqueId } from '../support/servers.ts';

interface ReadyLine {
  readonly msg: string;
  readonly address: string;
}

/** The sandbox as a process of its own, over HTTP, through the package that production uses. */
describe('the payment provider sandbox', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'waybill-provider-'));
  const file = path.join(folder, 'state', 'provider.jsonl');
  let child: ChildProcess;
  let address: string;
  let stripe: Stripe;

  async function start(): Promise<void> {
    child = spawn(process.execPath, ['dev/provider.ts'], {
      cwd: path.resolve(import.meta.dirname, '../..'),
      env: { PATH: process.env['PATH'], PROVIDER_PORT: '0', PROVIDER_LEDGER: file },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    assert.ok(child.stdout);
    const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
    const ready = JSON.parse(line) as ReadyLine;
    assert.equal(ready.msg, 'ready');
    assert.match(ready.address, /^http:\/\/127\.0\.0\.1:/);
    ({ address } = ready);
    stripe = createStripe({ apiKey: 'sk_test_waybill', baseUrl: address, timeoutMs: 5_000 });
  }

  async function stop(signal: NodeJS.Signals): Promise<number | null> {
    const exit = once(child, 'exit') as Promise<[number | null]>;
    child.kill(signal);
    return (await exit)[0];
  }

  before(start);
  after(async () => {
    await stop('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  });

  const intentParams = {
    amount: 1_999,
    currency: 'usd',
    capture_method: 'manual',
    allowed_payment_method_types: ['card'],
    metadata: { orderKey: 'order:web:1' },
  } satisfies Stripe.PaymentIntentCreateParams;

  const newIntent = () => stripe.paymentIntents.create(intentParams);
  const confirm = (id: string, method = 'pm_card_visa') =>
    stripe.paymentIntents.confirm(id, { payment_method: method });

  async function captured(): Promise<Stripe.PaymentIntent> {
    const { id } = await newIntent();
    await confirm(id);
    return await stripe.paymentIntents.capture(id);
  }

  /** What the call is refused with, in Stripe's words. */
  async function refusal(call: Promise<unknown>): Promise<Stripe.errors.StripeError> {
    const error = await call.then(
      () => assert.fail('expected a refusal'),
      (reason: unknown) => reason,
    );
    assert.ok(error instanceof Stripe.errors.StripeError, String(error));
    return error;
  }

  describe('payment intents', () => {
    it('are created, confirmed and captured', async () => {
      const created = await newIntent();
      assert.equal(created.status, 'requires_payment_method');
      assert.deepEqual(created.metadata, { orderKey: 'order:web:1' });
      const held = await confirm(created.id);
      assert.equal(held.status, 'requires_capture');
      assert.equal(held.amount_capturable, 1_999);
      const taken = await stripe.paymentIntents.capture(created.id);
      assert.equal(taken.status, 'succeeded');
      assert.equal(taken.amount_received, 1_999);
      assert.deepEqual({ ...(await stripe.paymentIntents.retrieve(created.id)) }, { ...taken });
    });

    it('are captured in part, which lets go of the rest', async () => {
      const { id } = await newIntent();
      await confirm(id);
      const capture = (amount: number) =>
        stripe.paymentIntents.capture(id, { amount_to_capture: amount });
      for (const [amount, code] of [
        [2_000, 'amount_too_large'],
        [0, 'parameter_invalid_integer'],
      ] as const) {
        const error = await refusal(capture(amount));
        assert.deepEqual([error.code, error.param], [code, 'amount_to_capture']);
      }
      const taken = await capture(1_200);
      assert.deepEqual(
        [taken.status, taken.amount, taken.amount_received, taken.amount_capturable],
        ['succeeded', 1_999, 1_200, 0],
      );
      assert.equal((await refusal(capture(799))).code, 'payment_intent_unexpected_state');
      assert.match(
        (await refusal(stripe.refunds.create({ payment_intent: id, amount: 1_201 }))).message,
        /greater than unrefunded amount/,
      );
      assert.equal((await stripe.refunds.create({ payment_intent: id })).amount, 1_200);
    });

    it('are declined as Stripe declines its test methods, and confirmed with another', async () => {
      for (const [method, code, declineCode] of [
        ['pm_card_visa_chargeDeclined', 'card_declined', 'generic_decline'],
        ['pm_card_visa_chargeDeclinedInsufficientFunds', 'card_declined', 'insufficient_funds'],
        ['pm_card_visa_chargeDeclinedLostCard', 'card_declined', 'lost_card'],
        ['pm_card_visa_chargeDeclinedStolenCard', 'card_declined', 'stolen_card'],
        ['pm_card_chargeDeclinedExpiredCard', 'expired_card', 'expired_card'],
        ['pm_card_chargeDeclinedProcessingError', 'processing_error', 'processing_error'],
      ] as const) {
        const { id } = await newIntent();
        const error = await refusal(confirm(id, method));
        assert.ok(error instanceof Stripe.errors.StripeCardError);
        assert.deepEqual(
          [error.statusCode, error.rawType, error.code, error.decline_code],
          [402, 'card_error', code, declineCode],
        );
        assert.equal(error.payment_intent?.status, 'requires_payment_method');
        const intent = await stripe.paymentIntents.retrieve(id);
        assert.equal(intent.status, 'requires_payment_method');
        assert.equal(intent.last_payment_error?.decline_code, declineCode);
        assert.equal(intent.last_payment_error?.charge, error.charge);
        const held = await confirm(id);
        assert.equal(held.status, 'requires_capture');
        assert.equal(held.last_payment_error, null);
      }
    });

    it('ask for the customer where a card wants authentication', async () => {
      for (const method of ['pm_card_authenticationRequired', 'pm_card_threeDSecure2Required']) {
        const { id } = await newIntent();
        assert.equal((await confirm(id, method)).status, 'requires_action');
        assert.equal((await confirm(id)).status, 'requires_capture');
      }
    });

    it('are cancelled, and then neither confirmed nor captured nor cancelled again', async () => {
      const { id } = await newIntent();
      await confirm(id);
      const cancelled = await stripe.paymentIntents.cancel(id);
      assert.deepEqual([cancelled.status, cancelled.amount_capturable], ['canceled', 0]);
      for (const call of [
        confirm(id),
        stripe.paymentIntents.capture(id),
        stripe.paymentIntents.cancel(id),
      ]) {
        const error = await refusal(call);
        assert.deepEqual(
          [error.statusCode, error.code, error.payment_intent?.status],
          [400, 'payment_intent_unexpected_state', 'canceled'],
        );
      }
    });

    it('once captured are neither confirmed nor captured again nor cancelled', async () => {
      const { id } = await captured();
      for (const call of [
        confirm(id),
        stripe.paymentIntents.capture(id),
        stripe.paymentIntents.cancel(id),
      ]) {
        assert.equal((await refusal(call)).code, 'payment_intent_unexpected_state');
      }
    });

    it('refuse what Stripe refuses', async () => {
      const create = (params: object) =>
        refusal(stripe.paymentIntents.create({ ...intentParams, ...params }));
      const { id } = await newIntent();
      for (const [error, code, param] of [
        [await create({ amount: 49 }), 'amount_too_small', 'amount'],
        [await create({ amount: 100_000_000 }), 'amount_too_large', 'amount'],
        [await create({ amount: 1.5 }), 'parameter_invalid_integer', 'amount'],
        [await create({ currency: undefined }), 'parameter_missing', 'currency'],
        [await create({ ammount: 1 }), 'parameter_unknown', 'ammount'],
        [
          await create({ payment_method_types: ['card'] }),
          'payment_method_types_no_longer_supported',
          'payment_method_types',
        ],
        [await refusal(confirm(id, 'pm_unknown')), 'resource_missing', 'payment_method'],
        [await refusal(confirm(id, 'constructor')), 'resource_missing', 'payment_method'],
      ] as const) {
        assert.deepEqual([error.statusCode, error.code, error.param], [400, code, param]);
      }
      const missing = await refusal(stripe.paymentIntents.retrieve('pi_none'));
      assert.deepEqual([missing.statusCode, missing.code], [404, 'resource_missing']);
      const unknown = await refusal(stripe.customers.list());
      assert.equal(unknown.statusCode, 404);
    });
  });

  describe('refunds', () => {
    it('give back in parts, never more than was captured', async () => {
      const { id } = await captured();
      const first = await stripe.refunds.create({ payment_intent: id, amount: 1_000 });
      assert.equal(first.status, 'succeeded');
      const tooMuch = await refusal(stripe.refunds.create({ payment_intent: id, amount: 1_000 }));
      assert.match(tooMuch.message, /greater than unrefunded amount/);
      const second = await stripe.refunds.create({ payment_intent: id });
      assert.equal(second.amount, 999);
      const nothingLeft = await refusal(stripe.refunds.create({ payment_intent: id }));
      assert.deepEqual(
        [nothingLeft.statusCode, nothingLeft.code],
        [400, 'charge_already_refunded'],
      );
      assert.equal((await stripe.refunds.retrieve(second.id)).amount, 999);
      const ids: string[] = [];
      for await (const refund of stripe.refunds.list({ payment_intent: id, limit: 1 })) {
        ids.push(refund.id);
      }
      assert.deepEqual(ids, [second.id, first.id]);
    });

    it('are refused before anything is captured', async () => {
      const { id } = await newIntent();
      await confirm(id);
      const error = await refusal(stripe.refunds.create({ payment_intent: id }));
      assert.match(error.message, /does not have a successful charge to refund/);
    });
  });

  describe('idempotency keys', () => {
    it('replay the first answer, whatever has happened since', async () => {
      const idempotencyKey = uniqueId('key');
      const created = await stripe.paymentIntents.create(intentParams, { idempotencyKey });
      assert.equal(created.lastResponse.headers['idempotent-replayed'], undefined);
      await stripe.paymentIntents.cancel(created.id);
      const again = await stripe.paymentIntents.create(intentParams, { idempotencyKey });
      assert.deepEqual([again.id, again.status], [created.id, 'requires_payment_method']);
      assert.equal(again.lastResponse.headers['idempotent-replayed'], 'true');
    });

    it('replay a decline', async () => {
      const { id } = await newIntent();
      const options = { idempotencyKey: uniqueId('key') };
      const method = { payment_method: 'pm_card_visa_chargeDeclined' };
      const first = await refusal(stripe.paymentIntents.confirm(id, method, options));
      const again = await refusal(stripe.paymentIntents.confirm(id, method, options));
      assert.equal(again.charge, first.charge);
      assert.equal(again.headers?.['idempotent-replayed'], 'true');
    });

    it('are refused with other parameters or another endpoint', async () => {
      const options = { idempotencyKey: uniqueId('key') };
      const { id } = await stripe.paymentIntents.create(intentParams, options);
      for (const call of [
        stripe.paymentIntents.create({ ...intentParams, amount: 2_000 }, options),
        stripe.paymentIntents.cancel(id, {}, options),
      ]) {
        const error = await refusal(call);
        assert.ok(error instanceof Stripe.errors.StripeIdempotencyError);
        assert.equal(error.statusCode, 400);
      }
      const tooLong = stripe.paymentIntents.create(intentParams, {
        idempotencyKey: 'k'.repeat(256),
      });
      assert.equal((await refusal(tooLong)).statusCode, 400);
    });

    it('do not keep what failed validation', async () => {
      const options = { idempotencyKey: uniqueId('key') };
      await refusal(stripe.paymentIntents.create({ ...intentParams, amount: 1 }, options));
      const created = await stripe.paymentIntents.create(intentParams, options);
      assert.equal(created.amount, 1_999);
    });

    it('are locked while a request with them is under way', async () => {
      const idempotencyKey = uniqueId('key');
      const body = 'amount=1999&currency=usd&capture_method=manual';
      const slow = request(`${address}/v1/payment_intents`, {
        method: 'POST',
        headers: {
          authorization: 'Bearer sk_test_waybill',
          'content-type': 'application/x-www-form-urlencoded',
          'content-length': String(body.length),
          'idempotency-key': idempotencyKey,
          expect: '100-continue',
        },
      });
      slow.flushHeaders();
      // The server has seen its headers, and waits for the body.
      await once(slow, 'continue');
      const params = { amount: 1_999, currency: 'usd', capture_method: 'manual' } as const;
      const error = await refusal(stripe.paymentIntents.create(params, { idempotencyKey }));
      assert.deepEqual([error.statusCode, error.code], [409, 'idempotency_key_in_use']);

      const answered = once(slow, 'response') as Promise<[NodeJS.ReadableStream]>;
      slow.end(body);
      const intent = (await json((await answered)[0])) as Stripe.PaymentIntent;
      const again = await stripe.paymentIntents.create(params, { idempotencyKey });
      assert.equal(again.id, intent.id);
    });
  });

  it('scores orders by their customer, and nothing else', async () => {
    const score = async (body: object) => {
      const response = await fetch(`${address}/screening/scores`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
      return [response.status, ((await response.json()) as { score?: number }).score];
    };
    const order = {
      orderKey: 'order:web:1',
      customerId: 'customer-1',
      total: { amount: 1_999, currency: 'USD' },
      pieces: 1,
    };
    assert.deepEqual(await score(order), [200, 5]);
    assert.deepEqual(await score({ ...order, customerId: 'doubtful-1' }), [200, 75]);
    assert.deepEqual(await score({ ...order, customerId: 'fraudulent-1' }), [200, 95]);
    const { total: _total, ...incomplete } = order;
    for (const body of [incomplete, { ...order, email: 'ada@example.com' }, {}]) {
      assert.deepEqual(await score(body), [400, undefined]);
    }
  });

  it('wants a test key', async () => {
    const wrong = createStripe({ apiKey: 'sk_live_x', baseUrl: address, timeoutMs: 5_000 });
    const error = await refusal(wrong.paymentIntents.create(intentParams));
    assert.ok(error instanceof Stripe.errors.StripeAuthenticationError);
    assert.equal((await fetch(`${address}/v1/payment_intents/pi_x`)).status, 401);
  });

  it('loses nothing it has answered when it is killed', async () => {
    const idempotencyKey = uniqueId('key');
    const intent = await stripe.paymentIntents.create(intentParams, { idempotencyKey });
    await confirm(intent.id);
    await stripe.paymentIntents.capture(intent.id);
    await stripe.refunds.create({ payment_intent: intent.id, amount: 500 });
    await stop('SIGKILL');
    // A line that the kill cut off: nobody has had its answer.
    appendFileSync(file, '{"objects":[{"object":"payment_intent","id":"pi_');
    await start();

    const again = await stripe.paymentIntents.create(intentParams, { idempotencyKey });
    assert.equal(again.id, intent.id);
    const rest = await stripe.refunds.create({ payment_intent: intent.id });
    assert.equal(rest.amount, 1_499);

    assert.equal(await stop('SIGTERM'), 0);
    await start();
    const books = (await (await fetch(`${address}/ledger`)).json()) as {
      readonly intents: readonly { readonly id: string }[];
      readonly refunds: readonly { readonly payment_intent: string; readonly amount: number }[];
    };
    assert.deepEqual(
      books.intents.find(({ id }) => id === intent.id),
      {
        id: intent.id,
        amount: 1_999,
        currency: 'usd',
        status: 'succeeded',
        amount_captured: 1_999,
        amount_refunded: 1_999,
        amount_disputed: 0,
        amount_lost: 0,
        metadata: { orderKey: 'order:web:1' },
      },
    );
    const amounts = books.refunds
      .filter((refund) => refund.payment_intent === intent.id)
      .map(({ amount }) => amount);
    assert.deepEqual(amounts, [500, 1_499]);
  });

  it('lists every intent, youngest first', async () => {
    const made = [(await newIntent()).id, (await newIntent()).id, (await newIntent()).id];
    const ids: string[] = [];
    for await (const intent of stripe.paymentIntents.list({ limit: 2 })) ids.push(intent.id);
    assert.deepEqual(ids.slice(0, 3), made.toReversed());
    assert.equal(new Set(ids).size, ids.length);
  });
});
