import { isEnd, type Order, type OrderState } from './order.ts';

/** In these states the order has its stock, and its money where it costs any. */
const PAID: ReadonlySet<OrderState> = new Set<OrderState>([
  'paid',
  'fulfilling',
  'shipped',
  'delivered',
  'closed',
]);

/**
 * What became of an order's payment; null while that is still being found out.
 *
 * @param reason - why the order is in its state, where that alone does not say it.
 */
export function paymentOutcome(order: Order, reason: string | null) {
  const { state, cancellation, payment, waitingFor } = order;
  if (state === 'duplicate') return { outcome: 'duplicate', state, reason: null } as const;
  if (cancellation) return { outcome: 'stopped', state, reason: cancellation.reason } as const;
  if (payment.status === 'captured' || PAID.has(state)) {
    return { outcome: 'paid', state, reason: null } as const;
  }
  if (waitingFor === 'operator' || isEnd(state)) {
    return { outcome: 'stopped', state, reason } as const;
  }
  if (waitingFor === 'payment-method' && payment.nextMethod === null) {
    return { outcome: 'declined', state, reason: payment.declineCode } as const;
  }
  if (waitingFor === 'review' && order.review === null) {
    return { outcome: 'on-review', state, reason } as const;
  }
  return null;
}
