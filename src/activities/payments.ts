import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import type Stripe from 'stripe';
import type { CaptureAnswer, PaymentActivities, ReturnAnswer } from '../contracts/activities.ts';
import type { PaymentRequest } from '../contracts/activities.ts';
import { authorise } from './authorisation.ts';
import { assertSameMoney, type PaymentRow, paymentTable } from './paymentTable.ts';
import { withKey } from './providerKeys.ts';
import { refund, type RefundDeps } from './refunds.ts';
import { refundTable } from './refundTable.ts';
import { isDefiniteRefusal, isUnexpectedState } from './stripeErrors.ts';

/**
 * Payments at Stripe, or at what speaks its API: one payment intent per order, and one row that knows its ID.
 *
 * Two things hold calls together that race on several workers. The row: it becomes `returned` before a return
 * looks at the intent, and from then on no intent can be stored in it. The intent: only a stored one is ever
 * confirmed, and its end is final at the provider: once cancelled it cannot be confirmed or captured, once
 * captured it can be neither cancelled nor captured again. So a return ends when the intent is cancelled, or
 * captured and refunded; a confirmation or capture that comes later is refused, one that came earlier is undone.
 * An intent that was created and not stored is never confirmed, and holds no money.
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
    authorisePayment: (request) => authorise(parts, request),
    capturePayment: (request) => capture(parts, request),
    returnPayment: (request) => giveBack(parts, request),
  };
}

async function capture(
  { stripe, payments }: RefundDeps,
  { orderKey, money }: PaymentRequest,
): Promise<CaptureAnswer> {
  const row = await payments.read(orderKey);
  if (row) assertSameMoney(row, money);
  if (row?.status === 'captured') return { kind: 'captured' };
  if (row?.status === 'returned') return { kind: 'lapsed', code: 'payment_returned' };
  if (row?.intentId === undefined) return { kind: 'lapsed', code: 'payment_not_authorised' };

  const { intentId } = row;
  let intent = await stripe.paymentIntents.retrieve(intentId);
  let refusal: Stripe.errors.StripeError | null = null;
  if (intent.status === 'requires_capture') {
    try {
      intent = await withKey(payments, row, 'capture', (options) =>
        stripe.paymentIntents.capture(intentId, {}, options),
      );
    } catch (error) {
      if (!isDefiniteRefusal(error)) throw error;
      refusal = error;
      intent = await stripe.paymentIntents.retrieve(intentId);
    }
  }
  switch (intent.status) {
    case 'succeeded': {
      if (await payments.recordCapture(orderKey, intent.amount_received)) {
        return { kind: 'captured' };
      }
      // Recorded by another try of this call; or returned meanwhile: then the return refunds it.
      const now = await payments.read(orderKey);
      return now?.status === 'captured'
        ? { kind: 'captured' }
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

async function giveBack(
  parts: RefundDeps,
  { orderKey, money }: PaymentRequest,
): Promise<ReturnAnswer> {
  const { stripe, payments } = parts;
  const { intentId } = await payments.close(orderKey, money);
  if (intentId === undefined) return { kind: 'nothing' };

  const intent = await endIntent(stripe, intentId);
  if (intent.status === 'canceled') return { kind: 'voided' };

  // The worker that captured it may have died before it recorded that.
  const row =
    (await payments.recordLostCapture(orderKey, intent.amount_received)) ??
    ((await payments.read(orderKey)) as PaymentRow);
  const amount = await refund(parts, { orderKey, intentId }, 'refund/return', row.refundable);
  return { kind: 'refunded', amount };
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
