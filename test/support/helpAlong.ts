import { WorkflowNotFoundError, type WorkflowHandle } from '@temporalio/client';
import proto from '@temporalio/proto';
import { eventually } from './servers.ts';

const SCHEDULED = proto.temporal.api.enums.v1.PendingActivityState.PENDING_ACTIVITY_STATE_SCHEDULED;
/** How far a workflow's clock is moved to be past the pause before the next try: at most a minute. */
const PAST_BACKOFF = 61;

interface Standing {
  readonly revision: number;
  readonly waitingFor: string | null;
}

/**
 * Does what a workflow's subject waits for, once for each time that it says so, until it is over.
 *
 * @throws Error with how it stands, where nothing helps.
 */
export async function helpAlong<Row extends Standing>(
  handle: WorkflowHandle,
  {
    look,
    isOver,
    help,
    pass,
  }: {
    readonly look: () => Promise<Row>;
    readonly isOver: (row: Row) => boolean;
    readonly help: (row: Row) => Promise<void>;
    /** Moves the workflow's clock on. */
    readonly pass: (seconds: number) => Promise<void>;
  },
): Promise<void> {
  let helped = 0;
  let row: Row | undefined;
  const isThere = async () => {
    row = await look();
    if (isOver(row)) return true;
    if (row.waitingFor !== null && row.revision > helped) {
      helped = row.revision;
      await help(row).catch(ignoreEnded);
    } else {
      await skipBackoff(handle, pass);
    }
    return false;
  };
  await eventually(isThere, { within: 60_000, every: 50 }).catch((error: unknown) => {
    throw new Error(`${String(error)}\nstill ${JSON.stringify(row, null, 1)}`);
  });
}

/** Where an activity only waits for its next try, it need not. @param pass - moves the workflow's clock on. */
export async function skipBackoff(
  handle: WorkflowHandle,
  pass: (seconds: number) => Promise<void>,
): Promise<void> {
  const { raw } = await handle.describe();
  const isBackingOff = (raw.pendingActivities ?? []).some(
    ({ attempt, state }) => (attempt ?? 1) > 1 && state === SCHEDULED,
  );
  if (isBackingOff) await pass(PAST_BACKOFF);
}

/** What is done to a workflow that has ended meanwhile changes nothing. */
export function ignoreEnded(error: unknown): void {
  if (!(error instanceof WorkflowNotFoundError)) throw error;
}
