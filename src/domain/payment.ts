import type { Payment } from './order.ts';
import type { OrderPolicy } from './policy.ts';
import { reminderTimes } from './reminders.ts';

/** How many authorisations of an order may follow one that lapsed before it was captured. */
const MOST_RENEWALS = 1;

/**
 * Whether another authorisation may follow one that lapsed: it expired, or was cancelled at the provider.
 *
 * @param code - the provider's, or our own where the payment was returned: then the order is being undone.
 */
export function canRenew(code: string, renewals: number): boolean {
  return code !== 'payment_returned' && renewals < MOST_RENEWALS;
}

/** When the customer whose payment is awaited is to be reminded, in milliseconds since 1970, the first one first. */
export function paymentReminders(
  { remindAfterSeconds = [], paymentMethodWithinSeconds }: OrderPolicy,
  { methodUntil: until }: Payment,
): readonly number[] {
  if (until === null) return [];
  return reminderTimes(
    { since: until - paymentMethodWithinSeconds * 1_000, until },
    remindAfterSeconds,
  );
}
