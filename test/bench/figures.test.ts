import assert from 'node:assert/strict';
import { type Figure, figuresOf } from '../../bench/figures.ts';
import type { CarryResult } from '../../bench/job.ts';
import type { Rounds } from '../../bench/measurements.ts';
import { reportOf } from '../../bench/report.ts';

function carried(change: Partial<CarryResult> = {}): CarryResult {
  return {
    seconds: 10,
    awsCalls: {},
    temporalCalls: {},
    pollers: 1,
    cpuSeconds: 1,
    startCpuSeconds: 1,
    peakRss: 100,
    rss: [1, 1, 1, 1],
    latencies: [],
    ...change,
  };
}

function rounds(ours: readonly CarryResult[], more: Partial<Rounds> = {}): Rounds {
  return { events: 1_000, sides: { bridge: ours }, limit: [], searches: [], ...more };
}

const bare = (seconds: number) => ({ seconds, cpuSeconds: 1, drained: 1_000 });

function named(figures: readonly Figure[], name: string): Figure {
  const found = figures.find(({ figure }) => figure === name);
  assert.ok(found, `no figure ${name} among ${figures.map(({ figure }) => figure).join(', ')}`);
  return found;
}

describe('the figures of the bench', () => {
  it('hold the rate of starts against the bare calls of the same round', () => {
    // A machine that is half as fast in one round is so for both.
    const start = rounds([carried({ seconds: 10 }), carried({ seconds: 20 })], {
      limit: [bare(9.6), bare(19.2)],
    });
    const figure = named(figuresOf({ start }), 'start: events/s');
    assert.deepEqual(figure.ours, [100, 50]);
    assert.deepEqual(figure.ratio, [0.96, 0.96]);
    assert.equal(figure.target?.reached, true);
  });

  it('say so when the limit is missed', () => {
    const signal = rounds([carried({ seconds: 10 })], { limit: [bare(9.4)] });
    assert.equal(named(figuresOf({ signal }), 'signal: events/s').target?.reached, false);
  });

  it('hold hot workflows against the faster of the naive bridges', () => {
    const sides = {
      bridge: [carried({ seconds: 1, temporalCalls: { SignalWorkflowExecution: 140 } })],
      'naive x1': [carried({ seconds: 10 })],
      'naive x10': [carried({ seconds: 4 })],
    };
    const figures = figuresOf({ hot: rounds([], { sides }) });
    const rate = named(figures, 'hot: events/s');
    assert.deepEqual(rate.ratio, [4]);
    assert.equal(rate.target?.reached, false);
    const calls = named(figures, 'hot: Temporal calls/event');
    assert.deepEqual([calls.ours, calls.target?.reached], [[0.14], true]);
  });

  it('count every AWS call, and CPU by the thousand events', () => {
    const result = carried({ awsCalls: { ReceiveMessage: 130, DeleteMessageBatch: 130 } });
    const start = rounds([{ ...result, cpuSeconds: 0.5 }], { limit: [bare(10)] });
    const figures = figuresOf({ start });
    const calls = named(figures, 'AWS calls/event');
    assert.deepEqual([calls.ours, calls.target?.reached], [[0.26], false]);
    const cpu = named(figures, 'CPU s/1,000 events');
    assert.deepEqual([cpu.ours, cpu.target?.reached], [[0.5], true]);
  });

  it('allow an idle bridge three long polls a minute for each poller', () => {
    const reached = (ReceiveMessage: number) => {
      const idle = rounds([carried({ seconds: 59.999, pollers: 2, awsCalls: { ReceiveMessage } })]);
      return named(figuresOf({ idle }), 'idle: AWS calls/min').target?.reached;
    };
    assert.deepEqual([reached(6), reached(7)], [true, false]);
  });

  it('judge the time inside the bridge by its 99th percentile', () => {
    const latencies = Array.from({ length: 100 }, (_, index) => ({ total: index, inside: 1 }));
    const slow = { total: 100, inside: 6 };
    const reached = (slowOnes: number) => {
      const all = [...latencies.slice(slowOnes), ...Array.from({ length: slowOnes }, () => slow)];
      const latency = rounds([carried({ latencies: all })]);
      return named(figuresOf({ latency }), 'latency: p99 inside, ms').target?.reached;
    };
    assert.deepEqual([reached(1), reached(2)], [true, false]);
  });

  it('see memory grow from the second quarter to the last', () => {
    const growth = (rss: readonly number[]) =>
      named(figuresOf({ memory: rounds([carried({ rss })]) }), 'memory: last quarter/second');
    assert.deepEqual(growth([1, 1, 100, 100, 150, 150, 120, 120]).ours, [1.2]);
    assert.equal(growth([1, 1, 100, 100, 150, 150, 120, 120]).target?.reached, false);
    assert.equal(growth([1, 1, 100, 100, 150, 150, 109, 109]).target?.reached, true);
  });

  it('are absent where nothing was measured', () => {
    assert.deepEqual(figuresOf({}), []);
  });
});

describe('the report of the bench', () => {
  it('shows medians and spreads in columns, and what is not there as a dash', () => {
    const start = rounds([carried({ seconds: 8 }), carried({ seconds: 10 }), carried()], {
      limit: [bare(10), bare(10), bare(10)],
    });
    const [head, line, ...rest] = reportOf(figuresOf({ start }).slice(0, 1)).split('\n');
    assert.deepEqual(rest, []);
    assert.deepEqual(head?.split(/ {2,}/), [
      'figure',
      'ours',
      'naive x1',
      'naive x10',
      'limit',
      'ratio',
      'to reach',
      'reached',
    ]);
    assert.deepEqual(line?.split(/ {2,}/), [
      'start: events/s',
      '100 (100-125)',
      '-',
      '-',
      '100 (100-100)',
      '1.00 (1.00-1.25)',
      '>= 0.95 of limit',
      'yes',
    ]);
  });

  it('keeps three digits, and those before the point', () => {
    const shown = (value: number) =>
      reportOf([{ row: 'start', figure: 'x', ours: [value] }])
        .split('\n')[1]
        ?.split(/ {2,}/)[1];
    assert.deepEqual([12_345.6, 123.45, 12.345, 1.2345, 0.12345, 0.0012345, 0].map(shown), [
      '12346',
      '123',
      '12.3',
      '1.23',
      '0.123',
      '0.001',
      '0.00',
    ]);
  });
});
