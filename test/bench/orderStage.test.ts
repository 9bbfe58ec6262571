import assert from 'node:assert/strict';
import { countAll } from '../../bench/historyCost.ts';
import type { OrderSide } from '../../bench/orderSides.ts';
import { createOrderStage, type OrderStage } from '../../bench/orderStage.ts';
import { awsAccount, temporalAddress } from '../support/servers.ts';

describe('the order bench', function () {
  // Each side starts a worker of its own.
  this.timeout(120_000);
  let stage: OrderStage;

  before(async () => {
    stage = await createOrderStage({ temporal: temporalAddress(), aws: awsAccount() });
  });

  after(async () => {
    await stage.close();
  });

  const run = (side: OrderSide) =>
    stage.run(side, { name: side, orders: 2, warmUp: 1, inFlight: 2 });

  it('brings obvious orders to their end with one activity an effect, and each signal alone', async () => {
    const { cost, calls, served, orders, seconds } = await run('obvious');
    assert.deepEqual([orders, served], [2, 3]);
    assert.ok(seconds > 0);
    assert.deepEqual(Object.entries(cost.activities), [
      ['claimRow', 2],
      ['screenOrder', 2],
      ['reserve', 2],
      ['writeStatus', 12],
      ['createIntent', 2],
      ['storeIntent', 2],
      ['confirm', 2],
      ['publish', 10],
      ['capture', 2],
      ['createShipment', 2],
      ['closeRow', 2],
    ]);
    const { retry: _retry, ...actions } = cost.actions;
    assert.deepEqual(actions, { start: 2, activity: 40, signal: 4 });
    // The first, one after each activity, one for each signal; more where one was given again.
    assert.ok(cost.workflowTasks >= 2 * 23 && cost.workflowTasks < 2 * 25);
    assert.equal(calls['sns'], 3 * 5);
    assert.equal(calls['dynamodb UpdateItem'], 3 * 7);
    assert.equal(calls['http POST /v1'], 3 * 3);
  });

  it('brings ours to their end, seen from the outside alone', async () => {
    const { cost, calls } = await run('ours');
    assert.equal(cost.actions.start, 2);
    assert.ok(cost.workflowTasks > 0);
    assert.equal(cost.actions.activity, countAll(cost.activities));
    assert.ok((calls['http POST /v1'] ?? 0) >= 3 * 3);
    assert.ok((calls['sns'] ?? 0) > 0);
    // What a worker asks once is no order's.
    assert.equal(calls['dynamodb DescribeTable'], undefined);
  });
});
