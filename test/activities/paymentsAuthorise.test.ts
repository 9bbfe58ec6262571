import assert from 'node:assert/strict';
import Stripe from 'stripe';
import {
  CONFIRM,
  CREATE,
  money,
  NO_FUNDS,
  type PaymentStage,
  persist,
  SERVER_ERROR,
  startPaymentStage,
  VISA,
} from '../support/paymentStage.ts';
import { uniqueId } from '../support/servers.ts';

describe('authorisePayment', () => {
  let stage: PaymentStage;
  before(async () => {
    stage = await startPaymentStage();
  });
  after(async () => await stage.stop());
  afterEach(() => stage.provider.clearFaults());

  it('holds the money once, however often it is called', async () => {
    const { orderKey, authorise } = stage.newOrder();
    const first = await authorise();
    assert.equal(first.kind, 'authorised');
    assert.deepEqual(await authorise(), first);
    assert.deepEqual(stage.atProvider(orderKey), [['requires_capture', 0, 0]]);
    assert.equal(stage.requestsOf(orderKey, 'confirm/1'), 1);
    assert.deepEqual(await stage.rowOf(orderKey), { status: 'open', captured: 0, refundable: 0 });
  });

  it('answers what the provider did when its answer was lost', async () => {
    for (const on of [CREATE, CONFIRM]) {
      const { orderKey, authorise } = stage.newOrder();
      stage.provider.failOnce({ on, answer: 'cut' });
      await assert.rejects(authorise(), Stripe.errors.StripeConnectionError);
      assert.equal((await authorise()).kind, 'authorised');
      assert.deepEqual(stage.atProvider(orderKey), [['requires_capture', 0, 0]]);
    }
  });

  it('says who declined, and the same when it is asked again', async () => {
    for (const [method, severity, code] of [
      ['pm_card_visa_chargeDeclined', 'soft', 'generic_decline'],
      [NO_FUNDS, 'soft', 'insufficient_funds'],
      ['pm_card_chargeDeclinedExpiredCard', 'soft', 'expired_card'],
      ['pm_card_visa_chargeDeclinedLostCard', 'hard', 'lost_card'],
      ['pm_unknown', 'soft', 'resource_missing'],
    ] as const) {
      const { orderKey, authorise } = stage.newOrder();
      const answer = await authorise(method);
      const intentId = stage.intentsOf(orderKey)[0]?.id;
      assert.deepEqual(answer, { kind: 'declined', intentId, severity, code });
      assert.deepEqual(await authorise(method), answer);
      assert.equal((await authorise(VISA, 2)).kind, 'authorised');
      assert.equal(stage.intentsOf(orderKey).length, 1);
    }
  });

  it('answers a decline that it did not hear of', async () => {
    const { orderKey, authorise } = stage.newOrder();
    stage.provider.failOnce({ on: CONFIRM, answer: 'cut' });
    await assert.rejects(authorise(NO_FUNDS));
    const answer = await authorise(NO_FUNDS);
    assert.ok(answer.kind === 'declined' && answer.code === 'insufficient_funds');
    assert.equal(stage.requestsOf(orderKey, 'confirm/1'), 1);
  });

  it('does not take an earlier decline of the same method for this attempt', async () => {
    const { orderKey, authorise } = stage.newOrder();
    await authorise(NO_FUNDS, 1);
    stage.provider.failOnce({ on: CONFIRM, executes: false, answer: 'cut' });
    await assert.rejects(authorise(NO_FUNDS, 2));
    await authorise(NO_FUNDS, 2);
    assert.equal(stage.requestsOf(orderKey, 'confirm/2'), 2);
    // The later attempt has begun: the earlier one may not charge any more.
    await assert.rejects(authorise(VISA, 1), /superseded/);
  });

  it('declines an amount that cannot be charged', async () => {
    const payments = stage.worker();
    const orderKey = uniqueId('order:web');
    const request = { orderKey, money: { amount: 49, currency: 'USD' }, method: VISA } as const;
    const answer = {
      kind: 'declined',
      intentId: null,
      severity: 'hard',
      code: 'amount_too_small',
    };
    assert.deepEqual(await payments.authorisePayment({ ...request, attempt: 1 }), answer);
    assert.deepEqual(await payments.authorisePayment({ ...request, attempt: 1 }), answer);
    assert.deepEqual(await payments.returnPayment(request), { kind: 'nothing' });
  });

  it('does not decline an order for a key, a limit or a fault of ours', async () => {
    const { orderKey, authorise } = stage.newOrder();
    const request = { orderKey, money, method: VISA, attempt: 1 };
    await assert.rejects(
      stage.worker({ apiKey: 'sk_live_wrong' }).authorisePayment(request),
      Stripe.errors.StripeAuthenticationError,
    );
    for (const [status, type] of [
      [429, 'invalid_request_error'],
      [409, 'invalid_request_error'],
      [403, 'invalid_request_error'],
      [400, 'invalid_request_error'],
    ] as const) {
      const order = stage.newOrder();
      stage.provider.failOnce({
        on: CREATE,
        answer: { status, error: { type, message: 'planned' } },
      });
      await assert.rejects(order.authorise(), /planned/);
    }
    assert.equal((await authorise()).kind, 'authorised');
    await assert.rejects(
      stage.worker().authorisePayment({ ...request, money: { amount: 1_999, currency: 'EUR' } }),
      /expected 1999 USD, received 1999 EUR/,
    );
  });

  it('looks before it uses another key for one that answers 500 for ever', async () => {
    for (const [on, executes, calls, keys] of [
      [CREATE, false, 3, ['payment-intent', 'payment-intent.2']],
      [CONFIRM, false, 3, ['confirm/1', 'confirm/1.2']],
      [CONFIRM, true, 2, ['confirm/1']],
    ] as const) {
      const { orderKey, authorise } = stage.newOrder();
      stage.provider.failOnce({ on, executes, answer: SERVER_ERROR });
      for (let call = 1; call < calls; call += 1) await assert.rejects(authorise(), /planned/);
      assert.equal((await authorise()).kind, 'authorised');
      assert.deepEqual(stage.atProvider(orderKey), [['requires_capture', 0, 0]]);
      const [step = ''] = keys;
      const used = stage.provider.requests.filter((line) => line.includes(` ${orderKey}/${step}`));
      const distinct = new Set(used.map((line) => line.split(' ')[2]));
      assert.deepEqual(
        [...distinct],
        keys.map((key) => `${orderKey}/${key}`),
      );
    }
  });

  it('keeps keys within the length the provider takes', async () => {
    const { authorise, capture } = stage.newOrder({
      orderKey: `order:${'c'.repeat(128)}:${uniqueId('o'.repeat(115))}`,
    });
    assert.equal((await authorise()).kind, 'authorised');
    assert.deepEqual(await capture(), { kind: 'captured', amount: 1_999 });
  });

  it('lets only one of two workers create the intent', async () => {
    const { orderKey, authorise } = stage.newOrder();
    const answers = await Promise.all([persist(authorise), persist(authorise)]);
    assert.deepEqual(answers[0], answers[1]);
    assert.deepEqual(stage.atProvider(orderKey), [['requires_capture', 0, 0]]);
  });

  it('declines when the intent was cancelled by hand', async () => {
    const { orderKey, authorise } = stage.newOrder();
    await authorise(NO_FUNDS);
    await stage.cancelByHand(orderKey);
    const answer = await authorise(VISA, 2);
    assert.ok(answer.kind === 'declined' && answer.severity === 'hard');
  });
});
