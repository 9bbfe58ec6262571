import type { OrderState } from './order.ts';

/** How much attention a notification asks for. Support's filter policy lets `warning` and `critical` through. */
export type Severity = 'info' | 'warning' | 'critical';

/** One change of state, as it is told to the outside. */
export interface Notification {
  /** The projection's version after this change: grows by one with each. */
  readonly version: number;
  readonly state: OrderState;
  /** Why, where the state alone does not say it; a code, not a sentence. */
  readonly reason: string | null;
}

/** What a change of state means to somebody who watches many orders. */
export function severityOf({ state, reason }: Notification): Severity {
  if (state === 'needs-operator') return 'critical';
  if (state === 'refunded' || state === 'rejected') return 'warning';
  if (state === 'cancelled' || state === 'awaiting-payment') return reason ? 'warning' : 'info';
  return 'info';
}
