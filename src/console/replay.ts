import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { historyFromJSON } from '@temporalio/common/lib/proto-utils.js';
import { Worker, type ReplayWorkerOptions } from '@temporalio/worker';

export interface Replayed {
  /** The history's file name without `.json`. */
  readonly name: string;
  /** The first command at which code and history part; null where they agree. */
  readonly error: string | null;
}

/**
 * Replays recorded histories (`*.json`, as `temporal workflow show --output json` and the Web UI export them)
 * against the workflows at hand.
 *
 * @throws when the folder has no histories: a check of nothing would look like a success.
 */
export async function replayHistories(
  folder: string,
  options: ReplayWorkerOptions,
): Promise<readonly Replayed[]> {
  const files = (await readdir(folder)).filter((file) => file.endsWith('.json')).toSorted();
  if (files.length === 0) throw new Error(`there are no histories (*.json) in ${folder}`);
  const replayed: Replayed[] = [];
  const results = Worker.runReplayHistories(options, readAll(folder, files));
  for await (const { workflowId, error } of results) {
    replayed.push({ name: workflowId, error: error ? error.message : null });
  }
  return replayed;
}

async function* readAll(folder: string, files: readonly string[]) {
  for (const file of files) {
    const json: unknown = JSON.parse(await readFile(join(folder, file), 'utf8'));
    yield { workflowId: file.replace(/\.json$/, ''), history: historyFromJSON(json) };
  }
}
