import type { BareResult, CarryResult } from './job.ts';
import type { Load } from './events.ts';
import type { Side, Stage } from './stage.ts';

/** How much passes in the runs of each measurement. */
export interface Sizes {
  /** Of the runs that find all their events in the queue. */
  readonly backlog: number;
  /** How many running workflows are signalled. */
  readonly signalled: number;
  /** How many hot workflows there are. */
  readonly hot: number;
  /** How many calls one attempt takes at finding the best concurrency. */
  readonly search: number;
  readonly idleSeconds: number;
  readonly latencyEvents: number;
  readonly latencyPerSecond: number;
  readonly memoryEvents: number;
  readonly memoryWorkflows: number;
  /** The most that may be in the queue: the emulator's receives slow down with its depth. */
  readonly memoryDepth: number;
}

export const SIZES: Sizes = {
  backlog: 5_000,
  signalled: 1_000,
  hot: 10,
  search: 2_000,
  idleSeconds: 60,
  latencyEvents: 400,
  latencyPerSecond: 20,
  memoryEvents: 50_000,
  memoryWorkflows: 100,
  memoryDepth: 5_000,
};

/** How fast the bare calls go, by how many are under way at once. */
export interface Search {
  readonly perSecond: Readonly<Record<number, number>>;
  readonly best: number;
}

/** One run of each side a round. */
export interface Rounds {
  readonly events: number;
  readonly sides: Readonly<Partial<Record<Side, readonly CarryResult[]>>>;
  readonly limit: readonly BareResult[];
  /** Empty where there is no limit to find. */
  readonly searches: readonly Search[];
}

/** What was measured; what was not asked for is absent. */
export interface Measurements {
  readonly start?: Rounds;
  readonly signal?: Rounds;
  readonly hot?: Rounds;
  readonly latency?: Rounds;
  readonly idle?: Rounds;
  readonly memory?: Rounds;
}

export type Measurement = keyof Measurements;

export interface MeasureOptions {
  /** Which rounds, counted from 0: it is by its number that a round begins with another side. */
  readonly rounds: readonly number[];
  readonly sizes: Sizes;
  readonly onProgress: (message: string) => void;
}

const SIDES: readonly Side[] = ['bridge', 'naive x1', 'naive x10'];
const CONCURRENCIES = [10, 20, 40, 80, 160];

/** Runs the named measurements on a stage, one after another. */
export async function measure(
  stage: Stage,
  wanted: ReadonlySet<Measurement>,
  { rounds, sizes, onProgress }: MeasureOptions,
): Promise<Measurements> {
  let runs = 0;
  const loadOf = (what: Omit<Load, 'name'>): Load => {
    runs += 1;
    return { ...what, name: `bench-${runs}` };
  };

  async function search(what: Omit<Load, 'name'>): Promise<Search> {
    const { operation, workflows } = what;
    const events = sizes.search;
    const attempt = () =>
      loadOf({ operation, events, workflows: operation === 'start' ? events : workflows });
    // The first calls of a fresh server are slow.
    await stage.callBare(attempt(), CONCURRENCIES[0] ?? 1);
    const perSecond: Record<number, number> = {};
    for (const concurrency of CONCURRENCIES) {
      const { seconds } = await stage.callBare(attempt(), concurrency);
      perSecond[concurrency] = events / seconds;
      onProgress(`${operation}: ${rate(events, seconds)} bare calls, ${concurrency} at once`);
    }
    const best = CONCURRENCIES.reduce((one, other) =>
      (perSecond[other] ?? 0) > (perSecond[one] ?? 0) ? other : one,
    );
    return { perSecond, best };
  }

  /** Sides take turns in each round, and another is the first each time: drift meets all alike. */
  async function compare(
    name: Measurement,
    what: Omit<Load, 'name'>,
    { withLimit, ...how }: { withLimit: boolean } & Parameters<Stage['carry']>[2],
  ): Promise<Rounds> {
    const found = withLimit ? await search(what) : undefined;
    const sides: Record<Side, CarryResult[]> = { bridge: [], 'naive x1': [], 'naive x10': [] };
    const limit: BareResult[] = [];
    const turns: readonly (Side | 'limit')[] = found
      ? ['bridge', 'limit', ...SIDES.slice(1)]
      : SIDES;
    for (const round of rounds) {
      const first = round % turns.length;
      for (const turn of [...turns.slice(first), ...turns.slice(0, first)]) {
        let seconds: number;
        if (turn === 'limit') {
          const result = await stage.callBare(loadOf(what), found?.best ?? 1);
          limit.push(result);
          ({ seconds } = result);
        } else {
          const result = await stage.carry(turn, loadOf(what), how);
          sides[turn].push(result);
          ({ seconds } = result);
        }
        onProgress(`${name}, round ${round + 1}: ${rate(what.events, seconds)}, ${turn}`);
      }
    }
    return { events: what.events, sides, limit, searches: found ? [found] : [] };
  }

  const measurements: { readonly [Name in Measurement]: () => Promise<Rounds> } = {
    start: () =>
      compare(
        'start',
        { operation: 'start', events: sizes.backlog, workflows: sizes.backlog },
        { withLimit: true },
      ),
    signal: () =>
      compare(
        'signal',
        { operation: 'signal', events: sizes.backlog, workflows: sizes.signalled },
        { withLimit: true },
      ),
    hot: () =>
      compare(
        'hot',
        { operation: 'inbox', events: sizes.backlog, workflows: sizes.hot },
        { withLimit: false },
      ),
    latency: () =>
      compare(
        'latency',
        { operation: 'start', events: sizes.latencyEvents, workflows: sizes.latencyEvents },
        { withLimit: false, latency: true, pace: { perSecond: sizes.latencyPerSecond } },
      ),

    /** Nobody takes anything from the others while all are idle. */
    async idle() {
      onProgress(`idle: all sides for ${sizes.idleSeconds} s`);
      runs += 1;
      const results = await Promise.all(
        SIDES.map(async (side, index) => [
          side,
          [await stage.idle(side, `bench-${runs}-${index}`, sizes.idleSeconds)],
        ]),
      );
      const sides = Object.fromEntries(results) as Rounds['sides'];
      return { events: 0, sides, limit: [], searches: [] };
    },

    async memory() {
      const events = sizes.memoryEvents;
      const load = loadOf({ operation: 'inbox', events, workflows: sizes.memoryWorkflows });
      const result = await stage.carry('bridge', load, { pace: { depthBelow: sizes.memoryDepth } });
      onProgress(`memory: ${rate(events, result.seconds)}`);
      return { events, sides: { bridge: [result] }, limit: [], searches: [] };
    },
  };

  const measured: Partial<Record<Measurement, Rounds>> = {};
  for (const name of Object.keys(measurements) as Measurement[]) {
    if (wanted.has(name)) measured[name] = await measurements[name]();
  }
  return measured;
}

function rate(events: number, seconds: number): string {
  return `${(events / seconds).toFixed(0)}/s`;
}
