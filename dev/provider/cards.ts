/** What confirming with one of Stripe's test payment methods leads to. */
export type CardOutcome =
  | { readonly kind: 'approved' }
  | { readonly kind: 'requires-action' }
  | {
      readonly kind: 'declined';
      readonly code: string;
      readonly declineCode: string;
      readonly message: string;
    };

const declined = (
  declineCode: string,
  code = 'card_declined',
  message = 'Your card was declined.',
): CardOutcome => ({ kind: 'declined', code, declineCode, message });

// https://docs.stripe.com/testing
const CARDS: Readonly<Record<string, CardOutcome>> = {
  pm_card_visa: { kind: 'approved' },
  pm_card_mastercard: { kind: 'approved' },
  pm_card_authenticationRequired: { kind: 'requires-action' },
  pm_card_threeDSecure2Required: { kind: 'requires-action' },
  pm_card_visa_chargeDeclined: declined('generic_decline'),
  pm_card_visa_chargeDeclinedInsufficientFunds: declined(
    'insufficient_funds',
    'card_declined',
    'Your card has insufficient funds.',
  ),
  pm_card_visa_chargeDeclinedLostCard: declined('lost_card'),
  pm_card_visa_chargeDeclinedStolenCard: declined('stolen_card'),
  pm_card_chargeDeclinedExpiredCard: declined(
    'expired_card',
    'expired_card',
    'Your card has expired.',
  ),
  pm_card_chargeDeclinedProcessingError: declined(
    'processing_error',
    'processing_error',
    'An error occurred while processing your card. Try again in a little bit.',
  ),
};

/** What this payment method leads to; `undefined` when there is no such method. */
export function cardOutcome(paymentMethod: string): CardOutcome | undefined {
  return Object.hasOwn(CARDS, paymentMethod) ? CARDS[paymentMethod] : undefined;
}
