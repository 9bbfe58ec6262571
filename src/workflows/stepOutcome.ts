import { ActivityFailure, ApplicationFailure, TimeoutFailure } from '@temporalio/common';
import { isCancellation } from '@temporalio/workflow';

/** What the timeline says of a step that has ended. */
interface StepOutcome {
  readonly outcome: string;
  readonly reason: string | null;
}

/** By what kind of answer it was, with its code where it has one; `done` where there is only one kind. */
export function outcomeOf(answer: unknown): StepOutcome {
  const { kind, code } = (answer ?? {}) as { readonly kind?: unknown; readonly code?: unknown };
  return {
    outcome: typeof kind === 'string' ? kind : 'done',
    reason: typeof code === 'string' ? code : null,
  };
}

/** A step that was not waited for any more, or that failed for good. */
export function failureOf(error: unknown): StepOutcome {
  if (isCancellation(error)) return { outcome: 'cancelled', reason: null };
  const cause = error instanceof ActivityFailure ? error.cause : error;
  if (cause instanceof TimeoutFailure) return { outcome: 'failed', reason: 'timed-out' };
  const type = cause instanceof ApplicationFailure ? cause.type : undefined;
  return { outcome: 'failed', reason: type ?? 'unknown' };
}
