import { Worker, type ReplayWorkerOptions } from '@temporalio/worker';
import type { NamedHistory } from './histories.ts';

export interface Replayed {
  /** The history's name. */
  readonly name: string;
  /** The first command at which code and history part; null where they agree. */
  readonly error: string | null;
}

/** Replays histories against the workflows at hand, one after the other: no more than one is in memory. */
export async function* replayHistories(
  histories: AsyncIterable<NamedHistory>,
  options: ReplayWorkerOptions,
): AsyncIterable<Replayed> {
  let latest = '';
  async function* feed() {
    for await (const { name, workflowId, history } of histories) {
      latest = name;
      yield { workflowId, history };
    }
  }
  // The next history is asked for only after the last one's result.
  for await (const { error } of Worker.runReplayHistories(options, feed())) {
    yield { name: latest, error: error ? error.message : null };
  }
}
