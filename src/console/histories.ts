import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { WorkflowNotFoundError, type Client } from '@temporalio/client';
import { historyFromJSON } from '@temporalio/common/lib/proto-utils.js';
import type { temporal } from '@temporalio/proto';

type History = temporal.api.history.v1.IHistory;

/** What happened in one run of a workflow. */
export interface NamedHistory {
  /** What a report calls it. */
  readonly name: string;
  readonly workflowId: string;
  readonly history: History;
}

/** What was to be replayed cannot be: the folder is not there, has no histories, or a file is none. */
export class HistoriesUnreadableError extends Error {
  override readonly name = 'HistoriesUnreadableError';
  /** What to do, in one line. */
  readonly hint: string;

  constructor(message: string, hint: string, options?: ErrorOptions) {
    super(message, options);
    this.hint = hint;
  }
}

const EXPORT = 'export histories with `temporal workflow show --output json`, one file each';

/**
 * Reads the histories of a folder (`*.json`, as `temporal workflow show --output json` and the Web UI export them),
 * each when it is asked for, by the names of their files.
 *
 * @throws HistoriesUnreadableError, also when the folder has none: a check of nothing would look like a success.
 */
export async function* readFolder(folder: string): AsyncGenerator<NamedHistory> {
  for (const file of await findHistories(folder)) {
    const name = file.replace(/\.json$/, '');
    yield { name, workflowId: name, history: await readHistory(join(folder, file)) };
  }
}

async function findHistories(folder: string): Promise<readonly string[]> {
  const files = await readdir(folder).catch((cause: NodeJS.ErrnoException) => {
    throw new HistoriesUnreadableError(`${folder} cannot be read: ${cause.code}`, EXPORT, {
      cause,
    });
  });
  const histories = files.filter((file) => file.endsWith('.json')).toSorted();
  if (histories.length > 0) return histories;
  throw new HistoriesUnreadableError(`there are no histories (*.json) in ${folder}`, EXPORT);
}

async function readHistory(path: string): Promise<History> {
  const text = await readFile(path, 'utf8');
  try {
    return historyFromJSON(JSON.parse(text));
  } catch (cause) {
    const reason = (cause as Error).message.replaceAll(/\s+/g, ' ');
    throw new HistoriesUnreadableError(`${path} is not a history: ${reason}`, EXPORT, { cause });
  }
}

/**
 * Fetches the histories of the runs that a visibility query finds, each when it is asked for, as
 * `{workflow ID} {run ID}`. Runs that have not done anything yet, or that Temporal forgets meanwhile, are left out.
 *
 * @throws HistoriesUnreadableError when there are none: a check of nothing would look like a success.
 */
export async function* fetchHistories(
  { workflow }: Client,
  query: string,
): AsyncGenerator<NamedHistory> {
  let found = 0;
  for await (const { workflowId, runId } of workflow.list({ query })) {
    const history = await fetchHistory({ workflow }, workflowId, runId);
    if (!history) continue;
    found += 1;
    yield { name: `${workflowId} ${runId}`, workflowId, history };
  }
  if (found === 0) {
    throw new HistoriesUnreadableError(
      `no workflow with a history is found by: ${query}`,
      'Temporal finds what its namespace retains; `temporal workflow list --query` shows it',
    );
  }
}

async function fetchHistory(
  { workflow }: Pick<Client, 'workflow'>,
  workflowId: string,
  runId: string,
): Promise<History | undefined> {
  try {
    const history = await workflow.getHandle(workflowId, runId).fetchHistory();
    const hasBegun = history.events?.some((event) => event.workflowTaskCompletedEventAttributes);
    return hasBegun ? history : undefined;
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return undefined;
    throw error;
  }
}
