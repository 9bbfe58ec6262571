import Stripe from 'stripe';

// What an error of the provider says about the call. What is not named here (network, time-outs, 429, a locked
// key, 500, our API key refused) says nothing about the payment: it is thrown on, and Temporal tries again.

/** The issuer's or the provider's refusal of a payment method: its code, else null. */
export function declineCodeOf(error: unknown): string | null {
  if (error instanceof Stripe.errors.StripeCardError) {
    return error.decline_code ?? error.code ?? 'card_declined';
  }
  // No such method, not usable here, of another customer: another one may be.
  if (isInvalidRequest(error) && error.param === 'payment_method') {
    return error.code ?? 'payment_method_invalid';
  }
  return null;
}

/** The amount cannot be charged at all: the code, else null. */
export function amountRefusalOf(error: unknown): string | null {
  const codes: readonly (string | undefined)[] = ['amount_too_small', 'amount_too_large'];
  return isInvalidRequest(error) && codes.includes(error.code) ? (error.code ?? null) : null;
}

/** The intent is not in a state for this: somebody else was faster. Look at it again. */
export function isUnexpectedState(error: unknown): boolean {
  return isInvalidRequest(error) && error.code === 'payment_intent_unexpected_state';
}

/** The provider has understood the request and refuses it: it took no effect, and with this key never will. */
export function isDefiniteRefusal(error: unknown): error is Stripe.errors.StripeError {
  return isInvalidRequest(error) || error instanceof Stripe.errors.StripeCardError;
}

/** Whether it is the answer that the key has kept: it tells how things were when it was first given. */
export function isReplayed({ lastResponse }: Stripe.Response<object>): boolean {
  return lastResponse.headers['idempotent-replayed'] === 'true';
}

/** The key holds a 500 and would answer it for ever: https://docs.stripe.com/api/idempotent_requests. */
export function isReplayedServerError(error: unknown): boolean {
  if (!(error instanceof Stripe.errors.StripeAPIError)) return false;
  return (error.statusCode ?? 0) >= 500 && error.headers?.['idempotent-replayed'] === 'true';
}

function isInvalidRequest(error: unknown): error is Stripe.errors.StripeInvalidRequestError {
  return error instanceof Stripe.errors.StripeInvalidRequestError;
}
