import { declineSeverity } from './declines.ts';
import type { OrderState } from './order.ts';
import type { ReturnState } from './return.ts';

/** How much attention a notification asks for. Support's filter policy lets `warning` and `critical` through. */
export type Severity = 'info' | 'warning' | 'critical';

/** What is told of an order that is no change of state. */
export const NOTICES = [
  'payment-reminder',
  /** The customer has to authenticate the payment (3-D Secure). */
  'authentication-required',
  'shipment-dispatched',
  'shipment-delivered',
  'shipment-lost',
  'shipment-returned',
] as const;

export type Notice = (typeof NOTICES)[number];

/** One change of state, or one notice, as it is told to the outside. */
export interface Notification {
  /** The projection's version after this change: grows by one with each. */
  readonly version: number;
  readonly state: OrderState;
  /** Why, where the state alone does not say it; a code, not a sentence. */
  readonly reason: string | null;
  /** Absent: the state has changed. */
  readonly notice?: Notice;
}

/** One change of a return's state, or one reminder, as it is told to the outside. */
export interface ReturnNews {
  /** The revision of the return's row with this in it: grows with each, not always by one. */
  readonly version: number;
  readonly state: ReturnState;
  /** Why, where the state alone does not say it; a code, not a sentence. */
  readonly reason: string | null;
  /** Absent: the state has changed. */
  readonly notice?: 'return-reminder';
}

/** What is told, by all that decides who has to know of it. */
export type Matter = OrderMatter | ReturnMatter | OtherMatter;

export interface OrderMatter {
  readonly type: 'order-state' | Notice;
  readonly state: OrderState;
  readonly reason: string | null;
}

export interface ReturnMatter {
  readonly type: 'return-state' | 'return-reminder';
  readonly state: ReturnState;
  readonly reason: string | null;
}

export interface OtherMatter {
  readonly type: 'dispute-opened' | 'dispute-closed' | 'audit-mismatch';
  /** Where that stands which it is about: of a dispute that is closed `won` or `lost`. */
  readonly state: string;
  readonly reason: string | null;
}

/** The states of an order that its customer reads of; `awaiting-payment` only once a payment has failed. */
export const CUSTOMER_STATES = [
  'received',
  'awaiting-payment',
  'paid',
  'shipped',
  'delivered',
  'rejected',
  'cancelled',
  'refunded',
] as const satisfies readonly OrderState[];

/** The states of a return that its customer reads of. */
export const CUSTOMER_RETURN_STATES = [
  'awaiting-goods',
  'inspecting',
  'refunded',
  'refused',
  'rejected',
  'expired',
] as const satisfies readonly ReturnState[];

/** Whom a notification is meant for beyond those who go by its severity, or take everything. */
export type Audience = 'customers' | 'security';

/**
 * Who is to be told. The one place where that is decided: no filter policy could tell a declined payment from a change
 * of mind by the reason of a cancellation, of which the provider may have more than anybody knows.
 */
export function audiencesOf(matter: Matter): readonly Audience[] {
  const audiences: Audience[] = [];
  if (isForCustomers(matter)) audiences.push('customers');
  if (isForSecurity(matter)) audiences.push('security');
  return audiences;
}

function isForCustomers({ type, state, reason }: Matter): boolean {
  switch (type) {
    case 'order-state':
      return includes(CUSTOMER_STATES, state) && (state !== 'awaiting-payment' || reason !== null);
    case 'return-state':
      return includes(CUSTOMER_RETURN_STATES, state);
    case 'dispute-opened':
    case 'dispute-closed':
    case 'audit-mismatch':
      return false;
    default:
      return true;
  }
}

/** Disputes, and payments that failed: declined, or never completed. */
function isForSecurity({ type, state, reason }: Matter): boolean {
  if (type === 'dispute-opened' || type === 'dispute-closed') return true;
  if (type !== 'order-state' || reason === null) return false;
  if (state === 'awaiting-payment') return true;
  return state === 'cancelled' && (PAYMENT_FAILURES.has(reason) || isHardDecline(reason));
}

/** Why an order is cancelled that could not be paid, beside the provider's own codes. */
const PAYMENT_FAILURES: ReadonlySet<string> = new Set([
  'payment-not-completed',
  'authorisation-lapsed',
  // Somebody has cancelled it at the provider.
  'payment_intent_canceled',
]);

function isHardDecline(reason: string): boolean {
  return declineSeverity(reason) === 'hard';
}

/** What it means to somebody who watches many orders. */
export function severityOf(matter: Matter): Severity {
  const { type } = matter;
  switch (type) {
    case 'order-state':
      return orderSeverity(matter);
    case 'return-state':
      return returnSeverity(matter);
    case 'dispute-opened':
    case 'audit-mismatch':
      return 'critical';
    case 'dispute-closed':
      return matter.state === 'lost' ? 'warning' : 'info';
    case 'shipment-lost':
    case 'shipment-returned':
      return 'warning';
    case 'payment-reminder':
    case 'authentication-required':
    case 'shipment-dispatched':
    case 'shipment-delivered':
    case 'return-reminder':
      return 'info';
  }
}

function orderSeverity({ state, reason }: OrderMatter): Severity {
  if (state === 'needs-operator') return 'critical';
  if (state === 'refunded' || state === 'rejected') return 'warning';
  if (state === 'cancelled' || state === 'awaiting-payment') return reason ? 'warning' : 'info';
  return 'info';
}

/** A return's refund is its good end. Whose goods are not taken back may ask why. */
function returnSeverity({ state }: ReturnMatter): Severity {
  if (state === 'needs-operator') return 'critical';
  return state === 'refused' || state === 'rejected' ? 'warning' : 'info';
}

function includes(some: readonly string[], one: string): boolean {
  return some.includes(one);
}
