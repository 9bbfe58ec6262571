import { countAll } from './historyCost.ts';
import type { OrderSide } from './orderSides.ts';
import type { OrderRun } from './orderStage.ts';
import { NONE, spread, tableOf } from './report.ts';
import { median } from './statistics.ts';

/** One run of each side a round. */
export type OrderRounds = Readonly<Record<OrderSide, readonly OrderRun[]>>;

export interface OrderFigure {
  readonly figure: string;
  /** One a round. */
  readonly ours: readonly number[];
  readonly obvious: readonly number[];
  /** Ours over the obvious one's of the same round, without those where both are 0. */
  readonly ratio: readonly number[];
  /** Absent: nothing to reach. */
  readonly target?: { readonly toReach: string; readonly reached: boolean };
}

interface Measure {
  readonly figure: string;
  readonly of: (run: OrderRun) => number;
  readonly atLeast?: number;
  readonly atMost?: number;
}

/** Of one order, its mean over a run. */
const perOrder = (figure: string, count: (run: OrderRun) => number): Measure => ({
  figure,
  of: (run) => count(run) / run.orders,
});

/** The same of what the worker called, whose names begin with this. */
const calls = (figure: string, beginning: string): Measure => ({
  figure,
  of: ({ calls: all, served }) => {
    const some = Object.entries(all).filter(([name]) => name.startsWith(beginning));
    return countAll(Object.fromEntries(some)) / served;
  },
});

const MEASURES: readonly Measure[] = [
  { figure: 'orders/s, end to end', of: ({ orders, seconds }) => orders / seconds, atLeast: 1.5 },
  { ...perOrder('workflow tasks', ({ cost }) => cost.workflowTasks), atMost: 0.5 },
  { ...perOrder('Temporal actions', ({ cost }) => countAll(cost.actions)), atMost: 2 / 3 },
  perOrder('activities', ({ cost }) => countAll(cost.activities)),
  perOrder('local activities', ({ cost }) => cost.localActivities),
  perOrder('history events', ({ cost }) => cost.events),
  perOrder('history bytes', ({ cost }) => cost.bytes),
  calls('DynamoDB calls', 'dynamodb'),
  calls('SNS calls', 'sns'),
  calls('provider calls', 'http'),
];
const HEAD = ['per order', 'ours', 'obvious', 'ratio', 'to reach', 'reached'];

/** What the runs say, round by round, so that what slows down both leaves the quotient as it is. */
export function orderFiguresOf({ ours, obvious }: OrderRounds): readonly OrderFigure[] {
  return MEASURES.map((measure) => {
    const { figure, of } = measure;
    const values = { ours: ours.map(of), obvious: obvious.map(of) };
    const ratio = values.ours
      .map((value, round) => value / (values.obvious[round] ?? Number.NaN))
      .filter((value) => !Number.isNaN(value));
    return { figure, ...values, ratio, ...(ratio.length > 0 && targetOf(measure, median(ratio))) };
  });
}

function targetOf({ atLeast, atMost }: Measure, ratio: number): Pick<OrderFigure, 'target'> {
  if (atLeast !== undefined) {
    return { target: { toReach: `>= ${atLeast}`, reached: ratio >= atLeast } };
  }
  if (atMost !== undefined) {
    return { target: { toReach: `<= ${atMost.toFixed(2)}`, reached: ratio <= atMost } };
  }
  return {};
}

/** The figures as a table: medians over the rounds, and from the least to the most; and what they are made of. */
export function orderReportOf(figures: readonly OrderFigure[], rounds: OrderRounds): string {
  const lines = figures.map(({ figure, ours, obvious, ratio, target }) => [
    figure,
    spread(ours),
    spread(obvious),
    spread(ratio),
    target?.toReach ?? NONE,
    target ? (target.reached ? 'yes' : 'no') : NONE,
  ]);
  return `${tableOf([HEAD, ...lines])}\n\n${compositionOf(rounds)}`;
}

/** Which activities, actions and calls an order is made of, by the last round. */
function compositionOf(rounds: OrderRounds): string {
  const last = { ours: rounds.ours.at(-1), obvious: rounds.obvious.at(-1) };
  const parts: readonly [string, (run: OrderRun) => readonly [Counts, number]][] = [
    ['activity', ({ cost, orders }) => [cost.activities, orders]],
    ['action', ({ cost, orders }) => [cost.actions, orders]],
    ['call', ({ calls: all, served }) => [all, served]],
  ];
  const lines = parts.flatMap(([part, of]) => {
    const [ours, oursOf] = last.ours ? of(last.ours) : [{}, 1];
    const [obvious, obviousOf] = last.obvious ? of(last.obvious) : [{}, 1];
    const names = [...new Set([...Object.keys(ours), ...Object.keys(obvious)])].toSorted();
    return names.map((name) => [
      `${part} ${name}`,
      shown(ours[name], oursOf),
      shown(obvious[name], obviousOf),
    ]);
  });
  return tableOf([['made of, per order', 'ours', 'obvious'], ...lines]);
}

type Counts = Readonly<Record<string, number>>;

function shown(count: number | undefined, orders: number): string {
  return count === undefined ? NONE : spread([count / orders]);
}
