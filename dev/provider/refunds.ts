import { amountsDisputed } from './disputes.ts';
import { ProviderError } from './errors.ts';
import { allowOnly, metadata, positiveInteger } from './form.ts';
import type { Form } from './form.ts';
import { newId, now } from './objects.ts';
import type { Dispute, PaymentIntent, Refund } from './objects.ts';

/** What of this intent has been given back so far, in minor units. */
export function amountRefunded(intent: PaymentIntent, refunds: Iterable<Refund>): number {
  let sum = 0;
  for (const refund of refunds) if (refund.payment_intent === intent.id) sum += refund.amount;
  return sum;
}

/** Refunds what is asked, or all that is left; never more than was captured, and nothing while a bank has some of it. */
export function createRefund(
  intent: PaymentIntent,
  form: Form,
  refunds: Iterable<Refund>,
  disputes: Iterable<Dispute>,
): Refund {
  allowOnly(form, ['payment_intent', 'amount', 'reason', 'metadata']);
  if (intent.status !== 'succeeded') {
    throw refusal(`This PaymentIntent (${intent.id}) does not have a successful charge to refund.`);
  }
  const { disputed, lost } = amountsDisputed(intent, disputes);
  const left = intent.amount_received - amountRefunded(intent, refunds) - lost;
  if (disputed > 0 || (lost > 0 && left <= 0)) {
    throw refusal(`Charge ${intent.latest_charge} has been charged back.`, 'charge_disputed');
  }
  if (left === 0) {
    throw refusal(
      `Charge ${intent.latest_charge} has already been refunded.`,
      'charge_already_refunded',
    );
  }
  const asked = form.get('amount');
  const amount = asked === undefined ? left : positiveInteger(asked, 'amount');
  if (amount > left) {
    throw refusal(
      `Refund amount (${amount}) is greater than unrefunded amount on charge (${left})`,
    );
  }
  return {
    id: newId('re'),
    object: 'refund',
    created: now(),
    amount,
    currency: intent.currency,
    charge: intent.latest_charge,
    payment_intent: intent.id,
    status: 'succeeded',
    metadata: metadata(form),
  };
}

function refusal(message: string, code?: string): ProviderError {
  const type = 'invalid_request_error';
  return new ProviderError(400, { type, message, ...(code && { code }) }, true);
}
