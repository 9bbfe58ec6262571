import { setTimeout as delay } from 'node:timers/promises';
import { Client, Connection, type WorkflowHandle } from '@temporalio/client';
import { inboxSignal } from '../src/contracts/inbox.ts';
import { startChild } from './children.ts';
import { type Measured, pointsOf, type Series } from './growthFigures.ts';
import type { InboxWorkerJob } from './job.ts';
import { signalTimes } from './signalTimes.ts';

export interface HistoryLoad {
  /** How many events a history has before the measured ones: past 4,096 the service suggests a new run. */
  readonly lengths: readonly number[];
  /** Sent to each history, one after another. */
  readonly events: number;
}

const TASK_QUEUE = 'bench-inbox';
/** A busy machine may take longer for a long history than the ten seconds that are the default. */
const TASK_TIMEOUT = '60s';
/** In milliseconds. */
const LOOK_EVERY = 10;
const WORKERS = [
  { series: 'workflow in the cache', keepsWorkflows: true },
  { series: 'history replayed', keepsWorkflows: false },
] as const;

/**
 * Measures how long an event waits until its workflow has taken it, by the length of the history: at a worker that
 * still holds the workflow, and at one that has to replay it, as after a restart or an eviction.
 */
export async function growHistory(
  temporal: string,
  { lengths, events }: HistoryLoad,
  onProgress: (message: string) => void,
): Promise<readonly Series[]> {
  const connection = await Connection.connect({ address: temporal });
  const client = new Client({ connection });
  const histories = WORKERS.flatMap(({ series, keepsWorkflows }) =>
    lengths.map((at) => ({ series, keepsWorkflows, at, id: `history-${keepsWorkflows}-${at}` })),
  );

  async function withWorker(keepsWorkflows: boolean, use: () => Promise<void>): Promise<void> {
    const job: InboxWorkerJob = { temporal, taskQueue: TASK_QUEUE, keepsWorkflows };
    const worker = startChild<InboxWorkerJob, undefined>('inboxWorkerProcess.ts', job);
    await worker.ready;
    await Promise.race([use(), worker.result]);
    worker.tell('finish');
    await worker.result;
  }

  const measured: Measured[] = [];
  async function measure(keepsWorkflows: boolean): Promise<void> {
    const its = histories.filter((history) => history.keepsWorkflows === keepsWorkflows);
    for (const { series, at, id } of its) {
      const handle = client.workflow.getHandle(id);
      // The first one after a change of workers costs what comes with the change.
      const historyLength = await sendAndWait(handle, 'first');
      for (let n = 0; n < events; n += 1) await sendAndWait(handle, `measured-${n}`);
      const { events: all } = await handle.fetchHistory();
      const times = signalTimes((all ?? []).slice(historyLength));
      measured.push(...times.map((value) => ({ series, at, value })));
      onProgress(`${series}, ${at} events: ${times.map((ms) => ms.toFixed(0)).join(' ')} ms`);
    }
  }

  await withWorker(true, async () => {
    await Promise.all(histories.map(({ id, at }) => grow(client, id, at)));
    await measure(true);
  });
  await withWorker(false, () => measure(false));
  await connection.close();
  return pointsOf(measured);
}

/** Starts a workflow and sends it events, one after another as they come to an order, until its history is so long. */
async function grow(client: Client, workflowId: string, length: number): Promise<void> {
  const options = { workflowId, taskQueue: TASK_QUEUE, workflowTaskTimeout: TASK_TIMEOUT };
  const handle = await client.workflow.start('inboxWorkflow', options);
  let sent = 0;
  while ((await sendAndWait(handle, `grow-${sent}`)) < length) sent += 1;
}

/** @returns how long the history is once the workflow has taken the event. */
async function sendAndWait(handle: WorkflowHandle, id: string): Promise<number> {
  await handle.signal(inboxSignal, [{ id, type: 'Grown', data: null }]);
  for (;;) {
    const { raw, historyLength } = await handle.describe();
    if (!raw.pendingWorkflowTask) return historyLength;
    await delay(LOOK_EVERY);
  }
}
