import type { BareResult, CarryResult } from './job.ts';
import type { Measurement, Measurements, Rounds } from './measurements.ts';
import type { Side } from './stage.ts';
import { median, percentile } from './statistics.ts';

/** The rows that can be asked for, and what has to be measured for each. */
export const ROWS = {
  start: 'start',
  signal: 'signal',
  hot: 'hot',
  'aws-calls': 'start',
  idle: 'idle',
  latency: 'latency',
  memory: 'memory',
  cpu: 'start',
} as const satisfies Record<string, Measurement>;

export type Row = keyof typeof ROWS;

/** One line of the report. Values are one a round. */
export interface Figure {
  readonly row: Row;
  /** With its unit. */
  readonly figure: string;
  readonly ours: readonly number[];
  readonly naive1?: readonly number[] | undefined;
  readonly naive10?: readonly number[] | undefined;
  readonly limit?: readonly number[] | undefined;
  readonly ratio?: readonly number[] | undefined;
  /** Absent: only told, nothing to reach. */
  readonly target?: Target;
}

interface Target {
  readonly toReach: string;
  readonly reached: boolean;
}

/** How much of the bare calls' rate the bridge has to reach. */
const LEAST_OF_LIMIT = 0.95;
/** How many times the rate of the faster naive bridge, where events are gathered. */
const LEAST_OF_NAIVE = 5;
const MOST_HOT_CALLS = 0.15;
const MOST_AWS_CALLS = 0.25;
const MOST_INSIDE = 5;
const MOST_RSS = 200;
const MOST_GROWTH = 1.1;
const MOST_CPU = 0.6;
const LONG_POLL = 20;

/** What the measurements say. Rows of what was not measured are absent. */
export function figuresOf(measured: Measurements): readonly Figure[] {
  const { start, signal, hot, idle, latency, memory } = measured;
  return [
    ...(start ? [againstLimit('start', start)] : []),
    ...(signal ? [againstLimit('signal', signal)] : []),
    ...(hot ? hotFigures(hot) : []),
    ...(start ? [awsCallsFigure(start)] : []),
    ...(idle ? [idleFigure(idle)] : []),
    ...(latency ? latencyFigures(latency) : []),
    ...(memory ? memoryFigures(memory) : []),
    ...(start ? [cpuFigure(start)] : []),
  ];
}

function againstLimit(row: 'start' | 'signal', rounds: Rounds): Figure {
  const perSecond = ({ seconds }: CarryResult | BareResult) => rounds.events / seconds;
  const values = bySide(rounds, perSecond);
  const limit = rounds.limit.map(perSecond);
  const ratio = quotients(values.ours, limit);
  return {
    row,
    figure: `${row}: events/s`,
    ...values,
    limit,
    ratio,
    target: atLeast(median(ratio), LEAST_OF_LIMIT, 'of limit'),
  };
}

function hotFigures(rounds: Rounds): readonly Figure[] {
  const rates = bySide(rounds, ({ seconds }) => rounds.events / seconds);
  const naive = (rates.naive10 ?? []).map((rate, round) =>
    Math.max(rate, rates.naive1?.[round] ?? 0),
  );
  const ratio = quotients(rates.ours, naive);
  const calls = bySide(rounds, ({ temporalCalls }) => sum(temporalCalls) / rounds.events);
  return [
    {
      row: 'hot',
      figure: 'hot: events/s',
      ...rates,
      ratio,
      target: atLeast(median(ratio), LEAST_OF_NAIVE, 'of naive'),
    },
    {
      row: 'hot',
      figure: 'hot: Temporal calls/event',
      ...calls,
      target: atMost(median(calls.ours), MOST_HOT_CALLS),
    },
  ];
}

function awsCallsFigure(rounds: Rounds): Figure {
  const values = bySide(rounds, ({ awsCalls }) => sum(awsCalls) / rounds.events);
  return {
    row: 'aws-calls',
    figure: 'AWS calls/event',
    ...values,
    target: atMost(median(values.ours), MOST_AWS_CALLS),
  };
}

function idleFigure(rounds: Rounds): Figure {
  const values = bySide(rounds, ({ awsCalls, seconds }) => (sum(awsCalls) * 60) / seconds);
  const pollers = rounds.sides.bridge?.[0]?.pollers ?? 0;
  const most = pollers * (60 / LONG_POLL);
  return {
    row: 'idle',
    figure: 'idle: AWS calls/min',
    ...values,
    target: {
      toReach: `<= ${most} (${pollers} pollers)`,
      // A timer is a millisecond early or late.
      reached: Math.round(median(values.ours)) <= most,
    },
  };
}

function latencyFigures(rounds: Rounds): readonly Figure[] {
  const told = (name: string, value: (result: CarryResult) => number) => ({
    row: 'latency' as const,
    figure: `latency: ${name}, ms`,
    ...bySide(rounds, value),
  });
  const at =
    (percent: number, part: 'total' | 'inside') =>
    ({ latencies }: CarryResult) =>
      percentile(
        latencies.map((each) => each[part]),
        percent,
      );
  const inside = told('p99 inside', at(99, 'inside'));
  return [
    told('p50', at(50, 'total')),
    told('p99', at(99, 'total')),
    told('p50 inside', at(50, 'inside')),
    { ...inside, target: atMost(median(inside.ours), MOST_INSIDE) },
  ];
}

function memoryFigures(rounds: Rounds): readonly Figure[] {
  const peak = bySide(rounds, ({ peakRss }) => peakRss);
  const growth = bySide(rounds, ({ rss }) => median(quarter(rss, 3)) / median(quarter(rss, 1)));
  return [
    {
      row: 'memory',
      figure: 'memory: peak RSS, MB',
      ...peak,
      target: atMost(median(peak.ours), MOST_RSS),
    },
    {
      row: 'memory',
      figure: 'memory: last quarter/second',
      ...growth,
      target: atMost(median(growth.ours), MOST_GROWTH),
    },
  ];
}

function cpuFigure(rounds: Rounds): Figure {
  const values = bySide(rounds, ({ cpuSeconds }) => (cpuSeconds * 1_000) / rounds.events);
  return {
    row: 'cpu',
    figure: 'CPU s/1,000 events',
    ...values,
    target: atMost(median(values.ours), MOST_CPU),
  };
}

function bySide({ sides }: Rounds, value: (result: CarryResult) => number) {
  const of = (side: Side) => sides[side]?.map(value);
  return { ours: of('bridge') ?? [], naive1: of('naive x1'), naive10: of('naive x10') };
}

/** Round by round, so that what slows down both leaves the quotient as it is. */
function quotients(ours: readonly number[], theirs: readonly number[]): readonly number[] {
  return ours.map((value, round) => value / (theirs[round] ?? Number.NaN));
}

/** @param index - from 0 to 3. */
function quarter(values: readonly number[], index: number): readonly number[] {
  const length = values.length / 4;
  return values.slice(Math.floor(index * length), Math.floor((index + 1) * length));
}

function sum(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((total, count) => total + count, 0);
}

function atLeast(value: number, least: number, what: string): Target {
  return { toReach: `>= ${least} ${what}`, reached: value >= least };
}

function atMost(value: number, most: number): Target {
  return { toReach: `<= ${most}`, reached: value <= most };
}
