import assert from 'node:assert/strict';
import {
  CONFIRM,
  NO_FUNDS,
  type PaymentStage,
  startPaymentStage,
  THREE_D_SECURE,
  VISA,
} from '../support/paymentStage.ts';

describe('authorisePayment with 3-D Secure', () => {
  let stage: PaymentStage;
  before(async () => {
    stage = await startPaymentStage();
  });
  after(async () => await stage.stop());
  afterEach(() => stage.provider.clearFaults());

  const succeed = (orderKey: string) =>
    stage.ask(orderKey, 'authentications', { outcome: 'succeeded' });
  const fail = (orderKey: string) => stage.ask(orderKey, 'authentications', { outcome: 'failed' });
  const failure = { severity: 'soft', code: 'payment_intent_authentication_failure' } as const;

  it('says that the customer has to act, and the same until that is done', async () => {
    const { orderKey, authorise, capture } = stage.newOrder();
    const asked = await authorise(THREE_D_SECURE);
    const intentId = stage.intentsOf(orderKey)[0]?.id;
    assert.deepEqual(asked, { kind: 'requires-action', intentId });
    assert.deepEqual(await authorise(THREE_D_SECURE), asked);
    assert.equal(stage.requestsOf(orderKey, 'confirm/1'), 1);
    assert.equal((await capture()).kind, 'lapsed');
    await succeed(orderKey);
    assert.deepEqual(await authorise(THREE_D_SECURE), { kind: 'authorised', intentId });
    assert.equal(stage.requestsOf(orderKey, 'confirm/1'), 1);
    assert.deepEqual(await capture(), { kind: 'captured', amount: 1_999 });
  });

  it('says that authentication failed, and takes another method', async () => {
    const { orderKey, authorise } = stage.newOrder();
    await authorise(THREE_D_SECURE);
    await fail(orderKey);
    const intentId = stage.intentsOf(orderKey)[0]?.id;
    const declined = { kind: 'declined', intentId, ...failure };
    assert.deepEqual(await authorise(THREE_D_SECURE), declined);
    assert.deepEqual(await authorise(THREE_D_SECURE), declined);
    // The next attempt's is not yet known, although the intent still has this error.
    stage.provider.failOnce({ on: CONFIRM, executes: false, answer: 'cut' });
    await assert.rejects(authorise(THREE_D_SECURE, 2));
    assert.equal((await authorise(THREE_D_SECURE, 2)).kind, 'requires-action');
    await fail(orderKey);
    assert.equal((await authorise(THREE_D_SECURE, 2)).kind, 'declined');
    assert.equal((await authorise(VISA, 3)).kind, 'authorised');
    assert.deepEqual(stage.atProvider(orderKey), [['requires_capture', 0, 0]]);
  });

  it('takes another method while the customer has not acted', async () => {
    const { orderKey, authorise } = stage.newOrder();
    await authorise(THREE_D_SECURE);
    const declined = await authorise(NO_FUNDS, 2);
    assert.ok(declined.kind === 'declined' && declined.code === 'insufficient_funds');
    await authorise(THREE_D_SECURE, 3);
    assert.equal((await authorise(VISA, 4)).kind, 'authorised');
    await assert.rejects(succeed(orderKey), /intentId: expected an intent that is requires_action/);
    assert.deepEqual(stage.atProvider(orderKey), [['requires_capture', 0, 0]]);
  });

  it('holds once where the customer is faster than another method', async () => {
    const { orderKey, authorise } = stage.newOrder();
    await authorise(THREE_D_SECURE);
    await succeed(orderKey);
    assert.equal((await authorise(VISA, 2)).kind, 'authorised');
    assert.equal(stage.requestsOf(orderKey, 'confirm/2'), 0);
    assert.deepEqual(stage.atProvider(orderKey), [['requires_capture', 0, 0]]);
  });

  it('answers how it ended when it did not hear that the customer had to act', async () => {
    for (const [act, kind] of [
      [succeed, 'authorised'],
      [fail, 'declined'],
      [async () => {}, 'requires-action'],
    ] as const) {
      const { orderKey, authorise } = stage.newOrder();
      stage.provider.failOnce({ on: CONFIRM, answer: 'cut' });
      await assert.rejects(authorise(THREE_D_SECURE));
      await act(orderKey);
      assert.equal((await authorise(THREE_D_SECURE)).kind, kind);
      assert.equal((await authorise(THREE_D_SECURE)).kind, kind);
    }
  });

  it('asks the customer again where the provider has forgotten the key (FAULTS 19)', async () => {
    const { orderKey, authorise } = stage.newOrder();
    stage.provider.failOnce({ on: CONFIRM, answer: 'cut' });
    await assert.rejects(authorise(THREE_D_SECURE));
    await stage.provider.ask('keys/forget', { orderKey });
    assert.equal((await authorise(THREE_D_SECURE)).kind, 'requires-action');
    await succeed(orderKey);
    assert.equal((await authorise(THREE_D_SECURE)).kind, 'authorised');
    assert.deepEqual(stage.atProvider(orderKey), [['requires_capture', 0, 0]]);
  });

  it('is ended by a return, and what the customer does then changes nothing', async () => {
    const { orderKey, authorise, giveBack } = stage.newOrder();
    await authorise(THREE_D_SECURE);
    assert.deepEqual(await giveBack(), { kind: 'voided' });
    await assert.rejects(succeed(orderKey));
    assert.deepEqual(await authorise(THREE_D_SECURE), { kind: 'returned' });
    assert.deepEqual(stage.atProvider(orderKey), [['canceled', 0, 0]]);
  });
});
