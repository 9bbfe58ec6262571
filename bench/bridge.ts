import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { describeEnvironment, type Environment } from './environment.ts';
import { type Figure, figuresOf, type Row, ROWS } from './figures.ts';
import { measure, type Measurement, type Measurements, type Sizes } from './measurements.ts';
import { startServers } from './servers.ts';
import { createStage } from './stage.ts';

export interface BridgeBenchOptions {
  /** Which rounds, counted from 0. */
  readonly rounds: readonly number[];
  readonly sizes: Sizes;
  /** Only this row, and what it takes. Default: all. */
  readonly only?: Row | undefined;
  /** A folder for CPU profiles of the bridge. Default: none are made. */
  readonly profile?: string | undefined;
  readonly onProgress: (message: string) => void;
}

export interface BridgeBench {
  readonly environment: Environment;
  readonly figures: readonly Figure[];
  readonly measurements: Measurements;
}

/** Measures what the bridge costs, beside other ways to do the same, against servers of its own. */
export async function benchBridge(options: BridgeBenchOptions): Promise<BridgeBench> {
  const { only, profile, onProgress } = options;
  const wanted = new Set<Measurement>(only ? [ROWS[only]] : Object.values(ROWS));
  const servers = await startServers(onProgress);
  try {
    const stage = await createStage(servers.endpoints, await profileArgv(profile));
    try {
      const environment = await describeEnvironment(await stage.serverVersion());
      const measurements = await measure(stage, wanted, options);
      const figures = figuresOf(measurements).filter(({ row }) => !only || row === only);
      return { environment, figures, measurements };
    } finally {
      await stage.close();
    }
  } finally {
    await servers.stop();
  }
}

async function profileArgv(folder: string | undefined): Promise<readonly string[]> {
  if (folder === undefined) return [];
  await mkdir(folder, { recursive: true });
  return ['--cpu-prof', `--cpu-prof-dir=${path.resolve(folder)}`];
}
