import { randomBytes } from 'node:crypto';

// The objects of Stripe's API, as far as the order service looks at them.

export type IntentStatus =
  | 'requires_payment_method'
  | 'requires_action'
  | 'requires_capture'
  | 'succeeded'
  | 'canceled';

export interface PaymentIntent {
  readonly id: string;
  readonly object: 'payment_intent';
  readonly created: number;
  readonly livemode: false;
  /** Minor units of `currency`, which is lower case as Stripe writes it. */
  readonly amount: number;
  readonly currency: string;
  readonly amount_capturable: number;
  readonly amount_received: number;
  readonly capture_method: 'manual';
  readonly status: IntentStatus;
  readonly payment_method: string | null;
  readonly payment_method_types: readonly ['card'];
  /** The charge of the last confirmation, whether it was declined or not. */
  readonly latest_charge: string | null;
  readonly last_payment_error: Readonly<Record<string, unknown>> | null;
  readonly next_action: { readonly type: string } | null;
  readonly canceled_at: number | null;
  readonly cancellation_reason: string | null;
  readonly metadata: Readonly<Record<string, string>>;
}

export interface Refund {
  readonly id: string;
  readonly object: 'refund';
  readonly created: number;
  readonly amount: number;
  readonly currency: string;
  readonly charge: string | null;
  readonly payment_intent: string;
  readonly status: 'succeeded';
  readonly metadata: Readonly<Record<string, string>>;
}

/** What a dispute can be closed as; until then it is `needs_response`, an inquiry `warning_needs_response`. */
export const CLOSED_STATUSES = ['won', 'lost', 'warning_closed'] as const;

export interface Dispute {
  readonly id: string;
  readonly object: 'dispute';
  readonly created: number;
  readonly livemode: false;
  readonly amount: number;
  readonly currency: string;
  readonly charge: string | null;
  readonly payment_intent: string;
  readonly reason: string;
  readonly status: 'needs_response' | 'warning_needs_response' | (typeof CLOSED_STATUSES)[number];
  readonly is_charge_refundable: boolean;
  /** What was withdrawn from us, below 0, and what was given back to us since. */
  readonly balance_transactions: readonly {
    readonly object: 'balance_transaction';
    readonly amount: number;
    readonly currency: string;
  }[];
  /** Its own: nothing of the intent's. */
  readonly metadata: Readonly<Record<string, string>>;
}

export type StoredObject = PaymentIntent | Refund | Dispute;

/** A new ID in Stripe's form: the kind, then 24 characters that say nothing. */
export function newId(prefix: 'pi' | 'ch' | 'pm' | 're' | 'du' | 'req'): string {
  return `${prefix}_${randomBytes(12).toString('hex')}`;
}

/** Now, in Stripe's seconds. */
export function now(): number {
  return Math.floor(Date.now() / 1000);
}
