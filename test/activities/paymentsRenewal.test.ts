import assert from 'node:assert/strict';
import { paymentTable } from '../../src/activities/paymentTable.ts';
import {
  CAPTURE,
  CONFIRM,
  CREATE,
  type PaymentStage,
  persist,
  SERVER_ERROR,
  startPaymentStage,
  THREE_D_SECURE,
  VISA,
} from '../support/paymentStage.ts';
import { eventually } from '../support/servers.ts';

describe('authorisePayment of a payment that lapsed', () => {
  let stage: PaymentStage;
  before(async () => {
    stage = await startPaymentStage();
  });
  after(async () => await stage.stop());
  afterEach(() => stage.provider.clearFaults());

  /** One that was authorised, and is not any more. */
  async function newLapsed() {
    const order = stage.newOrder();
    await order.authorise();
    await stage.ask(order.orderKey, 'expirations');
    const [lapsedId = ''] = stage.intentsOf(order.orderKey).map(({ id }) => id);
    return { ...order, lapsedId };
  }

  async function lapsedIn(orderKey: string) {
    const rows = await stage.rowsOf(orderKey);
    return rows.find(({ entry }) => entry === 'PAYMENT')?.['lapsed'];
  }

  const CANCELLED = ['canceled', 0, 0] as const;
  /** A promise that the test fulfils. */
  const gate = () => Promise.withResolvers<void>();

  it('holds the money by another intent, once, and captures that', async () => {
    const { orderKey, authorise, capture, lapsedId } = await newLapsed();
    assert.deepEqual(await capture(), { kind: 'lapsed', code: 'payment_intent_canceled' });
    const renewed = await authorise(VISA, 1, 1);
    assert.ok(renewed.kind === 'authorised' && renewed.intentId !== lapsedId);
    assert.deepEqual(await authorise(VISA, 1, 1), renewed);
    assert.deepEqual(await lapsedIn(orderKey), [lapsedId]);
    assert.deepEqual(await capture(), { kind: 'captured', amount: 1_999 });
    assert.deepEqual(await authorise(VISA, 1, 1), renewed);
    assert.deepEqual(stage.atProvider(orderKey), [CANCELLED, ['succeeded', 1_999, 0]]);
  });

  it('keeps the intent that has not lapsed, as it may still be captured', async () => {
    const { orderKey, authorise, capture } = stage.newOrder();
    const first = await authorise();
    assert.deepEqual(await authorise(VISA, 2, 1), first);
    assert.deepEqual(stage.atProvider(orderKey), [['requires_capture', 0, 0]]);
    await capture();
    assert.deepEqual(await authorise(VISA, 2, 1), first);
    assert.deepEqual(stage.atProvider(orderKey), [['succeeded', 1_999, 0]]);
    // And one that waits for the customer waits on.
    const asked = stage.newOrder();
    await asked.authorise(THREE_D_SECURE);
    assert.equal((await asked.authorise(THREE_D_SECURE, 1, 1)).kind, 'requires-action');
    assert.equal(stage.intentsOf(asked.orderKey).length, 1);
  });

  it('can lapse again and be renewed again', async () => {
    const { orderKey, authorise, capture } = await newLapsed();
    await authorise(VISA, 1, 1);
    await stage.ask(orderKey, 'expirations');
    assert.equal((await capture()).kind, 'lapsed');
    assert.equal((await authorise(VISA, 1, 2)).kind, 'authorised');
    assert.deepEqual(await capture(1_200), { kind: 'captured', amount: 1_200 });
    assert.deepEqual(stage.atProvider(orderKey), [CANCELLED, CANCELLED, ['succeeded', 1_200, 0]]);
    assert.equal(((await lapsedIn(orderKey)) as string[]).length, 2);
  });

  it('refuses what comes late of the intents before', async () => {
    const { orderKey, authorise } = await newLapsed();
    const declined = await authorise(VISA, 2);
    assert.ok(declined.kind === 'declined' && declined.code === 'payment_intent_canceled');
    await authorise(VISA, 1, 1);
    await assert.rejects(authorise(VISA, 1), /superseded/);
    await assert.rejects(authorise(VISA, 3), /superseded/);
    assert.deepEqual(stage.atProvider(orderKey), [CANCELLED, ['requires_capture', 0, 0]]);
  });

  it('goes on where it stopped (FAULTS 20)', async () => {
    for (const on of [CREATE, CONFIRM]) {
      for (const [executes, answer] of [
        [true, 'cut'],
        [false, 'cut'],
        [true, SERVER_ERROR],
        [false, SERVER_ERROR],
      ] as const) {
        const { orderKey, authorise, capture } = await newLapsed();
        stage.provider.failOnce({ on, executes, answer });
        await assert.rejects(authorise(VISA, 1, 1));
        const renewed = await persist(() => authorise(VISA, 1, 1));
        assert.equal(renewed?.kind, 'authorised');
        await capture();
        const charged = stage.atProvider(orderKey).filter(([status]) => status === 'succeeded');
        assert.deepEqual(charged, [['succeeded', 1_999, 0]]);
      }
    }
  });

  it('makes one of it when two workers renew at the same time', async () => {
    const { orderKey, authorise, capture } = await newLapsed();
    const renew = () => persist(() => authorise(VISA, 1, 1));
    const answers = await Promise.all([renew(), renew(), renew()]);
    assert.equal(answers[0]?.kind, 'authorised');
    assert.deepEqual(answers[1], answers[0]);
    assert.deepEqual(answers[2], answers[0]);
    await capture();
    assert.deepEqual(stage.atProvider(orderKey), [CANCELLED, ['succeeded', 1_999, 0]]);
  });

  it('captures once when a capture of the lapsed intent is still under way', async () => {
    const { orderKey, authorise, capture } = stage.newOrder();
    await authorise();
    const { promise, resolve } = gate();
    stage.provider.failOnce({ on: CAPTURE, after: promise });
    const late = capture();
    await eventually(() => stage.requestsOf(orderKey, 'capture') === 1);
    await stage.ask(orderKey, 'expirations');
    assert.equal((await authorise(VISA, 1, 1)).kind, 'authorised');
    resolve();
    assert.equal((await late).kind, 'lapsed');
    assert.deepEqual(await capture(), { kind: 'captured', amount: 1_999 });
    assert.deepEqual(stage.atProvider(orderKey), [CANCELLED, ['succeeded', 1_999, 0]]);
  });

  it('is not confirmed by an attempt that is still under way when it lapses', async () => {
    const { orderKey, authorise } = stage.newOrder();
    await authorise(THREE_D_SECURE);
    const { promise, resolve } = gate();
    stage.provider.failOnce({ on: CONFIRM, after: promise });
    const late = authorise(VISA, 2);
    await eventually(() => stage.requestsOf(orderKey, 'confirm/2') === 1);
    await stage.cancelByHand(orderKey);
    assert.equal((await authorise(VISA, 1, 1)).kind, 'authorised');
    resolve();
    await assert.rejects(late, /superseded by a renewal/);
    assert.deepEqual(stage.atProvider(orderKey), [CANCELLED, ['requires_capture', 0, 0]]);
  });

  it('is not taken back by a call that is late with the intent before', async () => {
    const { orderKey, authorise } = stage.newOrder();
    const { promise, resolve } = gate();
    stage.provider.failOnce({ on: CREATE, after: promise });
    const late = authorise();
    await eventually(() => stage.requestsOf(orderKey, 'payment-intent') === 1);
    await authorise();
    await stage.ask(orderKey, 'expirations');
    stage.provider.failOnce({ on: CREATE, executes: false, answer: 'cut' });
    await assert.rejects(authorise(VISA, 1, 1));
    resolve();
    await assert.rejects(late, /renewal 0 of .* is superseded/);
    // As a call does that looked at the intent before it lapsed.
    const [lapsedId = ''] = stage.intentsOf(orderKey).map(({ id }) => id);
    const rows = paymentTable(stage.table, stage.tableName);
    assert.equal(await rows.beginAttempt(orderKey, lapsedId, 9, null), null);
    assert.equal((await authorise(VISA, 1, 1)).kind, 'authorised');
    assert.equal(await rows.beginAttempt(orderKey, lapsedId, 9, null), null);
    assert.equal(await rows.noteAsked(orderKey, lapsedId, 1), null);
    assert.equal(await rows.renew(orderKey, lapsedId, 2), null);
  });

  describe('and is returned', () => {
    it('voids what is held by the last intent', async () => {
      const { orderKey, authorise, giveBack } = await newLapsed();
      await authorise(VISA, 1, 1);
      assert.deepEqual(await giveBack(), { kind: 'voided' });
      assert.deepEqual(stage.atProvider(orderKey), [CANCELLED, CANCELLED]);
      assert.deepEqual(await authorise(VISA, 1, 1), { kind: 'returned' });
      assert.deepEqual(await authorise(VISA, 1, 2), { kind: 'returned' });
    });

    it('refunds what the last intent captured, recorded or not', async () => {
      for (const isHeard of [true, false]) {
        const { orderKey, authorise, capture, giveBack } = await newLapsed();
        await authorise(VISA, 1, 1);
        if (!isHeard) stage.provider.failOnce({ on: CAPTURE, answer: 'cut' });
        await capture().catch(() => null);
        const answer = { kind: 'refunded', amount: 1_999 };
        assert.deepEqual(await giveBack(), answer);
        assert.deepEqual(await giveBack(), answer);
        assert.deepEqual(stage.atProvider(orderKey), [CANCELLED, ['succeeded', 1_999, 1_999]]);
      }
    });

    it('leaves none behind when it comes between the intents', async () => {
      const { orderKey, authorise, giveBack } = await newLapsed();
      const { promise, resolve } = gate();
      stage.provider.failOnce({ on: CREATE, after: promise });
      const late = authorise(VISA, 1, 1);
      await eventually(() => stage.requestsOf(orderKey, 'renewal/1/payment-intent') === 1);
      assert.deepEqual(await giveBack(), { kind: 'voided' });
      resolve();
      assert.deepEqual(await late, { kind: 'returned' });
      assert.deepEqual(stage.atProvider(orderKey), [CANCELLED, ['requires_payment_method', 0, 0]]);
    });

    it('wins over a confirmation of the renewal that is still under way', async () => {
      const { orderKey, authorise, giveBack } = await newLapsed();
      const { promise, resolve } = gate();
      stage.provider.failOnce({ on: CONFIRM, after: promise });
      const late = authorise(VISA, 1, 1);
      await eventually(() => stage.requestsOf(orderKey, 'renewal/1/confirm/1') === 1);
      assert.deepEqual(await giveBack(), { kind: 'voided' });
      resolve();
      assert.deepEqual(await late, { kind: 'returned' });
      assert.deepEqual(stage.atProvider(orderKey), [CANCELLED, CANCELLED]);
    });
  });
});
