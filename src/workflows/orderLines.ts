import type { PaymentActivities, StockActivities } from '../contracts/activities.ts';
import type { OrderInput } from '../contracts/orders.ts';
import { nextSettlement, settle } from '../domain/lines.ts';
import type { OrderProgress } from './orderProgress.ts';
import { stepActivities } from './stepActivities.ts';
import { own, provider } from './tries.ts';

/**
 * Gives back what is due for lines that were cancelled while the order goes on: pieces to the stock, and what was
 * captured beyond what is left. Each is tried for the policy's time, then until an operator has helped.
 *
 * @throws OrderStopped when the order was cancelled: what is left to give back is part of undoing it then.
 */
export async function settleLines(input: OrderInput, progress: OrderProgress): Promise<void> {
  const { orderKey, placed } = progress;
  const scheduleToCloseTimeout = input.policy.compensationRetrySeconds * 1000;
  const { releasePieces } = stepActivities<StockActivities>(progress, {
    ...own,
    scheduleToCloseTimeout,
  });
  const { refundPayment } = stepActivities<PaymentActivities>(progress, {
    ...provider,
    scheduleToCloseTimeout,
  });
  for (;;) {
    const next = nextSettlement(progress.order, placed.lines);
    if (!next) return;
    const { step, number, released, left, refund: amount } = next;
    progress.order = { ...progress.order, settling: step };
    // Settled together with the step's entry in the timeline: no row is written that has the one without the other.
    const settled = (refunded: number) => {
      const { payment } = progress.order;
      progress.recordPayment({ refunded: payment.refunded + refunded });
      progress.order = settle(progress.order, step);
    };
    const isReleased = () => amount === 0 && settled(0);
    if (released.length === 0) isReleased();
    else {
      await progress.insist(
        'release-lines',
        String(step),
        async () => {
          await releasePieces({ orderKey, step: number, released, left });
          isReleased();
        },
        isReleased,
      );
    }
    if (amount > 0) {
      await progress.insist(
        'refund-lines',
        String(step),
        async () => {
          const answer = await refundPayment({ orderKey, step: `refund/lines/${step}`, amount });
          settled(answer.refunded);
          return answer;
        },
        () => settled(amount),
      );
    }
    progress.writeRow();
  }
}

/** Whether something is to be given back for lines that were cancelled. */
export function isSettlementDue({ order, placed }: OrderProgress): boolean {
  return nextSettlement(order, placed.lines) !== null;
}
