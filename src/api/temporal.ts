import {
  isGrpcServiceError,
  WorkflowNotFoundError,
  WorkflowUpdateFailedError,
  WorkflowUpdateRPCTimeoutOrCancelledError,
  type Client,
} from '@temporalio/client';
import { Problem } from './problems.ts';

/** How long an answer from Temporal or a worker is waited for, in milliseconds. */
const DEADLINE = 5_000;

/** Asks Temporal, with a deadline; says how to ask again where the answer does not come. */
export async function inTime<Answer>(
  { connection }: Pick<Client, 'connection'>,
  ask: () => Promise<Answer>,
  explain = notAnswered,
): Promise<Answer> {
  try {
    return await connection.withDeadline(Date.now() + DEADLINE, ask);
  } catch (error) {
    if (!isUnanswered(error)) throw error;
    throw explain(error);
  }
}

/**
 * Nobody answered, or nobody could: the workflow goes on in a new run, or is being ended. What was asked may apply all
 * the same.
 */
export function isUnanswered(error: unknown): boolean {
  return (
    error instanceof WorkflowUpdateFailedError ||
    error instanceof WorkflowUpdateRPCTimeoutOrCancelledError ||
    (isGrpcServiceError((error as Error).cause) && !(error instanceof WorkflowNotFoundError)) ||
    isGrpcServiceError(error)
  );
}

/** What Temporal does not answer in time may still apply: the caller may ask again under the same key. */
export function notAnswered(cause: unknown): Problem {
  return new Problem(
    'not-answered',
    'the order service did not answer in time; the request may still apply: ask again with the same Idempotency-Key',
    { cause, retryAfterSeconds: 5 },
  );
}

/** What could not be read, of which nothing can have come. */
export function notRead(cause: unknown): Problem {
  return new Problem('not-answered', 'the order service did not answer in time: ask again', {
    cause,
    retryAfterSeconds: 5,
  });
}
