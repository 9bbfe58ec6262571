import { cardOutcome } from './cards.ts';
import { invalidParameter, notFound, ProviderError, unexpectedState } from './errors.ts';
import { allowOnly, metadata, positiveInteger, required } from './form.ts';
import type { Form } from './form.ts';
import { newId, now } from './objects.ts';
import type { IntentStatus, PaymentIntent } from './objects.ts';

// The life of a payment intent: each function takes it as it is and returns it as it becomes.

/** Smallest charge in minor units; https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts. */
const MINIMUM: Readonly<Record<string, number>> = { usd: 50, eur: 50, gbp: 30, jpy: 50, chf: 50 };
const MAXIMUM = 99_999_999;

export function createIntent(form: Form): PaymentIntent {
  if (form.has('payment_method_types[0]')) {
    // https://docs.stripe.com/changelog/endive/2026-09-30/
    throw invalidParameter(
      'payment_method_types',
      'payment_method_types is no longer supported; see allowed_payment_method_types',
      'payment_method_types_no_longer_supported',
    );
  }
  allowOnly(form, [
    'amount',
    'currency',
    'capture_method',
    'allowed_payment_method_types',
    'metadata',
  ]);
  const currency = required(form, 'currency').toLowerCase();
  const amount = positiveInteger(required(form, 'amount'), 'amount');
  const minimum = MINIMUM[currency] ?? 1;
  if (amount < minimum) {
    const message = `Amount must be at least ${minimum} ${currency} in minor units`;
    throw invalidParameter('amount', message, 'amount_too_small');
  }
  if (amount > MAXIMUM) {
    const message = `Amount must be no more than ${MAXIMUM} in minor units`;
    throw invalidParameter('amount', message, 'amount_too_large');
  }
  if (form.get('capture_method') !== 'manual') {
    throw invalidParameter('capture_method', 'The sandbox knows capture_method manual only');
  }
  return {
    id: newId('pi'),
    object: 'payment_intent',
    created: now(),
    livemode: false,
    amount,
    currency,
    amount_capturable: 0,
    amount_received: 0,
    capture_method: 'manual',
    status: 'requires_payment_method',
    payment_method: null,
    payment_method_types: ['card'],
    latest_charge: null,
    last_payment_error: null,
    next_action: null,
    canceled_at: null,
    cancellation_reason: null,
    metadata: metadata(form),
  };
}

/** A decline is an answer of its own, 402, and it changes the intent too. */
export function confirmIntent(
  intent: PaymentIntent,
  form: Form,
): { readonly intent: PaymentIntent; readonly error: ProviderError | null } {
  allowOnly(form, ['payment_method']);
  expectStatus(intent, 'confirm', 'confirmed', ['requires_payment_method', 'requires_action']);
  const method = form.get('payment_method');
  if (method === undefined) {
    throw unexpectedState(
      intent,
      "You cannot confirm this PaymentIntent because it's missing a payment method.",
    );
  }
  const outcome = cardOutcome(method);
  if (!outcome) throw notFound('PaymentMethod', method, 'payment_method', 400);

  // As at Stripe, a test token stands for a new payment method each time it is used.
  const paymentMethod = newId('pm');
  const charge = newId('ch');
  switch (outcome.kind) {
    case 'approved':
      return {
        intent: {
          ...intent,
          status: 'requires_capture',
          amount_capturable: intent.amount,
          payment_method: paymentMethod,
          latest_charge: charge,
          last_payment_error: null,
          next_action: null,
        },
        error: null,
      };
    case 'requires-action':
      return {
        intent: {
          ...intent,
          status: 'requires_action',
          payment_method: paymentMethod,
          last_payment_error: null,
          next_action: { type: 'use_stripe_sdk' },
        },
        error: null,
      };
    case 'declined': {
      const { code, declineCode, message } = outcome;
      const refusal = {
        type: 'card_error' as const,
        code,
        decline_code: declineCode,
        message,
        charge,
      };
      const refused: PaymentIntent = {
        ...intent,
        status: 'requires_payment_method',
        payment_method: null,
        latest_charge: charge,
        last_payment_error: {
          ...refusal,
          payment_method: { id: paymentMethod, object: 'payment_method', type: 'card' },
        },
        next_action: null,
      };
      const error = new ProviderError(402, { ...refusal, payment_intent: refused }, true);
      return { intent: refused, error };
    }
  }
}

/** Takes what is asked of what is held, by default all of it, and lets go of the rest. */
export function captureIntent(intent: PaymentIntent, form: Form): PaymentIntent {
  allowOnly(form, ['amount_to_capture']);
  expectStatus(intent, 'capture', 'captured', ['requires_capture']);
  const asked = form.get('amount_to_capture');
  const amount =
    asked === undefined ? intent.amount_capturable : positiveInteger(asked, 'amount_to_capture');
  if (amount > intent.amount_capturable) {
    const message = `${amount} is more than the capturable amount ${intent.amount_capturable}`;
    throw invalidParameter('amount_to_capture', message, 'amount_too_large');
  }
  return { ...intent, status: 'succeeded', amount_capturable: 0, amount_received: amount };
}

export function cancelIntent(intent: PaymentIntent, form: Form): PaymentIntent {
  allowOnly(form, ['cancellation_reason']);
  expectStatus(intent, 'cancel', 'canceled', [
    'requires_payment_method',
    'requires_action',
    'requires_capture',
  ]);
  return {
    ...intent,
    status: 'canceled',
    amount_capturable: 0,
    next_action: null,
    canceled_at: now(),
    cancellation_reason: form.get('cancellation_reason') ?? null,
  };
}

/** The customer has done what authentication asked for, or has failed to. */
export function authenticateIntent(intent: PaymentIntent, succeeds: boolean): PaymentIntent {
  if (succeeds) {
    return {
      ...intent,
      status: 'requires_capture',
      amount_capturable: intent.amount,
      latest_charge: newId('ch'),
      next_action: null,
    };
  }
  // Nothing was asked of the bank, so there is no charge that was declined.
  return {
    ...intent,
    status: 'requires_payment_method',
    payment_method: null,
    last_payment_error: {
      type: 'invalid_request_error',
      code: 'payment_intent_authentication_failure',
      message: 'The provided PaymentMethod has failed authentication.',
      payment_method: { id: intent.payment_method, object: 'payment_method', type: 'card' },
    },
    next_action: null,
  };
}

/** The bank has let go of what was held: https://docs.stripe.com/payments/place-a-hold-on-a-payment-method */
export function expireIntent(intent: PaymentIntent): PaymentIntent {
  return {
    ...intent,
    status: 'canceled',
    amount_capturable: 0,
    canceled_at: now(),
    cancellation_reason: 'automatic',
  };
}

function expectStatus(
  intent: PaymentIntent,
  verb: string,
  participle: string,
  allowed: readonly IntentStatus[],
): void {
  if (allowed.includes(intent.status)) return;
  throw unexpectedState(
    intent,
    `You cannot ${verb} this PaymentIntent because it has a status of ${intent.status}. Only a PaymentIntent ` +
      `with one of the following statuses may be ${participle}: ${allowed.join(', ')}.`,
  );
}
