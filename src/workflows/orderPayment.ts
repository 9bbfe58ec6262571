import type { AuthoriseAnswer, PaymentActivities } from '../contracts/activities.ts';
import type { OrderInput, OrderUndo } from '../contracts/orders.ts';
import { amountOf, linesLeft } from '../domain/lines.ts';
import { canRenew, paymentReminders } from '../domain/payment.ts';
import { remindersBy } from '../domain/reminders.ts';
import { isSettlementDue, settleLines } from './orderLines.ts';
import type { OrderProgress } from './orderProgress.ts';
import type { Saga } from './saga.ts';
import { stepActivities } from './stepActivities.ts';
import { provider } from './tries.ts';

/**
 * Authorises and captures, with as many methods as it takes and the policy's time allows: in one step, unless the
 * customer has to act in between. An authorisation that lapsed before the capture is renewed, once.
 */
export async function pay(
  input: OrderInput,
  progress: OrderProgress,
  saga: Saga<OrderUndo>,
): Promise<void> {
  const { status } = progress.order.payment;
  if (status === 'not-needed' || status === 'captured') return;

  const { capturePayment } = stepActivities<PaymentActivities>(progress, provider);
  saga.before('return-payment');
  for (;;) {
    while (!isHeld(progress)) {
      if (isCustomersTurn(progress)) await customerActs(input, progress);
      if (isSettlementDue(progress)) await settleLines(input, progress);
      progress.be('awaiting-payment');
      await authorise(input, progress);
    }
    if (progress.order.payment.status === 'captured') return progress.become('paid');
    if (isSettlementDue(progress)) await settleLines(input, progress);
    progress.be('awaiting-payment');

    const { orderKey, order } = progress;
    const { total: money } = order;
    const amount = amountLeft(progress);
    progress.recordPayment({ status: 'in-flight' });
    const answer = await progress.step('capture-payment', () =>
      capturePayment({ orderKey, money, ...(amount < money.amount && { amount }) }),
    );
    if (answer.kind === 'captured') {
      // In histories of before there was an amount, it was the whole.
      const captured = (answer as Partial<typeof answer>).amount ?? money.amount;
      progress.recordPayment({ status: 'captured', captured });
      return progress.become('paid');
    }
    const { renewals = 0 } = order.payment;
    if (progress.edition === 1 || !canRenew(answer.code, renewals)) {
      return progress.stop('authorisation-lapsed');
    }
    progress.recordPayment({ status: 'open', renewals: renewals + 1 });
  }
}

/** Whether the money is authorised, or more. */
function isHeld({ order }: OrderProgress): boolean {
  return order.payment.status === 'authorised' || order.payment.status === 'captured';
}

/** What the lines cost that are left: the provider lets go of the rest of what is authorised. */
function amountLeft({ order, placed }: OrderProgress): number {
  return amountOf(linesLeft(placed.lines, order.cancelledLines));
}

/** Tries the order's method once; or asks what became of it, where its outcome is not known. */
async function authorise({ policy }: OrderInput, progress: OrderProgress): Promise<void> {
  const { authorisePayment } = stepActivities<PaymentActivities>(progress, provider);
  const { orderKey, order } = progress;
  const { payment, total: money } = order;
  const { method, renewals: renewal } = payment;
  if (method === null) return progress.stop('payment-method-missing');
  const attempt = payment.status === 'in-flight' ? payment.attempt : payment.attempt + 1;
  progress.recordPayment({ status: 'in-flight', attempt });
  const answer: AuthoriseAnswer = await progress.step('authorise-payment', () =>
    authorisePayment({
      orderKey,
      money,
      method,
      attempt,
      capture: amountLeft(progress),
      ...(renewal !== undefined && { renewal }),
    }),
  );
  if (answer.kind === 'returned') return progress.stop('payment-returned');
  if (answer.kind === 'captured') {
    const { intentId, amount: captured } = answer;
    progress.recordPayment({ status: 'captured', intentId, captured });
    return;
  }
  if (answer.kind === 'authorised') {
    progress.recordPayment({ status: 'authorised', intentId: answer.intentId });
    return;
  }
  const methodUntil = payment.methodUntil ?? Date.now() + policy.paymentMethodWithinSeconds * 1000;
  const { intentId } = answer;
  if (answer.kind === 'requires-action') {
    progress.recordPayment({ status: 'requires-action', intentId, methodUntil });
    return;
  }
  progress.recordPayment({ status: 'declined', intentId, declineCode: answer.code, methodUntil });
  if (answer.severity === 'hard') progress.stop(answer.code);
}

/** Whether it is for the customer to name another method, or to authenticate the payment (3-D Secure). */
function isCustomersTurn({ order }: OrderProgress): boolean {
  return order.payment.status === 'declined' || order.payment.status === 'requires-action';
}

/**
 * Waits until the customer names another method, by event or by API, or the provider says how the authentication ended:
 * until the policy's limit, with the policy's reminders.
 */
async function customerActs(input: OrderInput, progress: OrderProgress): Promise<void> {
  const { status, declineCode, methodUntil } = progress.order.payment;
  const given = () => progress.order.payment.nextMethod !== null;
  const acted = () => given() || progress.order.payment.status !== status;
  do {
    if (isSettlementDue(progress)) await settleLines(input, progress);
    if (status === 'declined') {
      const reason = declineCode ?? 'declined';
      progress.be('awaiting-payment', { reason, waitingFor: 'payment-method' });
    } else if (progress.order.waitingFor !== 'authentication') {
      progress.become('awaiting-payment', { waitingFor: 'authentication' });
      progress.notify('authentication-required');
    }
    const { reminders = 0 } = progress.order.payment;
    const times = paymentReminders(input.policy, progress.order.payment);
    const reminder = times[reminders];
    const came = () => acted() || isSettlementDue(progress);
    const inTime = await progress.waitFor(came, reminder ?? methodUntil ?? undefined);
    if (inTime) continue;
    if (reminder === undefined) progress.stop('payment-not-completed');
    progress.recordPayment({ reminders: remindersBy(Date.now(), times, reminders) });
    progress.notify('payment-reminder');
  } while (!acted());
  progress.goOn();
  if (!given()) return;
  progress.recordPayment({
    status: 'declined',
    method: progress.order.payment.nextMethod,
    nextMethod: null,
  });
}

/** Voids or refunds, whichever it takes; tried for the policy's time. */
export async function returnPayment(
  { policy }: OrderInput,
  progress: OrderProgress,
): Promise<void> {
  const activities = stepActivities<PaymentActivities>(progress, {
    ...provider,
    scheduleToCloseTimeout: policy.compensationRetrySeconds * 1000,
  });
  const { orderKey, order } = progress;
  const asked = activities.returnPayment({ orderKey, money: order.total });
  const answer = await progress.note('return-payment', asked);
  const { payment } = progress.order;
  // It gives back all that is left, so what was captured is refunded whole, also where a refund for lines was not
  // answered. Where the capture itself was not, nothing came back before, and the amount says how much it was.
  const { amount, lost = 0 } = answer.kind === 'refunded' ? answer : { amount: 0 };
  const captured = answer.kind === 'refunded' ? Math.max(payment.captured, amount + lost) : 0;
  // What was lost in disputes is the customer's too, but nothing that was refunded.
  progress.recordPayment({ status: 'returned', captured, refunded: captured - lost });
}

/** Notes that an operator has given back by hand what was captured, as far as that is known. */
export function takeAsReturned(progress: OrderProgress): void {
  const { captured } = progress.order.payment;
  progress.recordPayment({ status: 'returned', refunded: captured });
}
