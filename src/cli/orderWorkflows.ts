import {
  isGrpcServiceError,
  WorkflowUpdateRPCTimeoutOrCancelledError,
  type Client,
} from '@temporalio/client';
import { UserError } from '../platform/errors.ts';
import type { TemporalClient } from '../platform/temporal.ts';

/**
 * Asks Temporal or a worker, for so many milliseconds at the most.
 *
 * @throws UserError when nobody answers, though what was asked may apply.
 */
export async function inTime<Answer>(
  { connection }: TemporalClient,
  within: number,
  ask: () => Promise<Answer>,
): Promise<Answer> {
  try {
    return await connection.withDeadline(Date.now() + within, ask);
  } catch (error) {
    if (!isUnanswered(error)) throw error;
    throw new UserError(
      `nobody answered within ${within / 1_000} s; what was asked for may apply all the same`,
      'a worker has to run; see `waybill doctor`',
      { cause: error },
    );
  }
}

/** Whether it was the deadline: gRPC's statuses CANCELLED and DEADLINE_EXCEEDED. */
function isUnanswered(error: unknown): boolean {
  if (error instanceof WorkflowUpdateRPCTimeoutOrCancelledError) return true;
  const cause = error instanceof Error && isGrpcServiceError(error.cause) ? error.cause : error;
  return isGrpcServiceError(cause) && [1, 4].includes(Number(cause.code));
}

/** gRPC's status of what the service cannot read. */
const INVALID_ARGUMENT = 3;

/** About how many workflows a visibility query finds. @throws UserError when the query is none. */
export async function countWorkflows({ workflow }: Client, query: string): Promise<number> {
  try {
    return (await workflow.count(query)).count;
  } catch (error) {
    const cause = error instanceof Error ? error.cause : undefined;
    if (!isGrpcServiceError(cause) || Number(cause.code) !== INVALID_ARGUMENT) throw error;
    throw new UserError(
      `Temporal cannot read the query: ${cause.details}`,
      "a visibility query is such as \"WorkflowType = 'orderWorkflow' AND ExecutionStatus = 'Running'\"",
      { cause: error },
    );
  }
}
