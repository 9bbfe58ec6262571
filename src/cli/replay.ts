import { DefaultLogger, Runtime } from '@temporalio/worker';
import { HistoriesUnreadableError, replayHistories } from '../console/replay.ts';
import { UserError } from '../platform/errors.ts';
import { createTelemetry } from '../platform/telemetry.ts';
import { bundleWorkflows } from '../platform/workflowBundle.ts';

/** Replays a folder's histories against the workflows at hand; exit 1 when one diverges. */
export async function runReplay(folder: string): Promise<void> {
  // A replay is a worker too, and would tell of each of its states.
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  const results = await replayHistories(folder, {
    workflowBundle: await bundleWorkflows(),
    plugins: [createTelemetry()],
  }).catch((error: unknown) => {
    if (!(error instanceof HistoriesUnreadableError)) throw error;
    const hint = 'export histories with `temporal workflow show --output json`, one file each';
    throw new UserError(error.message, hint, { cause: error });
  });
  for (const { name, error } of results) {
    console.log(error ? `FAILED  ${name}: ${error}` : `ok      ${name}`);
  }
  const failed = results.filter(({ error }) => error !== null).length;
  console.log(`${results.length - failed} replayed, ${failed} diverged`);
  if (failed > 0) process.exitCode = 1;
}
