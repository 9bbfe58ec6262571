import type Stripe from 'stripe';
import { SOURCES, type EventData } from '../contracts/events.ts';

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

type Translate = (
  intent: Stripe.PaymentIntent,
  order: { readonly version: 1; readonly channel: string; readonly orderId: string },
) =>
  | { readonly type: 'PaymentCaptured'; readonly data: EventData<'PaymentCaptured'> }
  | { readonly type: 'PaymentFailed'; readonly data: EventData<'PaymentFailed'> };

/** What is taken of Stripe's types: https://docs.stripe.com/api/events/types */
const TRANSLATIONS: Readonly<Record<string, Translate>> = {
  'payment_intent.succeeded': ({ id, amount_received, currency }, order) => ({
    type: 'PaymentCaptured',
    data: {
      ...order,
      paymentIntentId: id,
      amount: amount_received,
      currency: currency.toUpperCase() as EventData<'PaymentCaptured'>['currency'],
    },
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

/**
 * Translates an event of Stripe's whose signature is known to be right. Whether what it says of the payment can be is
 * left to the bridge, which parks what cannot.
 */
export function translateStripeEvent({ id, type, data }: Stripe.Event): Translation {
  const translate = Object.hasOwn(TRANSLATIONS, type) ? TRANSLATIONS[type] : undefined;
  if (!translate) return { event: null, reason: 'other-type' };
  const intent = data.object as Stripe.PaymentIntent;
  const orderKey = intent.metadata?.['orderKey'] ?? '';
  const [, channel, orderId] = /^order:([^:]+):([^:]+)$/.exec(orderKey) ?? [];
  if (channel === undefined || orderId === undefined)
    return { event: null, reason: 'not-an-order' };
  const translated = translate(intent, { version: 1, channel, orderId });
  return { event: { source: SOURCES.payments, eventId: id, ...translated }, orderKey };
}
