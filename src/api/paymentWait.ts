import {
  WithStartWorkflowOperation,
  WorkflowExecutionAlreadyStartedError,
  WorkflowNotFoundError,
} from '@temporalio/client';
import type { StartOnce } from '../bridges/startOnce.ts';
import {
  awaitPayment,
  type OrderRow,
  type PaymentOutcome,
  type PlacedOrder,
} from '../contracts/orders.ts';
import { paymentOutcome } from '../domain/paymentOutcome.ts';
import { inStore, type LookupDependencies } from './lookup.ts';
import { describeStart, type StartDependencies } from './start.ts';
import { isUnanswered, notAnswered } from './temporal.ts';

/** A start whose payment's outcome is waited for. */
export interface AwaitedStart {
  readonly placed: PlacedOrder;
  readonly start: StartOnce;
  /** Names the question: asked again, it is the same one. */
  readonly updateId: string;
  readonly seconds: number;
}

/** The outcome; null where it is not known in time; `conflict`: another order is there. */
export type Waited = PaymentOutcome | 'conflict' | null;

type WaitDependencies = LookupDependencies & StartDependencies;

/** Starts an order once and asks for its payment in one call. Throws a Problem `not-answered` where nobody knows of it. */
export async function startAndWait(
  dependencies: WaitDependencies,
  { placed, start, seconds, ...asked }: AwaitedStart,
): Promise<Waited> {
  const { temporal, hash } = dependencies;
  const { workflowType, args, content, eventId, priority, ...options } = start;
  const contentHash = hash(content);
  // With other content it is another question: the answer to the first must not stand for it.
  const updateId = `${asked.updateId}/${contentHash}`;
  const deadline = Date.now() + seconds * 1000;
  const ask = (question: () => Promise<PaymentOutcome>) =>
    temporal.connection.withDeadline(deadline, question);
  const startWorkflowOperation = new WithStartWorkflowOperation(workflowType, {
    ...options,
    args: [...args],
    ...(priority && { priority }),
    // As `startOnce` writes it.
    memo: { eventId, contentHash },
    workflowIdConflictPolicy: 'FAIL',
    workflowIdReusePolicy: 'REJECT_DUPLICATE',
  });
  try {
    const outcome = await ask(() =>
      temporal.workflow.executeUpdateWithStart(awaitPayment, { startWorkflowOperation, updateId }),
    );
    return outcome.outcome === 'duplicate' ? await byRow(dependencies, start, placed) : outcome;
  } catch (error) {
    const isStarted = error instanceof WorkflowExecutionAlreadyStartedError;
    if (!isStarted && !isUnanswered(error)) throw error;
    const known = await describeStart(temporal, start.workflowId);
    if (!known) throw notAnswered(error);
    if (known.contentHash !== contentHash) return 'conflict';
    if (!isStarted) return null;
  }
  try {
    const handle = temporal.workflow.getHandle(start.workflowId);
    const outcome = await ask(() => handle.executeUpdate(awaitPayment, { updateId }));
    return outcome.outcome === 'duplicate' ? await byRow(dependencies, start, placed) : outcome;
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return await byRow(dependencies, start, placed);
    if (isUnanswered(error)) return null;
    throw error;
  }
}

/** What became of an order whose workflow is closed, or was another one that Temporal has forgotten: its row has it. */
async function byRow(
  dependencies: WaitDependencies,
  { workflowId }: StartOnce,
  placed: PlacedOrder,
): Promise<Waited> {
  const row = await inStore(() => dependencies.orders.read(workflowId));
  if (!row) return null;
  return isSameOrder(dependencies, row, placed) ? paymentOutcome(row, row.reason) : 'conflict';
}

/** Whether a stored order is this one. Its payment method may have changed since: the rest tells. */
export function isSameOrder(
  { hash }: Pick<StartDependencies, 'hash'>,
  row: OrderRow,
  { customerId, currency, lines }: PlacedOrder,
): boolean {
  return (
    hash({ customerId, currency, lines }) ===
    hash({ customerId: row.customerId, currency: row.total.currency, lines: row.lines })
  );
}
