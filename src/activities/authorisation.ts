import type Stripe from 'stripe';
import type { AuthoriseAnswer, PaymentActivities } from '../contracts/activities.ts';
import { declineSeverity } from '../domain/declines.ts';
import { assertSameMoney, type PaymentRow, type PaymentTable } from './paymentTable.ts';
import { stepOnIntent, withKey } from './providerKeys.ts';
import { amountRefusalOf, declineCodeOf, isReplayed, isUnexpectedState } from './stripeErrors.ts';

interface Deps {
  readonly stripe: Stripe;
  readonly payments: PaymentTable;
}

type AuthoriseRequest = Parameters<PaymentActivities['authorisePayment']>[0];

/**
 * Gets the money held, or says who refused or who has to act. What is known already is answered from the intent; only
 * what is not is asked again, under the same idempotency key.
 *
 * @throws whatever says nothing about this payment; see stripeErrors.ts. A request that the provider calls invalid
 * for another reason than method or amount is a fault of ours or of the account's settings: it is thrown as it
 * is, so that it is seen and tried again once it is mended, where declining would lose the order.
 */
export async function authorise(deps: Deps, request: AuthoriseRequest): Promise<AuthoriseAnswer> {
  const { payments } = deps;
  const { orderKey, money, attempt, renewal = 0 } = request;
  const opened = await payments.open(orderKey, money);
  assertSameMoney(opened, money);

  let intent: Stripe.PaymentIntent | null;
  try {
    intent = await intentOf(deps, opened, renewal);
  } catch (error) {
    const code = amountRefusalOf(error);
    if (code !== null) return declined(null, code);
    throw error;
  }
  if (!intent) return { kind: 'returned' };
  const ended = await answerOfEnded(payments, orderKey, intent);
  if (ended) return ended;

  const chargeBefore = intent.last_payment_error?.charge ?? null;
  const row = await payments.beginAttempt(orderKey, intent.id, attempt, chargeBefore);
  if (!row) return await overtaken(payments, request);
  return answerOfAttempt(row, intent) ?? (await confirm(deps, row, intent.id, request));
}

/**
 * The intent that may be confirmed; null where the payment is returned. One that the provider has cancelled is
 * replaced if that is asked for. One that has not lapsed serves on: it might be captured yet, and two might be.
 */
async function intentOf(
  deps: Deps,
  row: PaymentRow,
  renewal: number,
): Promise<Stripe.PaymentIntent | null> {
  const { stripe, payments } = deps;
  const { orderKey, intentId, renewal: present = 0 } = row;
  if (row.status === 'returned') return null;
  if (renewal < present) {
    throw new Error(`renewal ${renewal} of ${orderKey} is superseded by a later one`);
  }
  if (intentId === undefined) return await createIntent(deps, row, renewal);
  const intent = await stripe.paymentIntents.retrieve(intentId);
  if (intent.status !== 'canceled' || renewal === present) return intent;
  const renewed = await payments.renew(orderKey, intentId, renewal);
  return await intentOf(deps, renewed ?? (await reread(payments, row)), renewal);
}

/**
 * Creates the intent unconfirmed, so that it holds no money before its ID is stored.
 *
 * @returns the one that is stored, which may be another worker's; null when the payment was returned meanwhile
 */
async function createIntent(
  deps: Deps,
  row: PaymentRow,
  renewal: number,
): Promise<Stripe.PaymentIntent | null> {
  const { stripe, payments } = deps;
  const { orderKey, amount, currency } = row;
  const step = stepOnIntent(row, 'payment-intent');
  const created = await withKey(payments, row, step, (options) =>
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
  if (await payments.storeIntent(row, created.id)) return created;
  return await intentOf(deps, await reread(payments, row), renewal);
}

async function confirm(
  { stripe, payments }: Deps,
  begun: PaymentRow,
  intentId: string,
  request: AuthoriseRequest,
): Promise<AuthoriseAnswer> {
  const { orderKey, method, attempt } = request;
  let row: PaymentRow | null = begun;
  let intent: Stripe.PaymentIntent;
  try {
    const step = stepOnIntent(row, `confirm/${attempt}`);
    const confirmed = await withKey(payments, row, step, (options) =>
      stripe.paymentIntents.confirm(intentId, { payment_method: method }, options),
    );
    if (confirmed.status === 'requires_action') {
      row = await payments.noteAsked(orderKey, intentId, attempt);
      if (!row) return await overtaken(payments, request);
    }
    // By then the customer may have acted.
    intent = isReplayed(confirmed) ? await stripe.paymentIntents.retrieve(intentId) : confirmed;
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
  const answer = (await answerOfEnded(payments, orderKey, intent)) ?? answerOfAttempt(row, intent);
  if (answer) return answer;
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
    case 'canceled': {
      const row = await payments.read(orderKey);
      if (row?.status === 'returned') return { kind: 'returned' };
      if (row?.intentId !== id) throw new Error(`payment intent ${id} is superseded by a renewal`);
      // By the provider or by hand: no method can pay this intent any more.
      return { kind: 'declined', intentId: id, severity: 'hard', code: 'payment_intent_canceled' };
    }
    default:
      return null;
  }
}

/** What became of the attempt that the row is at; null where it has not confirmed the intent, or that is not known. */
function answerOfAttempt(
  { attempt, askedIn, chargeBefore }: PaymentRow,
  { id, status, last_payment_error: error }: Stripe.PaymentIntent,
): AuthoriseAnswer | null {
  const hasAsked = askedIn !== undefined && askedIn === attempt;
  if (hasAsked && status === 'requires_action') return { kind: 'requires-action', intentId: id };
  // Each decline has a charge of its own, so one that was not there when the attempt began is this attempt's. The
  // method would not tell: it may be tried twice. Without a charge, authentication failed: it was asked for.
  const isNew = error?.charge ? error.charge !== chargeBefore : hasAsked;
  if (!isNew || status !== 'requires_payment_method') return null;
  const unsaid = hasAsked ? 'payment_intent_authentication_failure' : 'card_declined';
  return declined(id, error?.decline_code ?? error?.code ?? unsaid);
}

/** The answer of a call whose turn is over: the payment was returned. @throws where another's turn has come. */
async function overtaken(
  payments: PaymentTable,
  { orderKey, attempt }: AuthoriseRequest,
): Promise<AuthoriseAnswer> {
  if ((await payments.read(orderKey))?.status === 'returned') return { kind: 'returned' };
  throw new Error(`attempt ${attempt} of ${orderKey} is superseded by a later one`);
}

async function reread(payments: PaymentTable, { orderKey }: PaymentRow): Promise<PaymentRow> {
  return (await payments.read(orderKey)) as PaymentRow;
}

function declined(intentId: string | null, code: string): AuthoriseAnswer {
  return { kind: 'declined', intentId, severity: declineSeverity(code), code };
}
