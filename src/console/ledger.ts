import type Stripe from 'stripe';

/** One payment intent at the provider, as the provider's own books have it. */
export interface LedgerEntry {
  readonly intentId: string;
  /** The order's workflow ID, from the intent's metadata; null on an intent that is not ours. */
  readonly orderKey: string | null;
  readonly status: string;
  readonly amount: number;
  readonly currency: string;
  readonly captured: number;
  readonly refunded: number;
  /** The disputes of it that were lost, with what the customer's bank has kept. */
  readonly lost: readonly LostDispute[];
}

export interface LostDispute {
  readonly disputeId: string;
  readonly amount: number;
}

/** Reads every payment intent, with what was captured, refunded and lost, from the provider. */
export async function readLedger(stripe: Stripe): Promise<readonly LedgerEntry[]> {
  const refunded = new Map<string, number>();
  for await (const refund of stripe.refunds.list({ limit: 100 })) {
    if (refund.status === 'failed' || refund.status === 'canceled') continue;
    const intentId = idOf(refund.payment_intent);
    refunded.set(intentId, (refunded.get(intentId) ?? 0) + refund.amount);
  }
  const lost = new Map<string, readonly LostDispute[]>();
  for await (const { id: disputeId, status, payment_intent, amount } of stripe.disputes.list({
    limit: 100,
  })) {
    if (status !== 'lost') continue;
    const intentId = idOf(payment_intent);
    lost.set(intentId, [...(lost.get(intentId) ?? []), { disputeId, amount }]);
  }
  const entries: LedgerEntry[] = [];
  for await (const intent of stripe.paymentIntents.list({ limit: 100 })) {
    entries.push({
      intentId: intent.id,
      orderKey: intent.metadata['orderKey'] ?? null,
      status: intent.status,
      amount: intent.amount,
      currency: intent.currency.toUpperCase(),
      captured: intent.status === 'succeeded' ? intent.amount_received : 0,
      refunded: refunded.get(intent.id) ?? 0,
      lost: lost.get(intent.id) ?? [],
    });
  }
  return entries;
}

function idOf(reference: string | { readonly id: string } | null): string {
  return typeof reference === 'string' ? reference : (reference?.id ?? '');
}
