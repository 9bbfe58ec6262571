import assert from 'node:assert/strict';
import {
  CAPTURE,
  CONFIRM,
  NO_FUNDS,
  type PaymentStage,
  SERVER_ERROR,
  startPaymentStage,
} from '../support/paymentStage.ts';
import { eventually } from '../support/servers.ts';

describe('capturePayment', () => {
  let stage: PaymentStage;
  before(async () => {
    stage = await startPaymentStage();
  });
  after(async () => await stage.stop());
  afterEach(() => stage.provider.clearFaults());

  it('takes the money once and records it', async () => {
    const { orderKey, authorise, capture } = stage.newOrder();
    await authorise();
    assert.deepEqual(await capture(), { kind: 'captured', amount: 1_999 });
    assert.deepEqual(await capture(), { kind: 'captured', amount: 1_999 });
    assert.deepEqual(stage.atProvider(orderKey), [['succeeded', 1_999, 0]]);
    assert.deepEqual(await stage.rowOf(orderKey), {
      status: 'captured',
      captured: 1_999,
      refundable: 1_999,
    });
    assert.equal((await authorise()).kind, 'authorised');
  });

  it('records what it took when the answer was lost', async () => {
    for (const answer of ['cut', SERVER_ERROR] as const) {
      const { orderKey, authorise, capture } = stage.newOrder();
      await authorise();
      stage.provider.failOnce({ on: CAPTURE, answer });
      await assert.rejects(capture());
      assert.deepEqual(await capture(), { kind: 'captured', amount: 1_999 });
      assert.equal(stage.requestsOf(orderKey, 'capture'), 1);
      assert.equal((await stage.rowOf(orderKey)).captured, 1_999);
    }
  });

  it('uses another key where a 500 took nothing', async () => {
    const { orderKey, authorise, capture } = stage.newOrder();
    await authorise();
    stage.provider.failOnce({ on: CAPTURE, executes: false, answer: SERVER_ERROR });
    await assert.rejects(capture());
    await assert.rejects(capture());
    assert.deepEqual(await capture(), { kind: 'captured', amount: 1_999 });
    assert.equal(stage.requestsOf(orderKey, 'capture.2'), 1);
  });

  it('says that the authorisation lapsed', async () => {
    const never = stage.newOrder();
    const code = 'payment_not_authorised';
    assert.deepEqual(await never.capture(), { kind: 'lapsed', code });
    const declined = stage.newOrder();
    await declined.authorise(NO_FUNDS);
    assert.deepEqual(await declined.capture(), { kind: 'lapsed', code });
    const expired = stage.newOrder();
    await expired.authorise();
    await stage.cancelByHand(expired.orderKey);
    assert.deepEqual(await expired.capture(), {
      kind: 'lapsed',
      code: 'payment_intent_canceled',
    });
  });

  describe('of a part', () => {
    it('takes what is asked, lets go of the rest, and says so on repeats', async () => {
      const { orderKey, authorise, capture, giveBack } = stage.newOrder();
      await authorise();
      const answer = { kind: 'captured', amount: 1_200 };
      assert.deepEqual(await capture(1_200), answer);
      assert.deepEqual(await capture(1_200), answer);
      // What is captured is captured, whatever is asked for afterwards.
      assert.deepEqual(await capture(), answer);
      assert.deepEqual(stage.atProvider(orderKey), [['succeeded', 1_200, 0]]);
      assert.deepEqual(await stage.rowOf(orderKey), {
        status: 'captured',
        captured: 1_200,
        refundable: 1_200,
      });
      assert.deepEqual(await giveBack(), { kind: 'refunded', amount: 1_200 });
    });

    it('says what was taken when the answer was lost, also where another amount is asked for', async () => {
      for (const answer of ['cut', SERVER_ERROR] as const) {
        const { orderKey, authorise, capture } = stage.newOrder();
        await authorise();
        stage.provider.failOnce({ on: CAPTURE, answer });
        await assert.rejects(capture(1_200));
        assert.deepEqual(await capture(500), { kind: 'captured', amount: 1_200 });
        assert.equal((await stage.rowOf(orderKey)).refundable, 1_200);
      }
    });

    it('can be asked for another amount where nothing was taken', async () => {
      const { orderKey, authorise, capture } = stage.newOrder();
      await authorise();
      stage.provider.failOnce({ on: CAPTURE, executes: false, answer: SERVER_ERROR });
      await assert.rejects(capture(1_200));
      assert.deepEqual(await capture(500), { kind: 'captured', amount: 500 });
      assert.deepEqual(stage.atProvider(orderKey), [['succeeded', 500, 0]]);
    });

    it('takes nothing of an amount that cannot be', async () => {
      const { orderKey, authorise, capture } = stage.newOrder();
      await authorise();
      for (const amount of [0, -1, 1.5, 2_000, Number.NaN]) {
        await assert.rejects(capture(amount), RangeError);
      }
      assert.deepEqual(stage.atProvider(orderKey), [['requires_capture', 0, 0]]);
    });
  });

  describe('together with the authorisation', () => {
    for (const amount of [1_999, 1_200]) {
      it(`takes ${amount} of 1999 once, and says so on repeats`, async () => {
        const { orderKey, authoriseAndCapture, capture } = stage.newOrder();
        const answer = await authoriseAndCapture(amount);
        const intentId = stage.intentsOf(orderKey)[0]?.id;
        assert.deepEqual(answer, { kind: 'captured', intentId, amount });
        assert.deepEqual(await authoriseAndCapture(amount), answer);
        assert.deepEqual(await capture(), { kind: 'captured', amount });
        assert.deepEqual(stage.atProvider(orderKey), [['succeeded', amount, 0]]);
      });
    }

    it('takes nothing where the payment is declined', async () => {
      const { orderKey, authoriseAndCapture } = stage.newOrder();
      assert.equal((await authoriseAndCapture(1_999, NO_FUNDS)).kind, 'declined');
      assert.deepEqual(stage.atProvider(orderKey), [['requires_payment_method', 0, 0]]);
    });

    it('takes it once when an answer was lost (FAULTS 18, 20)', async () => {
      for (const on of [CONFIRM, CAPTURE]) {
        for (const answer of ['cut', SERVER_ERROR] as const) {
          const { orderKey, authoriseAndCapture } = stage.newOrder();
          stage.provider.failOnce({ on, answer });
          await assert.rejects(authoriseAndCapture(1_999));
          assert.equal((await authoriseAndCapture(1_999)).kind, 'captured');
          assert.deepEqual(stage.atProvider(orderKey), [['succeeded', 1_999, 0]]);
          assert.equal(stage.requestsOf(orderKey, 'capture'), 1);
        }
      }
    });

    it('says that it is authorised where that lapsed before the capture', async () => {
      const { orderKey, authoriseAndCapture, capture } = stage.newOrder();
      const { promise: after, resolve: goOn } = Promise.withResolvers<void>();
      stage.provider.failOnce({ on: CAPTURE, after });
      const asked = authoriseAndCapture(1_999);
      await eventually(() => stage.requestsOf(orderKey, 'capture') > 0);
      await stage.cancelByHand(orderKey);
      goOn();
      assert.equal((await asked).kind, 'authorised');
      assert.equal((await capture()).kind, 'lapsed');
      assert.deepEqual(stage.atProvider(orderKey), [['canceled', 0, 0]]);
    });
  });
});
