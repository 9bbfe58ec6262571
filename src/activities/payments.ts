import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import type Stripe from 'stripe';
import type {
  AuthoriseAnswer,
  CaptureAnswer,
  PaymentActivities,
  PaymentRequest,
  ReturnAnswer,
} from '../contracts/activities.ts';
import { MAX_AMOUNT } from '../domain/money.ts';
import { authorise } from './authorisation.ts';
import { assertSameMoney, type PaymentRow, paymentTable } from './paymentTable.ts';
import { stepOnIntent, withKey } from './providerKeys.ts';
import { endPendingRefunds, refund, type RefundDeps, type RefundedPayment } from './refunds.ts';
import { refundTable } from './refundTable.ts';
import { isDefiniteRefusal, isUnexpectedState } from './stripeErrors.ts';

/**
 * Payments at Stripe, or at what speaks its API: one payment intent per order at a time, and one row that knows its ID.
 *
 * Two things hold calls together that race on several workers. The row: it becomes `returned` before a return
 * looks at the intent, and from then on no intent can be stored in it. The intent: only a stored one is ever
 * confirmed, and its end is final at the provider: once cancelled it cannot be confirmed or captured, once
 * captured it can be neither cancelled nor captured again. So a return ends when the intent is cancelled, or
 * captured and refunded; a confirmation or capture that comes later is refused, one that came earlier is undone.
 * An intent that was created and not stored is never confirmed, and holds no money.
 *
 * An intent is replaced by another, in a renewal, only when the provider says that it is cancelled. So of all intents
 * of an order one at most is ever captured: those before the stored one cannot be any more, and a call that is late
 * and still means one of them is refused by the provider.
 *
 * A refund of a part begins only while the row is `captured`, and takes its amount out of `refundable` in that same
 * transaction. So once it is `returned` no other begins: the return ends those that had begun, and gives back what
 * is refundable then, which is exactly the rest. While the payment is disputed neither begins: see disputes.ts.
 *
 * @param deps.stripe must not retry by itself (`maxNetworkRetries: 0`)
 * @param deps.tableName the payments table: PK `orderKey`, SK `entry`
 */
export function createPaymentActivities(deps: {
  readonly stripe: Stripe;
  readonly table: DynamoDBDocumentClient;
  readonly tableName: string;
}): PaymentActivities {
  const parts: RefundDeps = {
    stripe: deps.stripe,
    payments: paymentTable(deps.table, deps.tableName),
    refunds: refundTable(deps.table, deps.tableName),
  };
  return {
    authorisePayment: (request) => authoriseAndCapture(parts, request),
    capturePayment: (request) => capture(parts, request),
    refundPayment: (request) => refundPart(parts, request),
    returnPayment: (request) => giveBack(parts, request),
  };
}

async function authoriseAndCapture(
  parts: RefundDeps,
  request: Parameters<PaymentActivities['authorisePayment']>[0],
): Promise<AuthoriseAnswer> {
  const { orderKey, money, capture: amount } = request;
  const answer = await authorise(parts, request);
  if (answer.kind !== 'authorised' || amount === undefined) return answer;
  const captured = await capture(parts, { orderKey, money, amount });
  return captured.kind === 'captured' ? { ...captured, intentId: answer.intentId } : answer;
}

async function capture(
  { stripe, payments }: RefundDeps,
  { orderKey, money, amount = money.amount }: Parameters<PaymentActivities['capturePayment']>[0],
): Promise<CaptureAnswer> {
  const row = await payments.read(orderKey);
  if (row) assertSameMoney(row, money);
  assertAmount(amount, money.amount);
  if (row?.status === 'captured') return { kind: 'captured', amount: row.captured };
  if (row?.status === 'returned') return { kind: 'lapsed', code: 'payment_returned' };
  if (row?.intentId === undefined) return { kind: 'lapsed', code: 'payment_not_authorised' };

  const { intentId } = row;
  const isWhole = amount === money.amount;
  let intent = await stripe.paymentIntents.retrieve(intentId);
  let refusal: Stripe.errors.StripeError | null = null;
  if (intent.status === 'requires_capture') {
    try {
      // A key stands for one request: with another amount it is another one.
      const step = stepOnIntent(row, isWhole ? 'capture' : `capture/${amount}`);
      intent = await withKey(payments, row, step, (options) =>
        stripe.paymentIntents.capture(
          intentId,
          isWhole ? {} : { amount_to_capture: amount },
          options,
        ),
      );
    } catch (error) {
      if (!isDefiniteRefusal(error)) throw error;
      refusal = error;
      intent = await stripe.paymentIntents.retrieve(intentId);
    }
  }
  switch (intent.status) {
    case 'succeeded': {
      // Recorded by another try of this call; or returned meanwhile: then the return refunds it.
      const now =
        (await payments.recordCapture(orderKey, intent.amount_received)) ??
        (await payments.read(orderKey));
      return now?.status === 'captured'
        ? { kind: 'captured', amount: now.captured }
        : { kind: 'lapsed', code: 'payment_returned' };
    }
    case 'canceled':
      return { kind: 'lapsed', code: refusal?.code ?? 'payment_intent_canceled' };
    case 'requires_payment_method':
    case 'requires_confirmation':
    case 'requires_action':
      return { kind: 'lapsed', code: refusal?.code ?? 'payment_not_authorised' };
    default:
      // Still authorised, or being processed: what is not decided is not answered.
      throw refusal ?? new Error(`payment intent ${intentId} is ${intent.status}`);
  }
}

async function refundPart(
  parts: RefundDeps,
  { orderKey, step, amount }: Parameters<PaymentActivities['refundPayment']>[0],
): Promise<{ readonly refunded: number }> {
  assertAmount(amount);
  const row = await parts.payments.read(orderKey);
  if (!row || row.status === 'open') {
    throw new Error(`payment of ${orderKey}: nothing is captured that could be refunded`);
  }
  const { intentId, status } = row;
  if (intentId === undefined) return { refunded: 0 };
  // On a returned payment only one that had begun goes on: the return gives the rest back.
  const begins = status === 'captured' ? refundDue(row, amount) : 0;
  return { refunded: await refund(parts, { orderKey, intentId, status }, step, begins) };
}

/** What was lost in a dispute the customer has had back from the bank: of what is left, no more than that is refunded. */
function refundDue({ refundable, lost = 0 }: PaymentRow, amount: number): number {
  return lost > 0 ? Math.min(amount, refundable) : amount;
}

async function giveBack(
  parts: RefundDeps,
  { orderKey, money }: PaymentRequest,
): Promise<ReturnAnswer> {
  const { stripe, payments } = parts;
  const { intentId, lapsed = [] } = await payments.close(orderKey, money);
  const ids = intentId === undefined ? lapsed : [...lapsed, intentId];
  if (ids.length === 0) return { kind: 'nothing' };

  const ended: Stripe.PaymentIntent[] = [];
  for (const id of ids) ended.push(await endIntent(stripe, id));
  const intent = ended.find(({ status }) => status === 'succeeded');
  if (!intent) return { kind: 'voided' };

  // The worker that captured it may have died before it recorded that.
  await payments.recordLostCapture(orderKey, intent.amount_received);
  const payment: RefundedPayment = { orderKey, intentId: intent.id, status: 'returned' };
  await endPendingRefunds(parts, payment, RETURN);
  const { refundable, lost = 0 } = (await payments.read(orderKey)) as PaymentRow;
  const amount = await refund(parts, payment, RETURN, refundable);
  return { kind: 'refunded', amount, ...(lost > 0 && { lost }) };
}

/** The step of the refund that gives back the rest. */
const RETURN = 'refund/return';

/** @throws RangeError unless the amount is a whole number from 1 to `most` */
function assertAmount(amount: number, most = MAX_AMOUNT): void {
  if (Number.isSafeInteger(amount) && amount >= 1 && amount <= most) return;
  throw new RangeError(`expected an amount of 1 to ${most} minor units, received ${amount}`);
}

/**
 * Cancels the intent unless it is captured, or cancelled already. There is no idempotency key: cancelling twice
 * does nothing, and a kept refusal would outlive the state that was its reason.
 *
 * @returns it as it ended: `canceled` or `succeeded`
 */
async function endIntent(stripe: Stripe, intentId: string): Promise<Stripe.PaymentIntent> {
  const seen = await stripe.paymentIntents.retrieve(intentId);
  if (hasEnded(seen)) return seen;
  try {
    return await stripe.paymentIntents.cancel(intentId);
  } catch (error) {
    if (!isUnexpectedState(error)) throw error;
    const intent = await stripe.paymentIntents.retrieve(intentId);
    if (hasEnded(intent)) return intent;
    throw error;
  }
}

function hasEnded({ status }: Stripe.PaymentIntent): boolean {
  return status === 'canceled' || status === 'succeeded';
}
