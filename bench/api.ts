import {
  API_ROWS,
  type ApiFigure,
  apiFiguresOf,
  type ApiRounds,
  type ApiRow,
} from './apiFigures.ts';
import type { ApiMeasurements } from './apiFigures.ts';
import { type ApiStage, createApiStage } from './apiStage.ts';
import { describeEnvironment, type Environment } from './environment.ts';
import type { LoadResult } from './job.ts';
import { startServers } from './servers.ts';

export interface ApiBenchOptions {
  /** Which rounds, counted from 0: each begins with another side. */
  readonly rounds: readonly number[];
  /** Requests of one run of each row. */
  readonly requests: Readonly<Record<ApiRow, number>>;
  /** Requests under way at once. */
  readonly connections: number;
  /** Only this row. Default: all. */
  readonly only?: ApiRow | undefined;
  readonly onProgress: (message: string) => void;
}

export interface ApiBench {
  readonly environment: Environment;
  readonly figures: readonly ApiFigure[];
  readonly measurements: ApiMeasurements;
}

/** So many seconds to some thousand requests a run: long enough for what a start costs to be lost in it. */
export const API_SIZES: Pick<ApiBenchOptions, 'requests' | 'connections'> = {
  requests: { place: 3_000, 'place-named': 3_000, read: 6_000 },
  connections: 32,
};

/** Measures what the orders API costs beside bare routes, against servers of its own. */
export async function benchApi(options: ApiBenchOptions): Promise<ApiBench> {
  const servers = await startServers(options.onProgress);
  try {
    const stage = await createApiStage(servers.endpoints);
    try {
      const environment = await describeEnvironment(await stage.serverVersion());
      const measurements: Partial<Record<ApiRow, ApiRounds>> = {};
      for (const row of API_ROWS) {
        if (options.only && row !== options.only) continue;
        measurements[row] = await measureRow(stage, row, options);
      }
      return { environment, figures: apiFiguresOf(measurements), measurements };
    } finally {
      await stage.close();
    }
  } finally {
    await servers.stop();
  }
}

/** Sides take turns, and another is the first each time: drift meets both alike. */
async function measureRow(
  stage: ApiStage,
  row: ApiRow,
  { rounds, requests, connections, onProgress }: ApiBenchOptions,
): Promise<ApiRounds> {
  const count = requests[row];
  const results: Record<'ours' | 'bare', LoadResult[]> = { ours: [], bare: [] };
  const turns = ['ours', 'bare'] as const;
  // The first calls of a fresh process are slow.
  for (const side of turns) await stage.load(side, row, Math.ceil(count / 4), connections);
  for (const round of rounds) {
    for (const side of round % 2 === 0 ? turns : turns.toReversed()) {
      const result = await stage.load(side, row, count, connections);
      results[side].push(result);
      const perSecond = (count / result.seconds).toFixed(0);
      onProgress(`${row}, round ${round + 1}: ${perSecond}/s, p99 ${result.p99} ms, ${side}`);
    }
  }
  return { requests: count, ...results };
}
