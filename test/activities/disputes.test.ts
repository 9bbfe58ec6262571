import assert from 'node:assert/strict';
import { RefundsHeldError } from '../../src/activities/refundTable.ts';
import { type PaymentStage, persist, REFUND, startPaymentStage } from '../support/paymentStage.ts';

describe('dispute activities', () => {
  let stage: PaymentStage;
  before(async () => {
    stage = await startPaymentStage();
  });
  after(async () => await stage.stop());
  afterEach(() => stage.provider.clearFaults());

  async function newCaptured() {
    const order = stage.newOrder();
    await order.authorise();
    await order.capture();
    return order;
  }

  /** The bank disputes this much. */
  const dispute = (orderKey: string, amount: number) =>
    stage.ask(orderKey, 'disputes', { amount }) as Promise<{ readonly id: string }>;

  it('let no refund begin until the last dispute is closed', async () => {
    const { orderKey, refund, giveBack, hold, decide } = await newCaptured();
    for (const id of ['du_1', 'du_2', 'du_1']) await hold(id);
    await assert.rejects(refund('refund/lines/1', 700), RefundsHeldError);
    await decide('du_1', 0);
    await assert.rejects(refund('refund/lines/1', 700), /held until these are closed: du_2$/);
    await assert.rejects(giveBack(), RefundsHeldError);
    assert.deepEqual(stage.atProvider(orderKey), [['succeeded', 1_999, 0]]);
    await decide('du_2', 0);
    assert.deepEqual(await giveBack(), { kind: 'refunded', amount: 1_999 });
    assert.deepEqual(stage.atProvider(orderKey), [['succeeded', 1_999, 1_999]]);
  });

  it('let a refund end that had begun', async () => {
    for (const executes of [true, false]) {
      const { orderKey, refund, giveBack, hold, decide } = await newCaptured();
      stage.provider.failOnce({ on: REFUND, executes, answer: 'cut' });
      await assert.rejects(refund('refund/lines/1', 700));
      await hold('du_1');
      assert.deepEqual(await refund('refund/lines/1', 700), { refunded: 700 });
      await assert.rejects(refund('refund/lines/2', 700), RefundsHeldError);
      await assert.rejects(giveBack(), RefundsHeldError);
      await decide('du_1', 0);
      assert.deepEqual(await giveBack(), { kind: 'refunded', amount: 1_299 });
      assert.deepEqual(stage.atProvider(orderKey), [['succeeded', 1_999, 1_999]]);
    }
  });

  it('have a return end what had begun, and what is only held, while they are open', async () => {
    const begun = await newCaptured();
    stage.provider.failOnce({ on: REFUND, executes: false, answer: 'cut' });
    await assert.rejects(begun.refund('refund/lines/1', 700));
    await begun.hold('du_1');
    await assert.rejects(begun.giveBack(), RefundsHeldError);
    assert.deepEqual(stage.atProvider(begun.orderKey), [['succeeded', 1_999, 700]]);
    const authorised = stage.newOrder();
    await authorised.authorise();
    await authorised.hold('du_1');
    assert.deepEqual(await authorised.giveBack(), { kind: 'voided' });
  });

  it('take what is lost out of what is refundable, once', async () => {
    const { orderKey, refund, giveBack, hold, decide } = await newCaptured();
    const { id } = await dispute(orderKey, 500);
    await hold(id);
    await stage.provider.ask(`disputes/${id}/close`, { status: 'lost' });
    await Promise.all([1, 2, 3].map(() => persist(() => decide(id, 500))));
    assert.equal((await stage.rowOf(orderKey)).refundable, 1_499);
    // The customer has had that back from the bank: no more than what is left is refunded.
    assert.deepEqual(await refund('refund/lines/1', 700), { refunded: 700 });
    assert.deepEqual(await refund('refund/lines/2', 1_000), { refunded: 799 });
    assert.deepEqual(await refund('refund/lines/3', 1_000), { refunded: 0 });
    assert.deepEqual(await giveBack(), { kind: 'refunded', amount: 0, lost: 500 });
    assert.deepEqual(stage.atProvider(orderKey), [['succeeded', 1_999, 1_499]]);
    assert.deepEqual(await stage.rowOf(orderKey), {
      status: 'returned',
      captured: 1_999,
      refundable: 0,
    });
  });

  it('never make less than nothing refundable, also where a refund is refused afterwards', async () => {
    const { orderKey, refund, giveBack, hold, decide } = await newCaptured();
    stage.provider.failOnce({ on: REFUND, executes: false, answer: 'cut' });
    await assert.rejects(refund('refund/lines/1', 700));
    const { id } = await dispute(orderKey, 1_800);
    await hold(id);
    await stage.provider.ask(`disputes/${id}/close`, { status: 'lost' });
    await decide(id, 1_800);
    // 1,999 less 700 that a refund is about to give, less 1,800.
    assert.equal((await stage.rowOf(orderKey)).refundable, 0);
    await assert.rejects(refund('refund/lines/1', 700), /greater than unrefunded amount/);
    assert.equal((await stage.rowOf(orderKey)).refundable, 199);
    assert.deepEqual(await giveBack(), { kind: 'refunded', amount: 199, lost: 1_800 });
    assert.deepEqual(stage.atProvider(orderKey), [['succeeded', 1_999, 199]]);
  });

  it('hold a refund that the provider refuses because of them', async () => {
    const { orderKey, refund, hold, decide } = await newCaptured();
    const { id } = await dispute(orderKey, 1_999);
    // The bank is faster than its notice.
    await assert.rejects(refund('refund/lines/1', 700), /charged back/);
    await hold(id);
    await assert.rejects(refund('refund/lines/1', 700), RefundsHeldError);
    await stage.provider.ask(`disputes/${id}/close`, { status: 'won' });
    await decide(id, 0);
    assert.deepEqual(await refund('refund/lines/1', 700), { refunded: 700 });
    assert.equal((await stage.rowOf(orderKey)).refundable, 1_299);
  });

  it('stay closed, whatever comes late', async () => {
    const { orderKey, refund, hold, decide } = await newCaptured();
    await decide('du_1', 300);
    await hold('du_1');
    assert.deepEqual(await refund('refund/lines/1', 700), { refunded: 700 });
    await decide('du_1', 300);
    assert.equal((await stage.rowOf(orderKey)).refundable, 999);
  });

  it('refuse what cannot be', async () => {
    const { orderKey, hold, decide } = stage.newOrder();
    for (const call of [hold('du_1'), decide('du_1', 0)]) {
      await assert.rejects(call, new RegExp(`${orderKey}: expected one that is disputed`));
    }
    const captured = await newCaptured();
    for (const lost of [-1, 1.5, Number.NaN]) {
      await assert.rejects(captured.decide('du_1', lost), RangeError);
    }
    const authorised = stage.newOrder();
    await authorised.authorise();
    await assert.rejects(authorised.decide('du_1', 500), /no capture is recorded yet/);
  });
});
