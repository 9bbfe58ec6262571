import type { InboxEvent } from '../contracts/inbox.ts';
import type { OrderEvent } from '../contracts/orders.ts';
import {
  decideCancellation,
  decidePaymentAuthorised,
  decidePaymentCaptured,
  decidePaymentFailed,
  decidePaymentMethod,
  decideStockReserved,
  isEnd,
  isWaitingForStock,
  type Decision,
  type Order,
} from '../domain/order.ts';
import {
  decideDelivered,
  decideDispatched,
  decideLost,
  decideReturned,
  isParcelKnown,
} from '../domain/shipment.ts';

/**
 * Whether the order can decide this event now. What comes early waits in the inbox: news of the payment until our own
 * call has its answer, news of a parcel until it is booked, or recalled, and that pieces are reserved until the order
 * says that it waits for them.
 */
export function isDue(order: Order, event: InboxEvent, edition: 1 | 2): boolean {
  if (isEnd(order.state)) return true;
  const known = event as OrderEvent;
  switch (known.type) {
    case 'PaymentCaptured':
      return (
        order.cancellation !== null ||
        ['captured', 'returned', 'not-needed'].includes(order.payment.status)
      );
    case 'PaymentAuthorised':
    case 'PaymentFailed':
      return order.cancellation !== null || !['open', 'in-flight'].includes(order.payment.status);
    case 'ShipmentDispatched':
    case 'ShipmentDelivered':
    case 'ShipmentLost':
    case 'ShipmentReturned':
      return edition === 1
        ? order.cancellation !== null || isBeingFulfilled(order)
        : isParcelKnown(order, shipmentIdOf(event));
    case 'StockReserved':
      // The queue of those who wait may be served before our own call, which joined it, has its answer.
      return order.cancellation !== null || order.state !== 'reserving' || isWaitingForStock(order);
    default:
      return true;
  }
}

/** Of an event that may be poison: what has none is refused when it is decided. */
function shipmentIdOf({ data }: InboxEvent): string {
  return String((data as { readonly shipmentId?: unknown } | null)?.shipmentId);
}

/**
 * For orders of the first edition. Also while lines' money or pieces cannot be given back (an order that is undone as a
 * whole is cancelled): its parcel may have left, which decides about every cancellation that follows.
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
    case 'PaymentAuthorised':
      return decidePaymentAuthorised(order, { intentId: known.data.paymentIntentId });
    case 'PaymentFailed':
      return decidePaymentFailed(order, { intentId: known.data.paymentIntentId });
    case 'PaymentMethodUpdated':
      return decidePaymentMethod(order, known.data.paymentMethod);
    case 'ShipmentDispatched':
      return decideDispatched(order, known.data.shipmentId);
    case 'ShipmentDelivered':
      return decideDelivered(order, known.data.shipmentId);
    case 'ShipmentLost':
      return decideLost(order, known.data.shipmentId);
    case 'ShipmentReturned':
      return decideReturned(order, known.data.shipmentId);
    case 'StockReserved':
      return decideStockReserved(order);
    default:
      return { outcome: 'refused', reason: 'unknown-type' };
  }
}
