import { proxyActivities } from '@temporalio/workflow';
import type { PaymentActivities } from '../contracts/activities.ts';
import type { OrderInput, OrderUndo } from '../contracts/orders.ts';
import { amountOf, linesLeft } from '../domain/lines.ts';
import { isSettlementDue, settleLines } from './orderLines.ts';
import type { OrderProgress } from './orderProgress.ts';
import type { Saga } from './saga.ts';
import { provider } from './tries.ts';

const { authorisePayment, capturePayment } = proxyActivities<PaymentActivities>(provider);

/** Authorises and captures, with as many methods as it takes and the policy's time allows. */
export async function pay(
  input: OrderInput,
  progress: OrderProgress,
  saga: Saga<OrderUndo>,
): Promise<void> {
  const { status } = progress.order.payment;
  if (status === 'not-needed' || status === 'captured') return;

  saga.before('return-payment');
  while (progress.order.payment.status !== 'authorised') {
    if (progress.order.payment.status === 'declined') await anotherMethod(input, progress);
    if (isSettlementDue(progress)) await settleLines(input, progress);
    progress.be('awaiting-payment');
    await authorise(input, progress);
  }
  if (isSettlementDue(progress)) await settleLines(input, progress);
  progress.be('awaiting-payment');

  // What the lines cost that are left; the provider lets go of the rest of what is authorised.
  const { orderKey, order, placed } = progress;
  const { total: money } = order;
  const amount = amountOf(linesLeft(placed.lines, order.cancelledLines));
  progress.recordPayment({ status: 'in-flight' });
  const answer = await progress.step('capture-payment', () =>
    capturePayment({ orderKey, money, ...(amount < money.amount && { amount }) }),
  );
  if (answer.kind === 'lapsed') progress.stop('authorisation-lapsed');
  // In histories of before there was an amount, it was the whole.
  const captured = (answer as Partial<typeof answer>).amount ?? money.amount;
  progress.recordPayment({ status: 'captured', captured });
  progress.become('paid');
}

/** Tries the order's method once. */
async function authorise({ policy }: OrderInput, progress: OrderProgress): Promise<void> {
  const { orderKey, order } = progress;
  const { payment, total: money } = order;
  const { method } = payment;
  if (method === null) return progress.stop('payment-method-missing');
  const attempt = payment.attempt + 1;
  progress.recordPayment({ status: 'in-flight', attempt });
  const answer = await progress.step('authorise-payment', () =>
    authorisePayment({ orderKey, money, method, attempt }),
  );
  if (answer.kind === 'returned') return progress.stop('payment-returned');
  if (answer.kind === 'authorised') {
    progress.recordPayment({ status: 'authorised', intentId: answer.intentId });
    return;
  }
  progress.recordPayment({
    status: 'declined',
    intentId: answer.intentId,
    declineCode: answer.code,
    methodUntil: payment.methodUntil ?? Date.now() + policy.paymentMethodWithinSeconds * 1000,
  });
  if (answer.severity === 'hard') progress.stop(answer.code);
}

/** Waits until the customer names another method: by event or by API, until the policy's limit. */
async function anotherMethod(input: OrderInput, progress: OrderProgress): Promise<void> {
  const { declineCode, methodUntil } = progress.order.payment;
  const given = () => progress.order.payment.nextMethod !== null;
  do {
    if (isSettlementDue(progress)) await settleLines(input, progress);
    progress.be('awaiting-payment', {
      reason: declineCode ?? 'declined',
      waitingFor: 'payment-method',
    });
    const came = () => given() || isSettlementDue(progress);
    if (!(await progress.waitFor(came, methodUntil ?? undefined))) {
      progress.stop('payment-not-completed');
    }
  } while (!given());
  progress.goOn();
  progress.recordPayment({ method: progress.order.payment.nextMethod, nextMethod: null });
}

/** Voids or refunds, whichever it takes; tried for the policy's time. */
export async function returnPayment(
  { policy }: OrderInput,
  progress: OrderProgress,
): Promise<void> {
  const activities = proxyActivities<PaymentActivities>({
    ...provider,
    scheduleToCloseTimeout: policy.compensationRetrySeconds * 1000,
  });
  const { orderKey, order } = progress;
  const asked = activities.returnPayment({ orderKey, money: order.total });
  const answer = await progress.note('return-payment', asked);
  const { payment } = progress.order;
  // It gives back all that is left, so what was captured is refunded whole, also where a refund for lines was not
  // answered. Where the capture itself was not, nothing came back before, and the amount says how much it was.
  const captured = answer.kind === 'refunded' ? Math.max(payment.captured, answer.amount) : 0;
  progress.recordPayment({ status: 'returned', captured, refunded: captured });
}
