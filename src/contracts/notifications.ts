import type { CustomerText } from '../domain/customerText.ts';
import type { Matter, Severity } from '../domain/notification.ts';

/** Something that is told on the topic, of whatever: what is not known is left out. */
export type Fact = Matter & {
  /** Stable over repeats: consumers drop what they have seen. */
  readonly notificationId: string;
  readonly channel?: string;
  readonly orderId?: string;
  readonly customerId?: string;
  /** All sellers that it concerns: those of the whole order, or of what is returned. */
  readonly sellerIds?: readonly string[];
};

/** What a message says beyond the fact itself. */
export interface Notified {
  readonly severity: Severity;
  /**
   * In English; only in what is meant for the customer. The rest of the message is not to be shown to one: a reason may
   * say what a screening found, or what a member of staff has written.
   */
  readonly text?: CustomerText;
}

/**
 * The attributes beside a message, for filter policies; those of what is not known are absent. Beside them is
 * `traceparent`, where the message is part of a trace.
 */
export const ATTRIBUTES = [
  'type',
  /** The fact's `state`. */
  'status',
  'severity',
  'notificationId',
  'channel',
  'orderId',
  'customerId',
  /** An array. */
  'sellerId',
  /** An array: whom it is meant for, `customers` or `security`. */
  'audience',
] as const;

export type Attribute = (typeof ATTRIBUTES)[number];
