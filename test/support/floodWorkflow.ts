import { allHandlersFinished, condition, continueAsNew, workflowInfo } from '@temporalio/workflow';
import type { InboxContent } from '../../src/contracts/inbox.ts';
import { Inbox } from '../../src/workflows/inbox.ts';

export interface Flood {
  /** How many events there will be. */
  readonly expected: number;
  /** How often each was applied, by the number in its data. */
  readonly applied: readonly number[];
  readonly runs: number;
  readonly inbox?: InboxContent;
}

/** Long before Temporal suggests it, so that a test sees many runs. */
const LONGEST_HISTORY = 200;

/** Counts events until all have come, in one run after another. */
export async function floodWorkflow({
  expected,
  applied,
  runs,
  inbox: carried,
}: Flood): Promise<Flood> {
  const inbox = new Inbox(carried);
  const counts = [...applied];
  let seen = counts.filter((count) => count > 0).length;
  for (;;) {
    await condition(() => inbox.has() || seen === expected);
    while (
      inbox.settleNext(
        () => true,
        ({ data }) => {
          const { note } = data as { note: string };
          const number = Number(note);
          counts[number] = (counts[number] ?? 0) + 1;
          if (counts[number] === 1) seen += 1;
          return { outcome: 'applied' };
        },
      )
    );
    if (seen === expected) return { expected, applied: counts, runs };
    if (workflowInfo().historyLength > LONGEST_HISTORY) {
      await condition(allHandlersFinished);
      await continueAsNew<typeof floodWorkflow>({
        expected,
        applied: counts,
        runs: runs + 1,
        inbox: inbox.content(),
      });
    }
  }
}
