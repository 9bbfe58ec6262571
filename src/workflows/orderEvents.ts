import type { InboxEvent } from '../contracts/inbox.ts';
import type { OrderEvent } from '../contracts/orders.ts';
import {
  decideCancellation,
  decideDelivered,
  decideDispatched,
  decidePaymentCaptured,
  decidePaymentFailed,
  decidePaymentMethod,
  isEnd,
  type Decision,
  type Order,
} from '../domain/order.ts';

/**
 * Whether the order can decide this event now. What comes early waits in the inbox: news of the payment until
 * our own call has its answer, news of a parcel until the order is being fulfilled.
 */
export function isDue(order: Order, { type }: InboxEvent): boolean {
  if (isEnd(order.state) || order.cancellation) return true;
  switch (type as OrderEvent['type']) {
    case 'PaymentCaptured':
      return ['captured', 'returned', 'not-needed'].includes(order.payment.status);
    case 'PaymentFailed':
      return !['open', 'in-flight'].includes(order.payment.status);
    case 'ShipmentDispatched':
    case 'ShipmentDelivered':
      return isBeingFulfilled(order);
    default:
      return true;
  }
}

/**
 * Also while lines' money or pieces cannot be given back (an order that is undone as a whole is cancelled): its
 * parcel may have left, which decides about every cancellation that follows.
 */
function isBeingFulfilled({ state, payment }: Order): boolean {
  if (state === 'needs-operator') return ['captured', 'not-needed'].includes(payment.status);
  return ['fulfilling', 'shipped', 'delivered'].includes(state);
}

/** What one event does to the order. */
export function decideEvent(order: Order, event: InboxEvent): Decision {
  if (isEnd(order.state)) return { outcome: 'refused', reason: `order-${order.state}` };
  const known = event as OrderEvent;
  switch (known.type) {
    case 'OrderCancelled':
      return decideCancellation(order, {
        reason: known.data.reason,
        requestedBy: known.data.requestedBy,
      });
    case 'PaymentCaptured':
      return decidePaymentCaptured(order, {
        intentId: known.data.paymentIntentId,
        money: { amount: known.data.amount, currency: known.data.currency },
      });
    case 'PaymentFailed':
      return decidePaymentFailed(order, { intentId: known.data.paymentIntentId });
    case 'PaymentMethodUpdated':
      return decidePaymentMethod(order, known.data.paymentMethod);
    case 'ShipmentDispatched':
      return decideDispatched(order, known.data.shipmentId);
    case 'ShipmentDelivered':
      return decideDelivered(order, known.data.shipmentId);
    default:
      return { outcome: 'refused', reason: 'unknown-type' };
  }
}
