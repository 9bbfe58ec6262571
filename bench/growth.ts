import { describeEnvironment, type Environment } from './environment.ts';
import { type Curve, type Measured, pointsOf, type Series } from './growthFigures.ts';
import { growHistory, type HistoryLoad } from './historyGrowth.ts';
import type { Endpoints } from './job.ts';
import { growOrders, type InFlightLoad } from './orderGrowth.ts';
import { startServers } from './servers.ts';
import { createStage, type Stage } from './stage.ts';

export interface GrowthLoad {
  /** How often each measurement of bridges and of backlogs is repeated. */
  readonly rounds: number;
  readonly bridges: readonly number[];
  /** Carried by them together. */
  readonly bridgeEvents: number;
  /** Messages in the queue before anybody receives. */
  readonly backlogs: readonly number[];
  /** Over how many inboxes a backlog is spread. */
  readonly inboxes: number;
  readonly history: HistoryLoad;
  readonly inFlight: InFlightLoad;
}

/** A quarter of an hour at the most, on two cores. */
export const GROWTH_LOAD: GrowthLoad = {
  rounds: 3,
  bridges: [1, 2, 4],
  bridgeEvents: 2_000,
  backlogs: [1_000, 5_000, 20_000],
  inboxes: 100,
  history: { lengths: [100, 1_000, 4_000], events: 10 },
  inFlight: { waiting: [0, 1_000, 3_000, 10_000], orders: 40, rounds: 3 },
};

export interface GrowthBench {
  readonly environment: Environment;
  readonly curves: readonly Curve[];
}

/** Measures how figures grow, each on servers of its own: what one leaves behind does not slow down another. */
export async function benchGrowth(
  load: GrowthLoad,
  onProgress: (message: string) => void,
): Promise<GrowthBench> {
  const withServers = async <T>(use: (endpoints: Endpoints) => Promise<T>): Promise<T> => {
    const servers = await startServers(onProgress);
    try {
      return await use(servers.endpoints);
    } finally {
      await servers.stop();
    }
  };
  const withStage = <T>(use: (stage: Stage) => Promise<T>): Promise<T> =>
    withServers(async (endpoints) => {
      const stage = await createStage(endpoints, []);
      try {
        return await use(stage);
      } finally {
        await stage.close();
      }
    });

  const bridges = await withStage(async (stage) => ({
    environment: await describeEnvironment(await stage.serverVersion()),
    curves: await growBridges(stage, load, onProgress),
  }));
  const backlog = await withStage((stage) => growBacklog(stage, load, onProgress));
  const history = await withServers(({ temporal }) =>
    growHistory(temporal, load.history, onProgress),
  );
  const orders = await withServers((endpoints) => growOrders(endpoints, load.inFlight, onProgress));
  return {
    environment: bridges.environment,
    curves: [
      ...bridges.curves,
      { name: 'backlog', series: backlog },
      { name: 'history', series: history },
      ...orders,
    ],
  };
}

/** Several bridges empty one queue, each of whose messages starts a workflow. */
async function growBridges(
  stage: Stage,
  { rounds, bridges, bridgeEvents: events }: GrowthLoad,
  onProgress: (message: string) => void,
): Promise<readonly Curve[]> {
  const rates: Measured[] = [];
  const cpu: Measured[] = [];
  for (let round = 0; round < rounds; round += 1) {
    for (const at of bridges) {
      const name = `bridges-${at}-${round}`;
      const { perSecond, cpuSeconds } = await stage.carryTogether(at, {
        name,
        operation: 'start',
        events,
        workflows: events,
      });
      rates.push({ series: 'starts', at, value: perSecond });
      cpu.push({ series: 'bridges', at, value: (cpuSeconds * 1_000) / events });
      onProgress(`${at} bridges, round ${round + 1}: ${perSecond.toFixed(0)}/s`);
    }
  }
  return [
    { name: 'bridges', series: pointsOf(rates) },
    { name: 'bridges-cpu', series: pointsOf(cpu) },
  ];
}

/** A bridge empties a queue into inboxes, and beside it who only receives and deletes. */
async function growBacklog(
  stage: Stage,
  { rounds, backlogs, inboxes }: GrowthLoad,
  onProgress: (message: string) => void,
): Promise<readonly Series[]> {
  const rates: Measured[] = [];
  for (let round = 0; round < rounds; round += 1) {
    for (const at of backlogs) {
      const load = { operation: 'inbox', events: at, workflows: inboxes } as const;
      const { seconds } = await stage.carry('bridge', { ...load, name: `backlog-${at}-${round}` });
      const alone = await stage.drain({ ...load, name: `drain-${at}-${round}` });
      rates.push({ series: 'bridge', at, value: at / seconds });
      rates.push({ series: 'received and deleted alone', at, value: alone });
      const bridged = (at / seconds).toFixed(0);
      onProgress(`${at} messages: ${bridged}/s, ${alone.toFixed(0)}/s with nothing done`);
    }
  }
  return pointsOf(rates);
}
