import type Stripe from 'stripe';
import { SOURCES, type EventData, type EventType } from '../contracts/events.ts';

/** A canonical event as it is put into a queue. */
export interface RawEvent {
  readonly source: string;
  readonly type: string;
  readonly eventId: string;
  readonly data: object;
}

/** What becomes of one event of Stripe's; a reason is a code. */
export type Translation =
  | { readonly event: RawEvent; readonly orderKey: string }
  | { readonly event: null; readonly reason: 'other-type' | 'not-an-order' };

/** Looks a payment intent up at the provider; null when there is none. */
export type RetrieveIntent = (id: string) => Promise<Pick<Stripe.PaymentIntent, 'metadata'> | null>;

type Order = { readonly version: 1; readonly channel: string; readonly orderId: string };

type Translated = {
  readonly [Type in EventType]: { readonly type: Type; readonly data: EventData<Type> };
}[
  | 'PaymentAuthorised'
  | 'PaymentCaptured'
  | 'PaymentFailed'
  | 'ChargebackOpened'
  | 'ChargebackClosed'];

// What is taken of Stripe's types: https://docs.stripe.com/api/events/types

/** Those whose object is a payment intent. */
const OF_INTENTS: Readonly<
  Record<string, (intent: Stripe.PaymentIntent, order: Order) => Translated>
> = {
  'payment_intent.amount_capturable_updated': ({ id, amount_capturable, currency }, order) => ({
    type: 'PaymentAuthorised',
    data: { ...order, paymentIntentId: id, ...moneyOf(amount_capturable, currency) },
  }),
  'payment_intent.succeeded': ({ id, amount_received, currency }, order) => ({
    type: 'PaymentCaptured',
    data: { ...order, paymentIntentId: id, ...moneyOf(amount_received, currency) },
  }),
  'payment_intent.payment_failed': ({ id, last_payment_error: error }, order) => ({
    type: 'PaymentFailed',
    data: {
      ...order,
      paymentIntentId: id,
      declineCode: error?.decline_code ?? error?.code ?? 'card_declined',
    },
  }),
};

/** Those whose object is a dispute. */
const OF_DISPUTES: Readonly<
  Record<string, (dispute: Stripe.Dispute, paymentIntentId: string, order: Order) => Translated>
> = {
  // An inquiry too, which takes no money yet: it may become a chargeback without being created again.
  'charge.dispute.created': ({ id, amount, currency, reason }, paymentIntentId, order) => ({
    type: 'ChargebackOpened',
    data: { ...order, paymentIntentId, disputeId: id, ...moneyOf(amount, currency), reason },
  }),
  'charge.dispute.closed': (dispute, paymentIntentId, order) => ({
    type: 'ChargebackClosed',
    data: { ...order, paymentIntentId, disputeId: dispute.id, outcome: outcomeOf(dispute) },
  }),
};

/**
 * Translates an event of Stripe's whose signature is known to be right. Whether what it says of the payment can be is
 * left to the bridge, which parks what cannot.
 *
 * Whose payment it is, the metadata of its intent say. A dispute does not carry them, nor has it any of its own: it names
 * its intent, which is looked up. No other event asks anybody.
 *
 * @throws what `retrieveIntent` throws
 */
export async function translateStripeEvent(
  { id, type, data }: Stripe.Event,
  retrieveIntent: RetrieveIntent,
): Promise<Translation> {
  const ofIntent = Object.hasOwn(OF_INTENTS, type) ? OF_INTENTS[type] : undefined;
  const ofDispute = Object.hasOwn(OF_DISPUTES, type) ? OF_DISPUTES[type] : undefined;
  if (ofIntent) {
    const intent = data.object as Stripe.PaymentIntent;
    return translated(id, intent, (order) => ofIntent(intent, order));
  }
  if (ofDispute) {
    const dispute = data.object as Stripe.Dispute;
    const intentId = intentIdOf(dispute);
    if (intentId === null) return NOT_AN_ORDER;
    const intent = await retrieveIntent(intentId);
    return translated(id, intent, (order) => ofDispute(dispute, intentId, order));
  }
  return { event: null, reason: 'other-type' };
}

const NOT_AN_ORDER = { event: null, reason: 'not-an-order' } as const;

function translated(
  eventId: string,
  intent: Pick<Stripe.PaymentIntent, 'metadata'> | null,
  translate: (order: Order) => Translated,
): Translation {
  const orderKey = intent?.metadata?.['orderKey'] ?? '';
  const [, channel, orderId] = /^order:([^:]+):([^:]+)$/.exec(orderKey) ?? [];
  if (channel === undefined || orderId === undefined) return NOT_AN_ORDER;
  const event = translate({ version: 1, channel, orderId });
  return { event: { source: SOURCES.payments, eventId, ...event }, orderKey };
}

/** A dispute of a charge that was made without an intent names none. */
function intentIdOf({ payment_intent: intent }: Stripe.Dispute): string | null {
  return typeof intent === 'string' ? intent : (intent?.id ?? null);
}

/**
 * Whose the disputed money is in the end. Besides `won` and `lost` a dispute ends as `warning_closed` (an inquiry that
 * came to nothing) or `prevented` (settled before it was a chargeback, by a refund or without): then it is lost if it
 * was withdrawn and has not come back. https://docs.stripe.com/api/disputes/object
 */
function outcomeOf({ status, balance_transactions: moves }: Stripe.Dispute): 'won' | 'lost' {
  if (status === 'won') return 'won';
  if (status === 'lost') return 'lost';
  return moves.reduce((sum, { amount }) => sum + amount, 0) < 0 ? 'lost' : 'won';
}

/** Stripe writes currencies in lower case. */
function moneyOf(amount: number, currency: string) {
  return { amount, currency: currency.toUpperCase() as EventData<'PaymentCaptured'>['currency'] };
}
