import { DefaultLogger, Runtime } from '@temporalio/worker';
import {
  fetchHistories,
  HistoriesUnreadableError,
  readFolder,
  type NamedHistory,
} from '../console/histories.ts';
import { replayHistories } from '../console/replay.ts';
import { UserError } from '../platform/errors.ts';
import { createTelemetry } from '../platform/telemetry.ts';
import { bundleWorkflows } from '../platform/workflowBundle.ts';
import { startProgress, type Progress } from './progress.ts';
import { countWorkflows } from './orderWorkflows.ts';
import { withTemporal } from './temporalTools.ts';

export interface ReplayOptions {
  readonly query?: string;
}

/** Replays the histories of a folder or of a visibility query; exit 1 when one diverges. */
export async function runReplay(
  folder: string | undefined,
  { query }: ReplayOptions,
): Promise<void> {
  if ((folder === undefined) === (query === undefined)) {
    throw new UserError('what is to be replayed is not said', 'give a folder, or --query <query>');
  }
  // A replay is a worker too, and would tell of each of its states.
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  const counts =
    folder === undefined ? await replayFound(query ?? '') : await replay(readFolder(folder));
  console.log(`${counts.agreed} replayed, ${counts.diverged} diverged`);
  if (counts.diverged > 0) process.exitCode = 1;
}

async function replayFound(query: string): Promise<Counts> {
  return await withTemporal(async ({ client }) => {
    const total = await countWorkflows(client, query);
    const progress = await startProgress({ label: 'replaying', total, silent: false });
    try {
      return await replay(fetchHistories(client, query), progress);
    } finally {
      progress.stop();
    }
  });
}

interface Counts {
  readonly agreed: number;
  readonly diverged: number;
}

async function replay(
  histories: AsyncIterable<NamedHistory>,
  progress?: Progress,
): Promise<Counts> {
  const counts = { agreed: 0, diverged: 0 };
  const results = replayHistories(histories, {
    workflowBundle: await bundleWorkflows(),
    plugins: [createTelemetry()],
  });
  try {
    for await (const { name, error } of results) {
      counts[error === null ? 'agreed' : 'diverged'] += 1;
      progress?.set(counts.agreed + counts.diverged);
      console.log(error === null ? `ok      ${name}` : `FAILED  ${name}: ${error}`);
    }
  } catch (error) {
    if (!(error instanceof HistoriesUnreadableError)) throw error;
    throw new UserError(error.message, error.hint, { cause: error });
  }
  return counts;
}
