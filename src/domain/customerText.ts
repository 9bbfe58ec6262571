import { declineSeverity } from './declines.ts';
import { ENGLISH } from './english.ts';
import {
  audiencesOf,
  type CUSTOMER_RETURN_STATES,
  type CUSTOMER_STATES,
  type Matter,
  type Notice,
} from './notification.ts';

/** What a customer reads: plain text. */
export interface CustomerText {
  /** Of the text, which may not be the one that was asked for: a language tag, such as `en`. */
  readonly locale: string;
  readonly subject: string;
  readonly body: string;
}

/**
 * All that customers read, in one language. `{orderId}`, `{returnId}` and `{goodsUntil}` (a day, in returns that await
 * their goods) stand for what they name. Reasons are whole sentences, put before the body.
 */
export interface CustomerTexts {
  readonly orders: Readonly<Record<(typeof CUSTOMER_STATES)[number], Words>>;
  readonly notices: Readonly<Record<Notice, Words>>;
  readonly returns: Readonly<Record<(typeof CUSTOMER_RETURN_STATES)[number], Words>>;
  readonly returnReminder: Words;
  /** Why a payment failed, or an order came to its end. */
  readonly orderReasons: Readonly<Record<OrderReason, string>>;
  /** Why a return is rejected, or has expired. */
  readonly returnReasons: Readonly<Record<ReturnReason, string>>;
}

export interface Words {
  readonly subject: string;
  readonly body: string;
}

/** The codes that have words of their own: the provider's of a decline, and ours. */
export type OrderReason =
  /** Any decline without words of its own: also where a bank wants the customer to be told no more. */
  | 'declined'
  | 'amount_too_large'
  | 'amount_too_small'
  | 'authentication_required'
  | 'card_not_supported'
  | 'card_velocity_exceeded'
  | 'currency_not_supported'
  | 'expired_card'
  | 'incorrect_cvc'
  | 'incorrect_number'
  | 'insufficient_funds'
  | 'processing_error'
  | 'authorisation-lapsed'
  | 'back-order-expired'
  | 'out-of-stock'
  | 'parcel-lost'
  | 'payment-method-missing'
  | 'payment-not-completed'
  | 'payment-returned'
  | 'stock-released'
  | 'workflow-cancelled';

export type ReturnReason =
  | 'already-returned'
  | 'goods-not-received'
  | 'invalid-quantity'
  | 'line-cancelled'
  | 'more-than-sold'
  | 'nothing-to-return'
  /** Whatever the order's state is: it has not been delivered. */
  | 'order-not-delivered'
  | 'return-closed'
  | 'unknown-line'
  | 'unknown-order'
  | 'workflow-cancelled';

/** By language tag. A translation is one more file, and its line here. */
const TEXTS: Readonly<Record<string, CustomerTexts>> = { en: ENGLISH };
const FALLBACK = 'en';

/** What a text may name. */
export interface Names {
  readonly orderId?: string;
  readonly returnId?: string;
  /** ISO 8601. */
  readonly goodsUntil?: string | null;
}

/**
 * What a customer reads of it; null where it is not for customers. What somebody has written as a reason, and why an
 * order was found suspicious, are never part of it.
 *
 * @param locale - a language tag, such as `de-CH`: where there are no texts for it, those of its language are taken,
 *   then English.
 */
export function customerText(matter: Matter & Names, locale = FALLBACK): CustomerText | null {
  if (!audiencesOf(matter).includes('customers')) return null;
  const language = [locale, locale.split('-', 1)[0] ?? ''].find((tag) => Object.hasOwn(TEXTS, tag));
  const known = language ?? FALLBACK;
  const texts = TEXTS[known] ?? ENGLISH;
  const words = wordsOf(texts, matter);
  if (!words) return null;
  const { subject, body } = words;
  const reason = reasonOf(texts, matter);
  return {
    locale: known,
    subject: named(subject, matter, known),
    body: named(reason === undefined ? body : `${reason} ${body}`, matter, known),
  };
}

function wordsOf(texts: CustomerTexts, { type, state }: Matter): Words | undefined {
  switch (type) {
    case 'order-state':
      return own(texts.orders, state);
    case 'return-state':
      return own(texts.returns, state);
    case 'return-reminder':
      return texts.returnReminder;
    default:
      return own(texts.notices, type);
  }
}

/** Of whatever somebody may have written as a reason, only codes have words. */
function reasonOf(texts: CustomerTexts, { type, state, reason }: Matter): string | undefined {
  if (reason === null) return undefined;
  if (type === 'return-state') {
    const code = reason.startsWith('order-') ? 'order-not-delivered' : reason;
    return own(texts.returnReasons, code);
  }
  // Whoever is suspected is not to learn how that was noticed.
  if (type !== 'order-state' || state === 'rejected') return undefined;
  const words = own(texts.orderReasons, reason);
  if (words !== undefined) return words;
  const isDecline = state === 'awaiting-payment' || declineSeverity(reason) === 'hard';
  return isDecline ? texts.orderReasons.declined : undefined;
}

/** The text with what its placeholders stand for. */
function named(text: string, { orderId, returnId, goodsUntil }: Names, locale: string): string {
  const until = goodsUntil
    ? new Intl.DateTimeFormat(locale, { dateStyle: 'long', timeZone: 'UTC' }).format(
        new Date(goodsUntil),
      )
    : undefined;
  const names: Readonly<Record<string, string | undefined>> = {
    orderId,
    returnId,
    goodsUntil: until,
  };
  return text.replaceAll(/\{(\w+)\}/g, (placeholder, name: string) => names[name] ?? placeholder);
}

/** Only own properties: a reason may be any text, such as `constructor`. */
function own<Value>(values: Readonly<Record<string, Value>>, key: string): Value | undefined {
  return Object.hasOwn(values, key) ? values[key] : undefined;
}
