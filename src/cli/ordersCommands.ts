import { randomUUID } from 'node:crypto';
import { userInfo } from 'node:os';
import { WorkflowNotFoundError } from '@temporalio/client';
import type { UpdateDefinition } from '@temporalio/common';
import { describeWinner } from '../console/orderTexts.ts';
import { localTime, printable } from '../console/printable.ts';
import type { Command, CommandAnswer, Winner } from '../contracts/commands.ts';
import { cancelOrder, resolveOrder, resumeOrder, type OrderRow } from '../contracts/orders.ts';
import { resolveReturn, resumeReturn } from '../contracts/returns.ts';
import { winnerOf } from '../contracts/winner.ts';
import { decideLinesCancellation } from '../domain/lines.ts';
import { decideCancellation, type Cancellation } from '../domain/order.ts';
import { UserError } from '../platform/errors.ts';
import { orderName, readOrderId, readReturn } from './orderIds.ts';
import { readRow } from './orderRows.ts';
import { inTime } from './orderWorkflows.ts';
import { withTemporal } from './temporalTools.ts';

interface JsonOption {
  readonly json?: true;
}

export interface OrdersCancelOptions extends JsonOption {
  readonly reason: string;
  /** From 1. */
  readonly line?: readonly number[];
}

/** How long a worker may take to answer, in milliseconds. */
const DEADLINE = 10_000;
const LONGEST_REASON = 500;

/** Cancels an order or lines of it, and prints the answer; exit 1 when it is refused. */
export async function runOrdersCancel(
  id: string,
  { reason, line, json }: OrdersCancelOptions,
): Promise<void> {
  const workflowId = readOrderId(id);
  assertReason(reason, 'say in a few words why');
  const request = { ...asker(), reason, ...(line && { lines: line }) };
  const answer = await withTemporal((temporal) =>
    inTime(temporal, DEADLINE, () =>
      temporal.client.workflow
        .getHandle(workflowId)
        .executeUpdate(cancelOrder, { args: [request], updateId: randomUUID() }),
    ).catch(async (error: unknown) => {
      if (!(error instanceof WorkflowNotFoundError)) throw error;
      return answerByRow(await readClosed(workflowId, error), line, request);
    }),
  );
  report(`order ${orderName(workflowId)}`, 'cancel', answer, json);
}

/** Goes on with what needs an operator, and prints the answer; exit 1 when it is refused. */
export async function runOrdersResume(id: string, { json }: JsonOption): Promise<void> {
  const { workflowId, name, isReturn } = readWorkflow(id);
  const definition = isReturn ? resumeReturn : resumeOrder;
  report(name, 'resume', await askRunning(name, workflowId, definition, asker()), json);
}

export interface OrdersResolveOptions extends JsonOption {
  readonly reason: string;
}

/** Takes what needs an operator for done, and prints the answer; exit 1 when it is refused. */
export async function runOrdersResolve(
  id: string,
  { reason, json }: OrdersResolveOptions,
): Promise<void> {
  const { workflowId, name, isReturn } = readWorkflow(id);
  assertReason(reason, 'say in a few words how it was done');
  const definition = isReturn ? resolveReturn : resolveOrder;
  const request = { ...asker(), reason };
  report(name, 'resolve', await askRunning(name, workflowId, definition, request), json);
}

/** An order or a return, and what messages call it. */
function readWorkflow(id: string) {
  const returned = readReturn(id);
  const workflowId = returned ?? readOrderId(id);
  const name = returned ?? `order ${orderName(workflowId)}`;
  return { workflowId, name, isReturn: returned !== undefined };
}

function assertReason(reason: string, hint: string): void {
  if (reason.length >= 1 && reason.length <= LONGEST_REASON) return;
  throw new UserError(
    `--reason: expected 1 to ${LONGEST_REASON} characters, received ${reason.length}`,
    hint,
  );
}

/** Asks a workflow that waits for an operator. @throws UserError when none runs. */
async function askRunning<Asked extends Command>(
  name: string,
  workflowId: string,
  definition: UpdateDefinition<CommandAnswer, [Asked]>,
  request: Asked,
): Promise<CommandAnswer> {
  return await withTemporal((temporal) =>
    inTime(temporal, DEADLINE, () =>
      temporal.client.workflow
        .getHandle(workflowId)
        .executeUpdate(definition, { args: [request], updateId: randomUUID() }),
    ).catch((cause: unknown) => {
      if (!(cause instanceof WorkflowNotFoundError)) throw cause;
      const hint = 'what has come to its end does not go on';
      throw new UserError(`no workflow runs for ${name}`, hint, { cause });
    }),
  );
}

/** The row of an order that has come to its end. @throws UserError when there never was one. */
async function readClosed(workflowId: string, cause: unknown): Promise<OrderRow> {
  const row = await readRow(workflowId);
  if (row) return row;
  const hint = 'neither Temporal nor the orders table knows it';
  throw new UserError(`there is no order ${orderName(workflowId)}`, hint, { cause });
}

/** The same rule as in the workflow, so that the answer does not depend on whether that has ended by now. */
function answerByRow(
  row: OrderRow,
  lines: readonly number[] | undefined,
  cancellation: Cancellation,
): CommandAnswer {
  const { state, timeline } = row;
  const decision = lines
    ? decideLinesCancellation(row, row.lines, lines, cancellation)
    : decideCancellation(row, cancellation);
  if (decision.outcome === 'duplicate') return { accepted: true, state };
  // It was ended by somebody: nobody is there to do it.
  const reason = decision.outcome === 'refused' ? decision.reason : 'workflow-closed';
  const wonBy = winnerOf(reason, timeline);
  return { accepted: false, state, reason, ...(wonBy && { wonBy }) };
}

/** Whoever sits at the terminal. */
function asker(): Command {
  return { requestedBy: `staff:${userName()}` };
}

function userName(): string {
  try {
    return (
      userInfo()
        .username.replaceAll(/[^A-Za-z0-9._-]/g, '-')
        .slice(0, 128) || 'operator'
    );
  } catch {
    // A container may run as a user that has no name.
    return 'operator';
  }
}

function report(
  name: string,
  command: string,
  answer: CommandAnswer,
  json: true | undefined,
): void {
  if (!answer.accepted) process.exitCode = 1;
  if (json) {
    console.log(JSON.stringify(answer, null, 2));
    return;
  }
  const { state } = answer;
  const said = answer.accepted
    ? `accepted; it is ${state}`
    : `refused, ${answer.reason}${first(answer.wonBy)}; it is ${state}`;
  console.log(printable(`${name}: ${command} ${said}`));
}

function first(winner: Winner | undefined): string {
  return winner ? ` (${describeWinner(winner)} was first, ${localTime(winner.at)})` : '';
}
