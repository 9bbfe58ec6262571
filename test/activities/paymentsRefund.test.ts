import assert from 'node:assert/strict';
import { refundTable } from '../../src/activities/refundTable.ts';
import {
  type PaymentStage,
  persist,
  REFUND,
  SERVER_ERROR,
  startPaymentStage,
} from '../support/paymentStage.ts';

describe('refundPayment', () => {
  let stage: PaymentStage;
  before(async () => {
    stage = await startPaymentStage();
  });
  after(async () => await stage.stop());
  afterEach(() => stage.provider.clearFaults());

  it('gives back once for each step, and never more in all than was captured', async () => {
    const { orderKey, authorise, capture, refund } = stage.newOrder();
    await authorise();
    await capture(1_500);
    assert.deepEqual(await refund('refund/lines/1', 700), { refunded: 700 });
    assert.deepEqual(await refund('refund/lines/1', 700), { refunded: 700 });
    await assert.rejects(refund('refund/lines/2', 801), /less than 801 is refundable/);
    assert.deepEqual(await refund('refund/return/r-1', 800), { refunded: 800 });
    assert.deepEqual(stage.atProvider(orderKey), [['succeeded', 1_500, 1_500]]);
    assert.deepEqual(await stage.rowOf(orderKey), {
      status: 'captured',
      captured: 1_500,
      refundable: 0,
    });
    const ids = (await stage.rowsOf(orderKey)).flatMap(({ refundId }) => refundId ?? []);
    assert.deepEqual(ids, [`${orderKey}/refund/lines/1`, `${orderKey}/refund/return/r-1`]);
  });

  it('gives back once when many workers do so at the same time', async () => {
    const { orderKey, authorise, capture, refund } = stage.newOrder();
    await authorise();
    await capture();
    const once = () => persist(() => refund('refund/lines/1', 700));
    assert.deepEqual(await Promise.all([once(), once(), once()]), [
      { refunded: 700 },
      { refunded: 700 },
      { refunded: 700 },
    ]);
    assert.deepEqual(stage.atProvider(orderKey), [['succeeded', 1_999, 700]]);
  });

  it('takes its amount once where two workers have found that it had not begun', async () => {
    const { orderKey, authorise, capture, refund } = stage.newOrder();
    await authorise();
    await capture();
    const refunds = refundTable(stage.table, stage.tableName);
    for (let each = 1; each <= 2; each += 1) {
      await refunds.enter(orderKey, `${orderKey}/refund/lines/1`, 700, 'captured');
      assert.equal((await stage.rowOf(orderKey)).refundable, 1_299);
    }
    assert.deepEqual(await refund('refund/lines/1', 700), { refunded: 700 });
    assert.equal((await stage.rowOf(orderKey)).refundable, 1_299);
  });

  it('goes on where it stopped', async () => {
    for (const [executes, answer, calls] of [
      [true, 'cut', 1],
      [false, 'cut', 1],
      [true, SERVER_ERROR, 1],
      [false, SERVER_ERROR, 2],
    ] as const) {
      const { orderKey, authorise, capture, refund } = stage.newOrder();
      await authorise();
      await capture();
      stage.provider.failOnce({ on: REFUND, executes, answer });
      for (let call = 0; call < calls; call += 1) {
        await assert.rejects(refund('refund/lines/1', 700));
      }
      assert.equal((await stage.rowOf(orderKey)).refundable, 1_299);
      assert.deepEqual(await refund('refund/lines/1', 700), { refunded: 700 });
      assert.deepEqual(stage.atProvider(orderKey), [['succeeded', 1_999, 700]]);
    }
  });

  it('makes the amount refundable again when the provider refuses', async () => {
    const { orderKey, authorise, capture, refund } = stage.newOrder();
    await authorise();
    await capture();
    const error = { type: 'invalid_request_error', message: 'planned refusal' };
    stage.provider.failOnce({ on: REFUND, executes: false, answer: { status: 400, error } });
    await assert.rejects(refund('refund/lines/1', 700), /planned refusal/);
    assert.equal((await stage.rowOf(orderKey)).refundable, 1_999);
    assert.deepEqual(await refund('refund/lines/1', 700), { refunded: 700 });
  });

  it('waits for what is not captured, and gives nothing of what was returned', async () => {
    const { orderKey, authorise, capture, refund, giveBack } = stage.newOrder();
    await assert.rejects(refund('refund/lines/1', 700), /nothing is captured/);
    await authorise();
    await assert.rejects(refund('refund/lines/1', 700), /nothing is captured/);
    await capture();
    await giveBack();
    assert.deepEqual(await refund('refund/lines/1', 700), { refunded: 0 });
    assert.deepEqual(stage.atProvider(orderKey), [['succeeded', 1_999, 1_999]]);
    const never = stage.newOrder();
    await never.giveBack();
    assert.deepEqual(await never.refund('refund/lines/1', 700), { refunded: 0 });
  });

  it('takes no amount that cannot be', async () => {
    const { orderKey, authorise, capture, refund } = stage.newOrder();
    await authorise();
    await capture();
    for (const amount of [0, -1, 1.5, Number.NaN]) {
      await assert.rejects(refund('refund/lines/1', amount), RangeError);
    }
    assert.equal((await stage.rowOf(orderKey)).refundable, 1_999);
  });
});
