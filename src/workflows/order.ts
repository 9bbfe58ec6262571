import { CancellationScope, proxyActivities } from '@temporalio/workflow';
import type { OrderActivities, StockActivities } from '../contracts/activities.ts';
import type { OrderInput, OrderResult, OrderUndo } from '../contracts/orders.ts';
import { isUntouched, linesLeft, settle } from '../domain/lines.ts';
import { isDelivered, isDispatched, piecesBySku } from '../domain/order.ts';
import { answerCommands } from './orderCommands.ts';
import { isSettlementDue, settleLines } from './orderLines.ts';
import { pay, returnPayment } from './orderPayment.ts';
import { OrderProgress, OrderStopped } from './orderProgress.ts';
import { screen } from './orderScreening.ts';
import { CompensationFailed, Saga } from './saga.ts';
import { own } from './tries.ts';

const { claimOrder, reserveStock } = proxyActivities<OrderActivities & StockActivities>(own);

/**
 * One order, from its placing to its end.
 *
 * It is claimed, screened for fraud, its stock reserved, its payment authorised and captured; then it waits for its
 * parcels to leave and to arrive. A person decides where the screening is in doubt. Until the first parcel leaves it
 * can be cancelled, whole or by the line; a declined payment waits for another method. What stops it has it undone:
 * the payment voided or refunded, the stock given back. A free order (total 0) goes the same way without a payment.
 */
export async function orderWorkflow(input: OrderInput): Promise<OrderResult> {
  const saga = new Saga<OrderUndo>(
    compensations(input, () => progress),
    input.carried?.ledger,
  );
  const progress = new OrderProgress(input, saga);
  answerCommands(progress);

  // A cancelled workflow is a cancelled order, decided like any other command: see answerCommands.
  return await CancellationScope.nonCancellable(async () => {
    try {
      if (!input.carried) {
        if ((await claimOrder(progress.row())) === 'duplicate') {
          return await progress.endAsDuplicate();
        }
        progress.announceClaimed();
      }
      if (isUntouched(progress.order)) {
        const { reviewWithinSeconds } = input.policy;
        if (reviewWithinSeconds !== undefined) {
          const rejection = await screen(progress, reviewWithinSeconds);
          if (rejection !== null) return await progress.end('rejected', rejection);
        }
        await reserve(input, progress, saga);
      }
      progress.stopIfCancelled();
      await pay(input, progress, saga);
      await fulfil(input, progress);
      return await progress.end('closed');
    } catch (error) {
      if (!(error instanceof OrderStopped)) throw error;
      return await undo(error, progress, saga);
    }
  });
}

/** Reserves what is left of the order's lines; what is cancelled from here on is released again. */
async function reserve(input: OrderInput, progress: OrderProgress, saga: Saga<OrderUndo>) {
  progress.become('reserving');
  saga.before('release-stock');
  const { orderKey } = progress;
  const pieces = piecesBySku(linesLeft(input.placed.lines, progress.order.cancelledLines));
  const answer = await progress.step('reserve-stock', () => reserveStock({ orderKey, pieces }));
  if (answer.kind === 'short') progress.stop('out-of-stock');
  if (answer.kind === 'released') progress.stop('stock-released');
}

/** Waits for the parcels to leave and to arrive, and gives back what is due for lines before it goes on. */
async function fulfil(input: OrderInput, progress: OrderProgress): Promise<void> {
  const left = () => isDispatched(progress.order);
  const arrived = () => isDelivered(progress.order);
  const isDue = () => isSettlementDue(progress);
  if (progress.order.state !== 'shipped') {
    do {
      if (isDue()) await settleLines(input, progress);
      progress.be('fulfilling', { waitingFor: 'dispatch' });
      await progress.waitFor(() => left() || isDue());
    } while (!left());
  }
  do {
    if (isDue()) await settleLines(input, progress);
    progress.be('shipped', { waitingFor: 'delivery' });
    await progress.waitFor(() => arrived() || isDue());
  } while (!arrived());
  progress.become('delivered');
}

/** Undoes what was done, however often it takes an operator's help, and ends the order. */
async function undo(
  { cancellation }: OrderStopped,
  progress: OrderProgress,
  saga: Saga<OrderUndo>,
): Promise<OrderResult> {
  progress.order = { ...progress.order, cancellation };
  for (;;) {
    try {
      await saga.compensate();
      break;
    } catch (error) {
      if (!(error instanceof CompensationFailed)) throw error;
      await progress.needOperator(`${error.undo}-failed`);
    }
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
  const { releaseStock } = proxyActivities<StockActivities>({ ...own, scheduleToCloseTimeout });
  return {
    'release-stock': () => {
      const { orderKey } = progress();
      return progress().note('release-stock', releaseStock({ orderKey }));
    },
    'return-payment': () => returnPayment(input, progress()),
  };
}
