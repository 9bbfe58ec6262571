import { WorkflowNotFoundError, type Client } from '@temporalio/client';
import type { StartAnswer, StartOnce } from '../bridges/startOnce.ts';
import { Problem } from './problems.ts';
import { inTime } from './temporal.ts';

export interface StartDependencies {
  readonly temporal: Client;
  /** Starts a workflow unless its ID has been used before; the memo has the event ID, and the content's hash. */
  readonly startOnce: (start: StartOnce) => Promise<StartAnswer>;
  /** A hash of a value: the same for the same content, in whatever order its keys came. */
  readonly hash: (value: unknown) => string;
}

/** What Temporal knows of how a workflow was started. */
export interface KnownStart {
  readonly eventId: string | null;
  readonly contentHash: string | null;
  /** ISO 8601. */
  readonly startedAt: string;
}

/** @returns undefined where Temporal knows no such workflow. */
export async function describeStart(
  temporal: Client,
  workflowId: string,
): Promise<KnownStart | undefined> {
  try {
    const known = await inTime(temporal, () => temporal.workflow.getHandle(workflowId).describe());
    const { eventId, contentHash } = known.memo ?? {};
    return {
      eventId: typeof eventId === 'string' ? eventId : null,
      contentHash: typeof contentHash === 'string' ? contentHash : null,
      startedAt: known.startTime.toISOString(),
    };
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return undefined;
    throw error;
  }
}

export function keyReused(): Problem {
  return new Problem('idempotency-key-reused', 'the same key came with another request before');
}
