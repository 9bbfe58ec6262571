import assert from 'node:assert/strict';
import { orderFiguresOf, orderReportOf } from '../../bench/orderFigures.ts';
import type { OrderRun } from '../../bench/orderStage.ts';

function run({ cost, ...change }: Partial<OrderRun> = {}): OrderRun {
  return {
    orders: 10,
    seconds: 2,
    served: 12,
    calls: {},
    cost: {
      activities: {},
      localActivities: 0,
      workflowTasks: 100,
      events: 1_000,
      bytes: 100_000,
      actions: {},
      ...cost,
    },
    ...change,
  };
}

const withTasks = (workflowTasks: number) => run({ cost: { ...run().cost, workflowTasks } });
const withActions = (activity: number) => run({ cost: { ...run().cost, actions: { activity } } });

function figure(ours: readonly OrderRun[], obvious: readonly OrderRun[], name: string) {
  const found = orderFiguresOf({ ours, obvious }).find((one) => one.figure === name);
  assert.ok(found, `no figure ${name}`);
  return found;
}

describe("the order bench's figures", () => {
  it('hold the rate against that of the same round, and take the median', () => {
    // A machine that is half as fast in one round is so for both.
    const ours = [run({ seconds: 2 }), run({ seconds: 4 }), run({ seconds: 5 })];
    const obvious = [run({ seconds: 3.2 }), run({ seconds: 6.4 }), run({ seconds: 5 })];
    const rate = figure(ours, obvious, 'orders/s, end to end');
    assert.deepEqual(rate.ours, [5, 2.5, 2]);
    assert.deepEqual(
      rate.ratio.map((ratio) => ratio.toFixed(2)),
      ['1.60', '1.60', '1.00'],
    );
    assert.deepEqual(rate.target, { toReach: '>= 1.5', reached: true });
  });

  it('allow half of the workflow tasks, and no more', () => {
    const reached = (tasks: number) =>
      figure([withTasks(tasks)], [withTasks(230)], 'workflow tasks').target?.reached;
    assert.deepEqual([reached(115), reached(116)], [true, false]);
  });

  it('allow two thirds of the actions of all kinds, and no more', () => {
    const reached = (actions: number) =>
      figure([withActions(actions)], [withActions(240)], 'Temporal actions').target?.reached;
    assert.deepEqual([reached(160), reached(161)], [true, false]);
  });

  it('share calls among all orders that the worker served, by whom they went to', () => {
    const calls = { 'dynamodb PutItem': 24, 'dynamodb GetItem': 12, sns: 60, 'http POST /v1': 36 };
    const rounds = [run({ calls })] as const;
    const of = (name: string) => figure(rounds, rounds, name).ours;
    assert.deepEqual(of('DynamoDB calls'), [3]);
    assert.deepEqual(of('SNS calls'), [5]);
    assert.deepEqual(of('provider calls'), [3]);
  });

  it('are shown with what they are made of, and a dash where there is nothing to compare', () => {
    const ours = [run({ cost: { ...run().cost, activities: { announce: 20 } } })];
    const rounds = { ours, obvious: [run({ calls: { sns: 60 } })] };
    const report = orderReportOf(orderFiguresOf(rounds), rounds);
    assert.match(report, /^workflow tasks +10\.0 +10\.0 +1\.00 +<= 0\.50 +no$/m);
    assert.match(report, /^local activities +0\.00 +0\.00 +- +- +-$/m);
    assert.match(report, /^activity announce +2\.00 +-$/m);
    assert.match(report, /^call sns +- +5\.00$/m);
  });
});
