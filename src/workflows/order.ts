import { CancellationScope, proxyActivities } from '@temporalio/workflow';
import type {
  OrderActivities,
  PaymentActivities,
  StockActivities,
} from '../contracts/activities.ts';
import type { OrderInput, OrderResult, OrderUndo } from '../contracts/orders.ts';
import { PAYMENTS_TASK_QUEUE } from '../contracts/taskQueues.ts';
import { isDelivered, isDispatched, piecesBySku } from '../domain/order.ts';
import { OrderProgress, OrderStopped } from './orderProgress.ts';
import { CompensationFailed, Saga } from './saga.ts';

const retry = { initialInterval: '500ms', maximumInterval: '1m' } as const;
// How long one try may take: after a worker's death the next begins no sooner.
const own = { startToCloseTimeout: '20s', retry } as const;
const provider = { startToCloseTimeout: '40s', retry, taskQueue: PAYMENTS_TASK_QUEUE } as const;

const { claimOrder, reserveStock } = proxyActivities<OrderActivities & StockActivities>(own);
const { authorisePayment, capturePayment } = proxyActivities<PaymentActivities>(provider);

/**
 * One order, from its placing to its end.
 *
 * It is claimed, its stock reserved, its payment authorised and captured; then it waits for its parcels to
 * leave and to arrive. Until the first parcel leaves it can be cancelled; a declined payment waits for another
 * method. What stops it has it undone: the payment voided or refunded, the stock given back. A free order
 * (total 0) goes the same way without a payment.
 */
export async function orderWorkflow(input: OrderInput): Promise<OrderResult> {
  const saga = new Saga<OrderUndo>(
    compensations(input, () => progress),
    input.carried?.ledger,
  );
  const progress = new OrderProgress(input, saga);

  // A cancelled workflow is a cancelled order, decided like any other command: see OrderProgress.
  return await CancellationScope.nonCancellable(async () => {
    try {
      if (!input.carried) {
        if ((await claimOrder(progress.row())) === 'duplicate') {
          return await progress.endAsDuplicate();
        }
        progress.announceClaimed();
        await reserve(input, progress, saga);
      }
      progress.stopIfCancelled();
      await pay(input, progress, saga);
      await fulfil(progress);
      return await progress.end('closed');
    } catch (error) {
      if (!(error instanceof OrderStopped)) throw error;
      return await undo(error, progress, saga);
    }
  });
}

async function reserve(input: OrderInput, progress: OrderProgress, saga: Saga<OrderUndo>) {
  progress.become('reserving');
  saga.before('release-stock');
  const answer = await progress.step(() =>
    reserveStock({ orderKey: progress.orderKey, pieces: piecesBySku(input.placed.lines) }),
  );
  if (answer.kind === 'short') progress.stop('out-of-stock');
  if (answer.kind === 'released') progress.stop('stock-released');
}

/** Authorises and captures, with as many methods as it takes and the policy's time allows. */
async function pay(input: OrderInput, progress: OrderProgress, saga: Saga<OrderUndo>) {
  const { orderKey } = progress;
  const { total: money } = progress.order;
  if (progress.order.payment.status === 'not-needed') return;
  if (progress.order.payment.status === 'captured') return;

  if (progress.order.payment.status === 'open') progress.become('awaiting-payment');
  else await anotherMethod(progress);
  saga.before('return-payment');
  while (!(await authorised(input, progress))) await anotherMethod(progress);

  progress.recordPayment({ status: 'in-flight' });
  const answer = await progress.step(() => capturePayment({ orderKey, money }));
  if (answer.kind === 'lapsed') progress.stop('authorisation-lapsed');
  progress.recordPayment({ status: 'captured' });
  progress.become('paid');
}

/** Tries the order's method once. @returns false when another method may help. */
async function authorised(input: OrderInput, progress: OrderProgress): Promise<boolean> {
  const { payment, total: money } = progress.order;
  const { method } = payment;
  if (method === null) return progress.stop('payment-method-missing');
  const attempt = payment.attempt + 1;
  progress.recordPayment({ status: 'in-flight', attempt });
  const answer = await progress.step(() =>
    authorisePayment({ orderKey: progress.orderKey, money, method, attempt }),
  );
  if (answer.kind === 'returned') return progress.stop('payment-returned');
  if (answer.kind === 'authorised') {
    progress.recordPayment({ status: 'authorised', intentId: answer.intentId });
    return true;
  }
  progress.recordPayment({
    status: 'declined',
    intentId: answer.intentId,
    declineCode: answer.code,
    methodUntil: payment.methodUntil ?? Date.now() + input.policy.paymentMethodWithinSeconds * 1000,
  });
  if (answer.severity === 'hard') progress.stop(answer.code);
  return false;
}

/** Waits until the customer names another method: by event or by API, until the policy's limit. */
async function anotherMethod(progress: OrderProgress): Promise<void> {
  const { declineCode, methodUntil } = progress.order.payment;
  if (progress.order.waitingFor !== 'payment-method') {
    progress.become('awaiting-payment', {
      reason: declineCode ?? 'declined',
      waitingFor: 'payment-method',
    });
  }
  const given = () => progress.order.payment.nextMethod !== null;
  if (!(await progress.waitFor(given, methodUntil ?? undefined))) {
    progress.stop('payment-not-completed');
  }
  progress.goOn();
  progress.recordPayment({ method: progress.order.payment.nextMethod, nextMethod: null });
}

/** Waits for the parcels to leave and to arrive. */
async function fulfil(progress: OrderProgress): Promise<void> {
  if (progress.order.state !== 'shipped') {
    if (progress.order.state !== 'fulfilling') {
      progress.become('fulfilling', { waitingFor: 'dispatch' });
    }
    await progress.waitFor(() => isDispatched(progress.order));
    progress.become('shipped', { waitingFor: 'delivery' });
  }
  await progress.waitFor(() => isDelivered(progress.order));
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
  const end = progress.order.payment.refunded > 0 ? 'refunded' : 'cancelled';
  return await progress.end(end, cancellation.reason);
}

/** How each step is undone. Tried for the policy's time; what still fails then is for an operator. */
function compensations(
  { policy }: OrderInput,
  progress: () => OrderProgress,
): Readonly<Record<OrderUndo, () => Promise<void>>> {
  const scheduleToCloseTimeout = policy.compensationRetrySeconds * 1000;
  const { releaseStock } = proxyActivities<StockActivities>({ ...own, scheduleToCloseTimeout });
  const { returnPayment } = proxyActivities<PaymentActivities>({
    ...provider,
    scheduleToCloseTimeout,
  });
  return {
    'release-stock': () => releaseStock({ orderKey: progress().orderKey }),
    'return-payment': async () => {
      const { orderKey, order } = progress();
      const answer = await returnPayment({ orderKey, money: order.total });
      const refunded = answer.kind === 'refunded' ? answer.amount : 0;
      progress().recordPayment({ status: 'returned', refunded });
    },
  };
}
