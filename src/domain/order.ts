import type { Money } from './money.ts';

/** The states an order passes through, and the ends it can come to. */
export type OrderState =
  | 'received'
  | 'reserving'
  | 'awaiting-payment'
  | 'paid'
  | 'fulfilling'
  | 'shipped'
  | 'delivered'
  | 'closed'
  | 'cancelled'
  | 'refunded'
  | 'duplicate'
  | 'needs-operator';

const ENDS: ReadonlySet<OrderState> = new Set<OrderState>([
  'closed',
  'cancelled',
  'refunded',
  'duplicate',
]);

/** Whether nothing more will happen to an order in this state. */
export function isEnd(state: OrderState): boolean {
  return ENDS.has(state);
}

/** The named thing an order waits for; `null` while the service itself is at work on it. */
export type Waiting = 'payment-method' | 'dispatch' | 'delivery' | 'operator' | null;

/** One line of an order. `amount` is for the whole line, so that no cent is lost to division. */
export interface OrderLine {
  readonly sku: string;
  /** Pieces, 1 or more. */
  readonly quantity: number;
  /** The line's total in minor units of the order's currency, 0 or more. */
  readonly amount: number;
  readonly sellerId: string;
}

/**
 * Where the payment stands. `in-flight`: a call may have taken effect at the provider and its
 * answer is not known. `not-needed`: the order is free, no provider is asked.
 */
export type PaymentStatus =
  | 'not-needed'
  | 'open'
  | 'in-flight'
  | 'declined'
  | 'authorised'
  | 'captured'
  | 'returned';

export interface Payment {
  readonly status: PaymentStatus;
  /** The provider's token of the method to charge; never card data. */
  readonly method: string | null;
  /** How many methods have been tried. Part of the idempotency key of each confirmation. */
  readonly attempt: number;
  /** A method given since the last attempt began. */
  readonly nextMethod: string | null;
  readonly intentId: string | null;
  /** The provider's code of the last decline. */
  readonly declineCode: string | null;
  /** Until when another method is awaited, in milliseconds since 1970; set by the first decline. */
  readonly methodUntil: number | null;
  /** The provider's own event said so too. */
  readonly confirmedByProvider: boolean;
  /** What has been refunded, in minor units; never more than was captured. */
  readonly refunded: number;
}

export type ShipmentStatus = 'dispatched' | 'delivered';

export interface Cancellation {
  readonly reason: string;
  readonly requestedBy: string;
}

/** Everything an order's decisions rest on. Immutable: each decision returns the next one. */
export interface Order {
  readonly state: OrderState;
  readonly waitingFor: Waiting;
  readonly total: Money;
  readonly payment: Payment;
  readonly shipments: Readonly<Record<string, ShipmentStatus>>;
  readonly cancellation: Cancellation | null;
}

/** What happened to one event or command, and why where it is not plain. */
export type Decision =
  | { readonly outcome: 'applied'; readonly order: Order }
  | { readonly outcome: 'duplicate' | 'refused'; readonly reason: string };

/** An order as it is placed. A free order (total 0) needs no payment at all. */
export function openOrder(total: Money, paymentMethod: string | null): Order {
  return {
    state: 'received',
    waitingFor: null,
    total,
    payment: {
      status: total.amount === 0 ? 'not-needed' : 'open',
      method: paymentMethod,
      attempt: 0,
      nextMethod: null,
      intentId: null,
      declineCode: null,
      methodUntil: null,
      confirmedByProvider: false,
      refunded: 0,
    },
    shipments: {},
    cancellation: null,
  };
}

/** The sum of the lines, in the order's currency. */
export function totalOf(lines: readonly OrderLine[], currency: Money['currency']): Money {
  return { amount: lines.reduce((sum, line) => sum + line.amount, 0), currency };
}

/** Lines of the same SKU become one, for the stock's transaction: SKU to pieces, in order of first sight. */
export function piecesBySku(
  lines: readonly OrderLine[],
): readonly { readonly sku: string; readonly quantity: number }[] {
  const pieces = new Map<string, number>();
  for (const { sku, quantity } of lines) pieces.set(sku, (pieces.get(sku) ?? 0) + quantity);
  return [...pieces].map(([sku, quantity]) => ({ sku, quantity }));
}

/** Whether an order can still be cancelled: until the first parcel has left. The one rule for API and events. */
export function decideCancellation(order: Order, cancellation: Cancellation): Decision {
  if (order.cancellation) return { outcome: 'duplicate', reason: 'already-cancelled' };
  if (isEnd(order.state)) return { outcome: 'refused', reason: `order-${order.state}` };
  if (Object.keys(order.shipments).length > 0) {
    return { outcome: 'refused', reason: 'already-dispatched' };
  }
  return { outcome: 'applied', order: { ...order, cancellation } };
}

/** Whether another payment method is of use: while nothing has been captured or given up. */
export function decidePaymentMethod(order: Order, method: string): Decision {
  if (order.cancellation) return { outcome: 'refused', reason: 'order-cancelled' };
  switch (order.payment.status) {
    case 'not-needed':
      return { outcome: 'refused', reason: 'nothing-to-pay' };
    case 'authorised':
    case 'captured':
      return { outcome: 'refused', reason: 'already-paid' };
    case 'returned':
      return { outcome: 'refused', reason: 'payment-returned' };
    case 'open':
      return {
        outcome: 'applied',
        order: { ...order, payment: { ...order.payment, method } },
      };
    case 'in-flight':
    case 'declined':
      return {
        outcome: 'applied',
        order: { ...order, payment: { ...order.payment, nextMethod: method } },
      };
  }
}

/** What the provider says of a capture. Its event confirms our call's answer; it never replaces a known one. */
export function decidePaymentCaptured(
  order: Order,
  captured: { readonly intentId: string; readonly money: Money },
): Decision {
  const { payment, total } = order;
  if (payment.status === 'not-needed') return { outcome: 'refused', reason: 'nothing-to-pay' };
  if (captured.intentId !== payment.intentId) {
    return { outcome: 'refused', reason: 'unknown-payment-intent' };
  }
  if (captured.money.amount !== total.amount || captured.money.currency !== total.currency) {
    return { outcome: 'refused', reason: 'amount-differs' };
  }
  if (payment.confirmedByProvider) return { outcome: 'duplicate', reason: 'already-confirmed' };
  return {
    outcome: 'applied',
    order: { ...order, payment: { ...payment, confirmedByProvider: true } },
  };
}

/** What the provider says of a decline. Our call's answer has told it already, or the money has come since. */
export function decidePaymentFailed(order: Order, failed: { readonly intentId: string }): Decision {
  if (failed.intentId !== order.payment.intentId) {
    return { outcome: 'refused', reason: 'unknown-payment-intent' };
  }
  return order.payment.status === 'declined'
    ? { outcome: 'duplicate', reason: 'already-declined' }
    : { outcome: 'refused', reason: `payment-${order.payment.status}` };
}

/** A parcel left. After its delivery the news is old, not wrong. */
export function decideDispatched(order: Order, shipmentId: string): Decision {
  if (order.cancellation) return { outcome: 'refused', reason: 'order-cancelled' };
  const known = shipmentOf(order, shipmentId);
  if (known) return { outcome: 'duplicate', reason: `already-${known}` };
  return { outcome: 'applied', order: withShipment(order, shipmentId, 'dispatched') };
}

/** A parcel arrived, which says too that it left. */
export function decideDelivered(order: Order, shipmentId: string): Decision {
  if (order.cancellation) return { outcome: 'refused', reason: 'order-cancelled' };
  if (shipmentOf(order, shipmentId) === 'delivered') {
    return { outcome: 'duplicate', reason: 'already-delivered' };
  }
  return { outcome: 'applied', order: withShipment(order, shipmentId, 'delivered') };
}

/** Whether at least one parcel left. */
export function isDispatched(order: Order): boolean {
  return Object.keys(order.shipments).length > 0;
}

/** Whether every parcel that left has arrived. */
export function isDelivered(order: Order): boolean {
  const statuses = Object.values(order.shipments);
  return statuses.length > 0 && statuses.every((status) => status === 'delivered');
}

/** By own key only: a parcel may be called `constructor`. */
function shipmentOf(order: Order, shipmentId: string): ShipmentStatus | undefined {
  return Object.hasOwn(order.shipments, shipmentId) ? order.shipments[shipmentId] : undefined;
}

function withShipment(order: Order, shipmentId: string, status: ShipmentStatus): Order {
  return { ...order, shipments: { ...order.shipments, [shipmentId]: status } };
}
