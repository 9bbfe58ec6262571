import assert from 'node:assert/strict';
import { paymentTable } from '../../src/activities/paymentTable.ts';
import { refundTable } from '../../src/activities/refundTable.ts';
import {
  CANCEL,
  CAPTURE,
  CONFIRM,
  CREATE,
  money,
  type PaymentStage,
  persist,
  REFUND,
  SERVER_ERROR,
  startPaymentStage,
  THREE_D_SECURE,
} from '../support/paymentStage.ts';
import { eventually } from '../support/servers.ts';

/** A promise that the test fulfils. */
const gate = () => Promise.withResolvers<void>();

describe('returnPayment', () => {
  let stage: PaymentStage;
  before(async () => {
    stage = await startPaymentStage();
  });
  after(async () => await stage.stop());
  afterEach(() => stage.provider.clearFaults());

  it('refuses what comes after it', async () => {
    const { orderKey, authorise, capture, giveBack } = stage.newOrder();
    assert.deepEqual(await giveBack(), { kind: 'nothing' });
    assert.deepEqual(await authorise(), { kind: 'returned' });
    assert.deepEqual(await capture(), { kind: 'lapsed', code: 'payment_returned' });
    assert.deepEqual(await giveBack(), { kind: 'nothing' });
    assert.deepEqual(stage.atProvider(orderKey), []);
  });

  it('voids what is held', async () => {
    const { orderKey, authorise, giveBack } = stage.newOrder();
    await authorise();
    assert.deepEqual(await giveBack(), { kind: 'voided' });
    assert.deepEqual(await giveBack(), { kind: 'voided' });
    assert.deepEqual(stage.atProvider(orderKey), [['canceled', 0, 0]]);
    assert.deepEqual(await authorise(), { kind: 'returned' });
  });

  it('voids what may still be confirmed', async () => {
    const { orderKey, authorise, giveBack } = stage.newOrder();
    await authorise(THREE_D_SECURE);
    assert.deepEqual(await giveBack(), { kind: 'voided' });
    assert.deepEqual(stage.atProvider(orderKey), [['canceled', 0, 0]]);
  });

  it('refunds what is captured, once', async () => {
    const { orderKey, authorise, capture, giveBack } = stage.newOrder();
    await authorise();
    await capture();
    assert.deepEqual(await giveBack(), { kind: 'refunded', amount: 1_999 });
    assert.deepEqual(await giveBack(), { kind: 'refunded', amount: 1_999 });
    assert.deepEqual(await Promise.all([giveBack(), giveBack()]), [
      { kind: 'refunded', amount: 1_999 },
      { kind: 'refunded', amount: 1_999 },
    ]);
    assert.deepEqual(stage.atProvider(orderKey), [['succeeded', 1_999, 1_999]]);
    assert.deepEqual(await stage.rowOf(orderKey), {
      status: 'returned',
      captured: 1_999,
      refundable: 0,
    });
  });

  it('refunds once when two workers return at the same time', async () => {
    const { orderKey, authorise, capture, giveBack } = stage.newOrder();
    await authorise();
    await capture();
    await Promise.all([persist(giveBack), persist(giveBack), persist(giveBack)]);
    assert.deepEqual(stage.atProvider(orderKey), [['succeeded', 1_999, 1_999]]);
    assert.equal((await stage.rowOf(orderKey)).refundable, 0);
  });

  it('refunds a capture that nobody recorded', async () => {
    const { orderKey, authorise, capture, giveBack } = stage.newOrder();
    await authorise();
    stage.provider.failOnce({ on: CAPTURE, answer: 'cut' });
    await assert.rejects(capture());
    assert.deepEqual(await giveBack(), { kind: 'refunded', amount: 1_999 });
    assert.deepEqual(stage.atProvider(orderKey), [['succeeded', 1_999, 1_999]]);
    assert.deepEqual(await stage.rowOf(orderKey), {
      status: 'returned',
      captured: 1_999,
      refundable: 0,
    });
  });

  it('goes on where it stopped', async () => {
    for (const [executes, answer, calls] of [
      [true, 'cut', 1],
      [false, 'cut', 1],
      [true, SERVER_ERROR, 1],
      [false, SERVER_ERROR, 2],
    ] as const) {
      const { orderKey, authorise, capture, giveBack } = stage.newOrder();
      await authorise();
      await capture();
      stage.provider.failOnce({ on: REFUND, executes, answer });
      for (let call = 0; call < calls; call += 1) await assert.rejects(giveBack());
      assert.equal((await stage.rowOf(orderKey)).refundable, 0);
      assert.deepEqual(await giveBack(), { kind: 'refunded', amount: 1_999 });
      assert.deepEqual(stage.atProvider(orderKey), [['succeeded', 1_999, 1_999]]);
    }
  });

  it('makes the amount refundable again when the provider refuses', async () => {
    const { orderKey, authorise, capture, giveBack } = stage.newOrder();
    await authorise();
    await capture();
    const error = { type: 'invalid_request_error', message: 'planned refusal' };
    stage.provider.failOnce({ on: REFUND, executes: false, answer: { status: 400, error } });
    await assert.rejects(giveBack(), /planned refusal/);
    assert.equal((await stage.rowOf(orderKey)).refundable, 1_999);
    assert.deepEqual(await giveBack(), { kind: 'refunded', amount: 1_999 });
    assert.equal((await stage.rowOf(orderKey)).refundable, 0);
    assert.equal(stage.requestsOf(orderKey, 'refund/return.2'), 1);
  });

  it('refunds what other refunds have left', async () => {
    const { orderKey, authorise, capture, refund, giveBack } = stage.newOrder();
    await authorise();
    await capture();
    await refund('refund/lines/1', 1_200);
    const answer = { kind: 'refunded', amount: 799 };
    assert.deepEqual(await giveBack(), answer);
    assert.deepEqual(await giveBack(), answer);
    assert.deepEqual(stage.atProvider(orderKey), [['succeeded', 1_999, 1_999]]);
  });

  it('lets no other refund begin once it has closed the payment', async () => {
    const { orderKey, authorise, capture, giveBack } = stage.newOrder();
    await authorise();
    await capture();
    // As a return does that dies right after it.
    await paymentTable(stage.table, stage.tableName).close(orderKey, money);
    const late = refundTable(stage.table, stage.tableName).enter(orderKey, 'late', 700, 'captured');
    await assert.rejects(late, /the payment is not captured/);
    assert.deepEqual(await giveBack(), { kind: 'refunded', amount: 1_999 });
  });

  it('refunds nothing where other refunds have left nothing', async () => {
    const { orderKey, authorise, capture, refund, giveBack } = stage.newOrder();
    await authorise();
    await capture();
    await refund('refund/lines/1', 1_999);
    assert.deepEqual(await giveBack(), { kind: 'refunded', amount: 0 });
    assert.deepEqual(stage.atProvider(orderKey), [['succeeded', 1_999, 1_999]]);
  });

  it('ends a refund that was left half-way, and gives back the rest', async () => {
    for (const executes of [true, false]) {
      const { orderKey, authorise, capture, refund, giveBack } = stage.newOrder();
      await authorise();
      await capture();
      stage.provider.failOnce({ on: REFUND, executes, answer: 'cut' });
      await assert.rejects(refund('refund/lines/1', 700));
      assert.deepEqual(await giveBack(), { kind: 'refunded', amount: 1_299 });
      assert.deepEqual(stage.atProvider(orderKey), [['succeeded', 1_999, 1_999]]);
      assert.deepEqual(await refund('refund/lines/1', 700), { refunded: 700 });
    }
  });

  it('takes into its own what a refund that began before it was refused', async () => {
    const { orderKey, authorise, capture, refund, giveBack } = stage.newOrder();
    await authorise();
    await capture();
    stage.provider.failOnce({ on: REFUND, executes: false, answer: 'cut' });
    await assert.rejects(refund('refund/lines/1', 700));
    const error = { type: 'invalid_request_error', message: 'planned refusal' };
    stage.provider.failOnce({ on: REFUND, executes: false, answer: { status: 400, error } });
    await assert.rejects(giveBack(), /planned refusal/);
    assert.deepEqual(await giveBack(), { kind: 'refunded', amount: 1_999 });
    assert.deepEqual(await refund('refund/lines/1', 700), { refunded: 0 });
    assert.deepEqual(stage.atProvider(orderKey), [['succeeded', 1_999, 1_999]]);
  });

  it('wins over a refund that had not begun, and leaves one that had as it is', async () => {
    const { orderKey, authorise, capture, refund, giveBack } = stage.newOrder();
    await authorise();
    await capture();
    const { promise, resolve } = gate();
    stage.provider.failOnce({ on: REFUND, after: promise });
    const begun = refund('refund/lines/1', 700);
    await eventually(() => stage.requestsOf(orderKey, 'refund/lines/1') === 1);
    const returning = persist(giveBack);
    // The return asks for the same refund itself, under the same key.
    await eventually(() => stage.requestsOf(orderKey, 'refund/lines/1') === 2);
    resolve();
    assert.deepEqual(await begun, { refunded: 700 });
    assert.deepEqual(await returning, { kind: 'refunded', amount: 1_299 });
    assert.deepEqual(await refund('refund/lines/2', 100), { refunded: 0 });
    assert.deepEqual(stage.atProvider(orderKey), [['succeeded', 1_999, 1_999]]);
  });

  it('wins over a confirmation that is still under way', async () => {
    const { orderKey, authorise, giveBack } = stage.newOrder();
    const { promise, resolve } = gate();
    stage.provider.failOnce({ on: CONFIRM, after: promise });
    const late = authorise();
    await eventually(() => stage.requestsOf(orderKey, 'confirm/1') === 1);
    assert.deepEqual(await giveBack(), { kind: 'voided' });
    resolve();
    assert.deepEqual(await late, { kind: 'returned' });
    assert.deepEqual(stage.atProvider(orderKey), [['canceled', 0, 0]]);
  });

  it('wins over an intent that is still being created', async () => {
    const { orderKey, authorise, giveBack } = stage.newOrder();
    const { promise, resolve } = gate();
    stage.provider.failOnce({ on: CREATE, after: promise });
    const late = authorise();
    await eventually(() => stage.requestsOf(orderKey, 'payment-intent') === 1);
    assert.deepEqual(await giveBack(), { kind: 'nothing' });
    resolve();
    assert.deepEqual(await late, { kind: 'returned' });
    assert.deepEqual(stage.atProvider(orderKey), [['requires_payment_method', 0, 0]]);
    assert.deepEqual(await giveBack(), { kind: 'nothing' });
  });

  it('wins over a capture that comes too late, and refunds one that came first', async () => {
    for (const [held, first, end] of [
      [CAPTURE, 'return', ['canceled', 0, 0]],
      [CANCEL, 'capture', ['succeeded', 1_999, 1_999]],
    ] as const) {
      const { orderKey, authorise, capture, giveBack } = stage.newOrder();
      await authorise();
      const { promise, resolve } = gate();
      const id = stage.intentsOf(orderKey)[0]?.id ?? '';
      stage.provider.failOnce({ on: held, after: promise });
      const isHeld = () => {
        const verb = first === 'return' ? 'capture' : 'cancel';
        return stage.provider.requests.some((line) => line.includes(`/${id}/${verb}`));
      };
      if (first === 'return') {
        const late = capture();
        await eventually(isHeld);
        assert.deepEqual(await giveBack(), { kind: 'voided' });
        resolve();
        assert.equal((await late).kind, 'lapsed');
      } else {
        // The capture was under way when the return began: it saw the payment open.
        const capturing = gate();
        stage.provider.failOnce({ on: CAPTURE, after: capturing.promise });
        const early = capture();
        await eventually(() => stage.requestsOf(orderKey, 'capture') === 1);
        const returning = giveBack();
        await eventually(isHeld);
        capturing.resolve();
        assert.deepEqual(await early, { kind: 'lapsed', code: 'payment_returned' });
        resolve();
        assert.deepEqual(await returning, { kind: 'refunded', amount: 1_999 });
      }
      assert.deepEqual(stage.atProvider(orderKey), [end]);
    }
  });
});
