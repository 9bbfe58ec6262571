import { ActivityFailure } from '@temporalio/common';
import { CancellationScope, proxyActivities } from '@temporalio/workflow';
import type {
  PaymentActivities,
  ReturnActivities,
  StockActivities,
} from '../contracts/activities.ts';
import { orderWorkflowId } from '../contracts/orders.ts';
import type { ReturnInput, ReturnResult } from '../contracts/returns.ts';
import { piecesBySku } from '../domain/order.ts';
import { acceptedPieces } from '../domain/return.ts';
import { ReturnProgress } from './returnProgress.ts';
import { own, provider } from './tries.ts';

const { openReturn, closeReturn, restock } = proxyActivities<ReturnActivities & StockActivities>(
  own,
);

/**
 * One return, from its request to its end.
 *
 * Its pieces are entered as being returned, if the order allows it; then the goods are awaited, of which the customer
 * is reminded, and what a person finds on inspecting them. What is accepted is refunded and put on sale again; what is
 * not may be returned once more. A refund that keeps failing waits for an operator.
 */
export async function returnWorkflow(input: ReturnInput): Promise<ReturnResult> {
  const progress = new ReturnProgress(input);
  // A cancelled workflow is a return given up, while that is still possible: see ReturnProgress.
  return await CancellationScope.nonCancellable(async () => {
    const rejection = await open(input, progress);
    if (rejection !== null) return await progress.end('rejected', rejection);
    const missing = await goodsInspected(progress);
    if (missing === null) await refund(input, progress);
    await putBack(progress);
    await close(input, progress);
    if (missing !== null) return await progress.end('expired', missing);
    return await progress.end(isAccepted(progress) ? 'refunded' : 'refused');
  });
}

/** @returns why the order does not allow it; null when it does. */
async function open(input: ReturnInput, progress: ReturnProgress): Promise<string | null> {
  if (progress.row().state !== 'requested') return null;
  const { returnId, order, request, policy } = input;
  const answer = await progress.step('open-return', () =>
    openReturn({ returnId, order, lines: request.lines }),
  );
  if (answer.kind === 'rejected') {
    if (answer.customerId !== undefined) progress.recordCustomer(answer.customerId);
    return answer.reason;
  }
  const { customerId, currency, lines } = answer;
  progress.become('awaiting-goods', {
    waitingFor: 'goods',
    goodsUntil: new Date(Date.now() + policy.goodsWithinSeconds * 1_000).toISOString(),
    customerId,
    currency,
    lines,
  });
  return null;
}

/** Waits until the goods came and were inspected. @returns why that will not be; null when it was. */
async function goodsInspected(progress: ReturnProgress): Promise<string | null> {
  const missing = (await progress.waitWhile('goods')) ?? (await progress.waitWhile('inspection'));
  return missing === 'late' ? 'goods-not-received' : missing;
}

/** Refunds what was accepted, however often it takes an operator's help. */
async function refund({ order, returnId, policy }: ReturnInput, progress: ReturnProgress) {
  const { refund: due } = progress.row();
  if (due === null || due.amount === 0) return;
  const { refundPayment } = proxyActivities<PaymentActivities>({
    ...provider,
    scheduleToCloseTimeout: policy.refundRetrySeconds * 1_000,
  });
  const orderKey = orderWorkflowId(order);
  const request = { orderKey, step: `refund/return/${returnId}`, amount: due.amount };
  for (;;) {
    await progress.waitWhile('operator');
    if (progress.isResolved) return;
    try {
      const { refunded } = await progress.step('refund-payment', () => refundPayment(request));
      // Less where all of the payment has been given back otherwise.
      progress.recordRefund({ ...due, amount: refunded });
      return;
    } catch (error) {
      if (!(error instanceof ActivityFailure)) throw error;
      progress.become('needs-operator', { waitingFor: 'operator', reason: 'refund-failed' });
    }
  }
}

/** Puts the accepted pieces on sale again. */
async function putBack(progress: ReturnProgress): Promise<void> {
  const { workflowId: returnKey, lines, accepted } = progress.row();
  const pieces = piecesBySku(acceptedPieces(lines, accepted ?? []));
  if (pieces.length > 0) await progress.step('restock', () => restock({ returnKey, pieces }));
}

async function close({ returnId, order }: ReturnInput, progress: ReturnProgress): Promise<void> {
  const accepted = progress.row().accepted ?? [];
  await progress.step('close-return', () => closeReturn({ returnId, order, accepted }));
}

function isAccepted(progress: ReturnProgress): boolean {
  return (progress.row().accepted ?? []).length > 0;
}
