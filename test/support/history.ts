import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { WorkflowHandle } from '@temporalio/client';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';

const PROJECT = join(import.meta.dirname, '../..');
const REPLAY_FOLDER = join(PROJECT, 'test/replay');

/** Who works and asks, in the histories: they say the same whichever machine they were recorded on. */
export const IDENTITY = 'waybill-test';

/**
 * Keeps a history for the replay test, when histories are recorded (`WAYBILL_RECORD_HISTORIES=1 npm test`), unless there
 * is one of this name: how the code of its time did it is never written over.
 */
export async function recordHistory(handle: WorkflowHandle, name: string): Promise<void> {
  if (!process.env['WAYBILL_RECORD_HISTORIES']) return;
  const history = historyToJSON(await handle.fetchHistory()).replaceAll(PROJECT, '');
  const file = join(REPLAY_FOLDER, `${name}.json`);
  await writeFile(file, history, { flag: 'wx' }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
}
