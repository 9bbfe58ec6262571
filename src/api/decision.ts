import { WorkflowNotFoundError } from '@temporalio/client';
import type { UpdateDefinition } from '@temporalio/common';
import type { Command, CommandAnswer } from '../contracts/commands.ts';
import type { Caller } from './caller.ts';
import { Problem, type ProblemCode } from './problems.ts';
import { keyReused, type StartDependencies } from './start.ts';
import { inTime } from './temporal.ts';

export type DecisionDependencies = Pick<StartDependencies, 'temporal' | 'hash'>;

/** A command of a caller to a workflow. */
export interface Asked<State extends string, Request extends Command> {
  readonly caller: Caller;
  readonly idempotencyKey: string;
  readonly workflowId: string;
  readonly update: UpdateDefinition<CommandAnswer<State>, [Request]>;
  /** What the caller asks for, as it came: the same key with something else is another request. */
  readonly body: unknown;
  readonly request: Omit<Request, keyof Command>;
  /** Decides in the workflow's stead where it is closed, or never was: by what is stored then, not before. */
  readonly whenClosed: () => Promise<CommandAnswer<State>>;
  /** What a refusal is called, and of what it is one. */
  readonly refusal: readonly [ProblemCode, subject: string];
}

/** Has a workflow decide. Throws a Problem where it refuses: it says why, and who was first. */
export async function decide<State extends string, Request extends Command>(
  { temporal, hash }: DecisionDependencies,
  asked: Asked<State, Request>,
): Promise<State> {
  const { caller, idempotencyKey, workflowId, update, whenClosed } = asked;
  const request = hash({ update: update.name, workflowId, body: asked.body });
  const command = { ...asked.request, requestedBy: caller.name, request } as unknown as Request;
  const answer = await inTime(temporal, () =>
    temporal.workflow.getHandle(workflowId).executeUpdate<CommandAnswer<State>, [Request]>(update, {
      args: [command],
      updateId: `${caller.name}/${idempotencyKey}`,
    }),
  ).catch(async (error: unknown) => {
    if (error instanceof WorkflowNotFoundError) return await whenClosed();
    throw error;
  });
  if (answer.request !== undefined && answer.request !== request) {
    throw keyReused();
  }
  if (answer.accepted) return answer.state;
  const [code, subject] = asked.refusal;
  const { reason, wonBy } = answer;
  throw new Problem(
    code,
    `${subject}: ${reason}`,
    wonBy && { wonBy: caller.role === 'seller' ? { ...wonBy, by: null } : wonBy },
  );
}
