import type Stripe from 'stripe';
import type { PaymentRow, PaymentTable } from './paymentTable.ts';
import { keyNumber, withKey } from './providerKeys.ts';
import type { RefundRow, RefundTable } from './refundTable.ts';
import { isDefiniteRefusal } from './stripeErrors.ts';

export interface RefundDeps {
  readonly stripe: Stripe;
  readonly payments: PaymentTable;
  readonly refunds: RefundTable;
}

/** A payment that money is given back of: what its row says, read before. */
export interface RefundedPayment {
  readonly orderKey: string;
  readonly intentId: string;
  /** Refunds of a part begin only while it is `captured`; what gives back the rest, once it is `returned`. */
  readonly status: 'captured' | 'returned';
}

/**
 * Gives `amount` (minor units; 0 does nothing) of a captured payment back, once, however often it is called with this
 * `step`, which names the refund: `{orderKey}/{step}`.
 *
 * The amount leaves `refundable` before the provider is asked, so refunds together never come to more than was
 * captured. A refund that is entered already goes on where it stopped, with the amount it was entered with.
 *
 * @returns the amount given back
 * @throws RefundsHeldError when it would begin now and the payment is disputed
 * @throws when the provider refuses; the amount is refundable again then
 */
export async function refund(
  { stripe, payments, refunds }: RefundDeps,
  { orderKey, intentId, status }: RefundedPayment,
  step: string,
  amount: number,
): Promise<number> {
  const refundId = `${orderKey}/${step}`;
  let entered = await refunds.read(orderKey, refundId);
  if (entered?.status === 'done') return entered.amount;
  if (entered?.status !== 'pending') {
    if (amount === 0) return 0;
    await refunds.enter(orderKey, refundId, amount, status);
    entered = (await refunds.read(orderKey, refundId)) as RefundRow;
  }

  const row = (await payments.read(orderKey)) as PaymentRow;
  const made =
    (await findRefund(stripe, intentId, refundId)) ??
    (await askForRefund({ stripe, payments, refunds }, row, intentId, step, entered));
  await refunds.settle(orderKey, refundId, made.id);
  return entered.amount;
}

/**
 * Ends the refunds that began before the payment was returned. None can begin after that, so what is refundable
 * then is the rest.
 */
export async function endPendingRefunds(
  deps: RefundDeps,
  payment: RefundedPayment,
  except: string,
): Promise<void> {
  const prefix = `${payment.orderKey}/`;
  for (const { refundId } of await deps.refunds.pending(payment.orderKey)) {
    const step = refundId.slice(prefix.length);
    // With 0 one that is refused meanwhile does not begin again.
    if (step !== except) await refund(deps, payment, step, 0);
  }
}

/** By the intent, not by search, which lags. Finds it too where its key was forgotten, or answers 500 for ever. */
async function findRefund(
  stripe: Stripe,
  intentId: string,
  refundId: string,
): Promise<Stripe.Refund | undefined> {
  for await (const made of stripe.refunds.list({ payment_intent: intentId, limit: 100 })) {
    const isVoid = made.status === 'failed' || made.status === 'canceled';
    if (made.metadata?.['refundId'] === refundId && !isVoid) return made;
  }
  return undefined;
}

async function askForRefund(
  { stripe, payments, refunds }: RefundDeps,
  row: PaymentRow,
  intentId: string,
  step: string,
  entered: RefundRow,
): Promise<Stripe.Refund> {
  const { refundId, amount } = entered;
  try {
    return await withKey(payments, row, step, (options) =>
      stripe.refunds.create({ payment_intent: intentId, amount, metadata: { refundId } }, options),
    );
  } catch (error) {
    if (isDefiniteRefusal(error)) {
      await refunds.refuse(row, entered, step, keyNumber(row, step));
    }
    throw error;
  }
}
