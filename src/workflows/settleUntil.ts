import { CancellationScope, condition, sleep } from '@temporalio/workflow';
import type { InboxEvent } from '../contracts/inbox.ts';
import type { Inbox, Settled } from './inbox.ts';

export interface Settling {
  /** Which events can be decided by now; the others keep waiting. */
  readonly due: (event: InboxEvent) => boolean;
  readonly apply: (event: InboxEvent) => Settled;
  readonly done: () => boolean;
  /** When the waiting ends without `done`, in milliseconds of the workflow's clock. Default: never. */
  readonly until?: number | undefined;
  /** Told that events were decided and have not ended the waiting. */
  readonly onDecided: () => unknown;
  /** Told before it is waited, each time. */
  readonly onWait?: () => void;
}

/** Decides what comes, as it comes, until `done`. @returns false when `until` was reached first. */
export async function settleUntil(
  inbox: Inbox,
  { due, apply, done, until, onDecided, onWait }: Settling,
): Promise<boolean> {
  // Most waiting has no end of its own, and each promise costs the worker a stack trace.
  let alarm: CancellationScope | null = null;
  let late = false;
  if (until !== undefined) {
    alarm = new CancellationScope();
    alarm
      .run(() => sleep(Math.max(1, until - Date.now())))
      .then(
        () => (late = true),
        () => undefined,
      );
  }
  try {
    for (;;) {
      const decided = settleDue(inbox, due, apply);
      if (done()) return true;
      if (late) return false;
      if (decided) onDecided();
      onWait?.();
      await condition(() => done() || late || inbox.has(due));
    }
  } finally {
    alarm?.cancel();
  }
}

/** Decides all that is due. @returns whether anything was. */
export function settleDue(inbox: Inbox, due: Settling['due'], apply: Settling['apply']): boolean {
  let decided = false;
  while (inbox.settleNext(due, apply)) decided = true;
  return decided;
}
