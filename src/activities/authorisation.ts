import type Stripe from 'stripe';
import type { AuthoriseAnswer, PaymentRequest } from '../contracts/activities.ts';
import { declineSeverity } from '../domain/declines.ts';
import { assertSameMoney, type PaymentRow, type PaymentTable } from './paymentTable.ts';
import { withKey } from './providerKeys.ts';
import { amountRefusalOf, declineCodeOf, isUnexpectedState } from './stripeErrors.ts';

interface Deps {
  readonly stripe: Stripe;
  readonly payments: PaymentTable;
}

type AuthoriseRequest = PaymentRequest & { readonly method: string; readonly attempt: number };

/**
 * Gets the money held, or says who refused. What is known already is answered from the intent; only what is not
 * is asked again, under the same idempotency key.
 *
 * @throws whatever says nothing about this payment; see stripeErrors.ts. A request that the provider calls invalid
 * for another reason than method or amount is a fault of ours or of the account's settings: it is thrown as it
 * is, so that it is seen and tried again once it is mended, where declining would lose the order.
 */
export async function authorise(deps: Deps, request: AuthoriseRequest): Promise<AuthoriseAnswer> {
  const { stripe, payments } = deps;
  const { orderKey, money, attempt } = request;
  const opened = await payments.open(orderKey, money);
  assertSameMoney(opened, money);
  if (opened.status === 'returned') return { kind: 'returned' };

  let intent: Stripe.PaymentIntent | null;
  try {
    intent = opened.intentId
      ? await stripe.paymentIntents.retrieve(opened.intentId)
      : await createIntent(deps, opened);
  } catch (error) {
    const code = amountRefusalOf(error);
    if (code !== null) return declined(null, code);
    throw error;
  }
  if (!intent) return { kind: 'returned' };
  const ended = await answerOfEnded(payments, orderKey, intent);
  if (ended) return ended;

  const lastError = intent.last_payment_error;
  const row = await payments.beginAttempt(orderKey, attempt, lastError?.charge ?? null);
  if (!row) {
    if (await isReturned(payments, orderKey)) return { kind: 'returned' };
    throw new Error(`attempt ${attempt} of ${orderKey} is superseded by a later one`);
  }
  // Each decline has a charge of its own, so one that was not there when the attempt began is this attempt's.
  // The method would not tell: it may be tried twice.
  if (lastError?.charge && lastError.charge !== row.chargeBefore) {
    return declined(intent.id, lastError.decline_code ?? lastError.code ?? 'card_declined');
  }
  return await confirm(deps, row, intent.id, request);
}

/**
 * Creates the intent unconfirmed, so that it holds no money before its ID is stored.
 *
 * @returns the one that is stored, which may be another worker's; null when the payment was returned meanwhile
 */
async function createIntent(
  { stripe, payments }: Deps,
  row: PaymentRow,
): Promise<Stripe.PaymentIntent | null> {
  const { orderKey, amount, currency } = row;
  const created = await withKey(payments, row, 'payment-intent', (options) =>
    stripe.paymentIntents.create(
      {
        amount,
        currency: currency.toLowerCase(),
        capture_method: 'manual',
        // Cards alone: every other type wants a page to return the customer to.
        allowed_payment_method_types: ['card'],
        metadata: { orderKey },
      },
      options,
    ),
  );
  if (await payments.storeIntent(orderKey, created.id)) return created;
  const now = await payments.read(orderKey);
  if (now?.status === 'returned' || now?.intentId === undefined) return null;
  return await stripe.paymentIntents.retrieve(now.intentId);
}

async function confirm(
  { stripe, payments }: Deps,
  row: PaymentRow,
  intentId: string,
  { orderKey, method, attempt }: AuthoriseRequest,
): Promise<AuthoriseAnswer> {
  let intent: Stripe.PaymentIntent;
  try {
    intent = await withKey(payments, row, `confirm/${attempt}`, (options) =>
      stripe.paymentIntents.confirm(intentId, { payment_method: method }, options),
    );
  } catch (error) {
    const code = declineCodeOf(error);
    if (code !== null) return declined(intentId, code);
    if (!isUnexpectedState(error)) throw error;
    // Cancelled by a return, or authorised by another try of this call.
    const now = await stripe.paymentIntents.retrieve(intentId);
    const ended = await answerOfEnded(payments, orderKey, now);
    if (ended) return ended;
    throw error;
  }
  // 3-D Secure: the customer would have to act. Until the order waits for that, another method is asked for.
  if (intent.status === 'requires_action') return declined(intentId, 'authentication_required');
  const ended = await answerOfEnded(payments, orderKey, intent);
  if (ended) return ended;
  throw new Error(`payment intent ${intentId} is ${intent.status}`);
}

/** The answer where confirming is of no use any more, else null. */
async function answerOfEnded(
  payments: PaymentTable,
  orderKey: string,
  { id, status }: Stripe.PaymentIntent,
): Promise<AuthoriseAnswer | null> {
  switch (status) {
    case 'requires_capture':
    case 'succeeded':
      return { kind: 'authorised', intentId: id };
    case 'canceled':
      if (await isReturned(payments, orderKey)) return { kind: 'returned' };
      // By the provider or by hand: no method can pay this intent any more.
      return { kind: 'declined', intentId: id, severity: 'hard', code: 'payment_intent_canceled' };
    default:
      return null;
  }
}

async function isReturned(payments: PaymentTable, orderKey: string): Promise<boolean> {
  return (await payments.read(orderKey))?.status === 'returned';
}

function declined(intentId: string | null, code: string): AuthoriseAnswer {
  return { kind: 'declined', intentId, severity: declineSeverity(code), code };
}
