/** `soft`: another payment method may help. `hard`: none will. */
export type DeclineSeverity = 'soft' | 'hard';

/**
 * The codes after which no other method is asked for: https://docs.stripe.com/declines/codes and
 * https://docs.stripe.com/error-codes.
 */
const HARD: ReadonlySet<string> = new Set([
  // Signs of fraud: the customer is told nothing more, and gets no second try with the next card.
  'fraudulent',
  'lost_card',
  'merchant_blacklist',
  'pickup_card',
  'restricted_card',
  'security_violation',
  'stolen_card',
  // The customer has told the bank to refuse us.
  'revocation_of_all_authorizations',
  'revocation_of_authorization',
  'stop_payment_order',
  // The amount itself cannot be charged, whatever the method.
  'amount_too_large',
  'amount_too_small',
]);

/** What a decline code of the provider means for the order. A code that is not known is soft. */
export function declineSeverity(code: string): DeclineSeverity {
  return HARD.has(code) ? 'hard' : 'soft';
}
