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

/** What was to be replayed cannot be: the folder is not there or has no histories, or a file is none. */
export class HistoriesUnreadableError extends Error {
  override readonly name = 'HistoriesUnreadableError';
}

/**
 * Replays recorded histories (`*.json`, as `temporal workflow show --output json` and the Web UI export them)
 * against the workflows at hand.
 *
 * @throws HistoriesUnreadableError, also when the folder has none: a check of nothing would look like a success.
 */
export async function replayHistories(
  folder: string,
  options: ReplayWorkerOptions,
): Promise<readonly Replayed[]> {
  const files = await findHistories(folder);
  const replayed: Replayed[] = [];
  const results = Worker.runReplayHistories(options, readAll(folder, files));
  for await (const { workflowId, error } of results) {
    replayed.push({ name: workflowId, error: error ? error.message : null });
  }
  return replayed;
}

async function findHistories(folder: string): Promise<readonly string[]> {
  const files = await readdir(folder).catch((cause: NodeJS.ErrnoException) => {
    throw new HistoriesUnreadableError(`${folder} cannot be read: ${cause.code}`, { cause });
  });
  const histories = files.filter((file) => file.endsWith('.json')).toSorted();
  if (histories.length > 0) return histories;
  throw new HistoriesUnreadableError(`there are no histories (*.json) in ${folder}`);
}

async function* readAll(folder: string, files: readonly string[]) {
  for (const file of files) {
    const path = join(folder, file);
    yield { workflowId: file.replace(/\.json$/, ''), history: await readHistory(path) };
  }
}

async function readHistory(path: string) {
  const text = await readFile(path, 'utf8');
  try {
    return historyFromJSON(JSON.parse(text));
  } catch (cause) {
    const reason = (cause as Error).message.replaceAll(/\s+/g, ' ');
    throw new HistoriesUnreadableError(`${path} is not a history: ${reason}`, { cause });
  }
}
