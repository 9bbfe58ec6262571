import { type Dispute, newId, now, type PaymentIntent } from './objects.ts';

/** What of an intent's captured amount the banks hold until it is decided, and what they keep, in minor units. */
export function amountsDisputed(intent: PaymentIntent, disputes: Iterable<Dispute>) {
  let [disputed, lost] = [0, 0];
  for (const dispute of disputes) {
    if (dispute.payment_intent !== intent.id) continue;
    if (dispute.status === 'needs_response') disputed += dispute.amount;
    if (dispute.status === 'lost') lost += dispute.amount;
  }
  return { disputed, lost };
}

/** Opens a chargeback, which takes the money at once, or an inquiry, which takes none. */
export function openDispute(
  intent: PaymentIntent,
  {
    amount,
    reason,
    isInquiry,
  }: { readonly amount: number; readonly reason: string; readonly isInquiry: boolean },
): Dispute {
  const { currency } = intent;
  return {
    id: newId('du'),
    object: 'dispute',
    created: now(),
    livemode: false,
    amount,
    currency,
    charge: intent.latest_charge,
    payment_intent: intent.id,
    reason,
    status: isInquiry ? 'warning_needs_response' : 'needs_response',
    is_charge_refundable: isInquiry,
    balance_transactions: isInquiry ? [] : [transaction(-amount, currency)],
    metadata: {},
  };
}

/** What is won comes back. */
export function closeDispute(dispute: Dispute, status: 'won' | 'lost' | 'warning_closed'): Dispute {
  const { amount, currency, balance_transactions: withdrawn } = dispute;
  return {
    ...dispute,
    status,
    is_charge_refundable: status !== 'lost',
    balance_transactions:
      status === 'won' ? [...withdrawn, transaction(amount, currency)] : withdrawn,
  };
}

function transaction(amount: number, currency: string): Dispute['balance_transactions'][number] {
  return { object: 'balance_transaction', amount, currency };
}
