import { CancellationScope, proxyActivities } from '@temporalio/workflow';
import type { OrderActivities, StockActivities } from '../contracts/activities.ts';
import type { OrderInput, OrderResult, OrderUndo } from '../contracts/orders.ts';
import { isToReserve, isUntouched, settle } from '../domain/lines.ts';
import { isAllLost } from '../domain/shipment.ts';
import { fulfilReported } from './firstEdition.ts';
import { answerCommands } from './orderCommands.ts';
import { pay, returnPayment, takeAsReturned } from './orderPayment.ts';
import { OrderProgress, OrderStopped } from './orderProgress.ts';
import { admit, screen } from './orderScreening.ts';
import { cancelShipments, piecesGone, ship } from './orderShipments.ts';
import { reserve } from './orderStock.ts';
import { CompensationFailed, Saga } from './saga.ts';
import { stepActivities } from './stepActivities.ts';
import { own } from './tries.ts';

const { claimOrder } = proxyActivities<OrderActivities>(own);

/**
 * One order, from its placing to its end.
 *
 * It is claimed and screened for fraud, its stock reserved, its payment authorised and captured, its parcels sent; then
 * it waits for them to arrive. A person decides where the screening is in doubt; an order that allows it waits for
 * pieces that are short, and one whose payment is declined for another method. Until its parcels leave it can be
 * cancelled, whole or by the line. What stops it has it undone: its parcels called back, the payment voided or
 * refunded, the stock given back. A free order (total 0) goes the same way without a payment.
 */
export async function orderWorkflow(input: OrderInput): Promise<OrderResult> {
  const saga = new Saga<OrderUndo>(
    compensations(input, () => progress),
    input.carried?.ledger,
  );
  const progress = new OrderProgress(input, saga);
  const { edition } = progress;
  answerCommands(progress);

  // A cancelled workflow is a cancelled order, decided like any other command: see answerCommands.
  return await CancellationScope.nonCancellable(async () => {
    try {
      if (!input.carried) {
        const admitted = await (edition === 1 ? claimOrder(progress.row()) : admit(progress));
        if (admitted === 'duplicate') return await progress.endAsDuplicate();
        if (edition === 1) progress.announceClaimed();
      }
      const { reviewWithinSeconds } = input.policy;
      if (isUntouched(progress.order) && reviewWithinSeconds !== undefined) {
        const rejection = await screen(progress, reviewWithinSeconds);
        if (rejection !== null) return await progress.end('rejected', rejection);
      }
      if (isToReserve(progress.order)) await reserve(input, progress, saga);
      progress.stopIfCancelled();
      await pay(input, progress, saga);
      if (edition === 1) await fulfilReported(input, progress);
      else await ship(input, progress, saga);
      const { shipments, payment } = progress.order;
      if (isAllLost(shipments)) {
        const isFree = payment.status === 'not-needed';
        return await progress.end(isFree ? 'cancelled' : 'refunded', 'parcel-lost');
      }
      return await progress.end('closed');
    } catch (error) {
      if (!(error instanceof OrderStopped)) throw error;
      return await undo(error, progress, saga);
    }
  });
}

/** Undoes what was done, however often it takes an operator's help, and ends the order. */
async function undo(
  { cancellation }: OrderStopped,
  progress: OrderProgress,
  saga: Saga<OrderUndo>,
): Promise<OrderResult> {
  progress.order = { ...progress.order, cancellation };
  for (;;) {
    let failed = saga.next;
    if (!failed || !progress.isAsked(`${failed}-failed`)) {
      try {
        await saga.compensate();
        break;
      } catch (error) {
        if (!(error instanceof CompensationFailed)) throw error;
        failed = error.undo as OrderUndo;
      }
    }
    if ((await progress.needOperator(`${failed}-failed`)) !== 'resolved') continue;
    saga.takeAsDone(failed);
    if (failed === 'return-payment') takeAsReturned(progress);
  }
  progress.order = settle(progress.order);
  const end = progress.order.payment.refunded > 0 ? 'refunded' : 'cancelled';
  return await progress.end(end, cancellation.reason);
}

/** How each step is undone. Tried for the policy's time; what still fails then is for an operator. */
function compensations(
  input: OrderInput,
  progress: () => OrderProgress,
): Readonly<Record<OrderUndo, () => Promise<void>>> {
  const scheduleToCloseTimeout = input.policy.compensationRetrySeconds * 1000;
  return {
    'release-stock': () => {
      const order = progress();
      const { releaseStock } = stepActivities<StockActivities>(order, {
        ...own,
        scheduleToCloseTimeout,
      });
      const { orderKey } = order;
      const lost = piecesGone(order);
      return order.note(
        'release-stock',
        releaseStock({ orderKey, ...(lost.length > 0 && { lost }) }),
      );
    },
    'return-payment': () => returnPayment(input, progress()),
    'cancel-shipments': () => cancelShipments(input, progress()),
  };
}
