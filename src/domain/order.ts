import type { Money } from './money.ts';
import { isDispatched, type Shipment } from './shipment.ts';

/** The states an order passes through, and the ends it can come to. */
export type OrderState =
  | 'received'
  | 'screening'
  | 'on-review'
  | 'reserving'
  | 'awaiting-payment'
  | 'paid'
  | 'fulfilling'
  | 'shipped'
  | 'delivered'
  | 'closed'
  | 'rejected'
  | 'cancelled'
  | 'refunded'
  | 'duplicate'
  | 'needs-operator';

const ENDS: ReadonlySet<OrderState> = new Set<OrderState>([
  'closed',
  'rejected',
  'cancelled',
  'refunded',
  'duplicate',
]);

/** Whether nothing more will happen to an order in this state. */
export function isEnd(state: OrderState): boolean {
  return ENDS.has(state);
}

/** The named thing an order waits for; `null` while the service itself is at work on it. */
export type Waiting =
  | 'review'
  | 'stock'
  | 'payment-method'
  /** The customer authenticates the payment (3-D Secure). */
  | 'authentication'
  | 'dispatch'
  | 'delivery'
  /** A parcel that was recalled comes back. */
  | 'parcel'
  | 'operator'
  | null;

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
  | 'requires-action'
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
  /**
   * Until when another method, or an authentication, is awaited, in milliseconds since 1970; set when the customer is
   * first asked for one.
   */
  readonly methodUntil: number | null;
  /** How often the customer was reminded; absent where never. */
  readonly reminders?: number;
  /** How many authorisations have lapsed and been renewed; absent where none. */
  readonly renewals?: number;
  /** The provider's own event said so too. */
  readonly confirmedByProvider: boolean;
  /** What was captured, in minor units: less than the total where lines were cancelled before. */
  readonly captured: number;
  /** What the order refunded, in minor units; never more than was captured. What its returns refund is in theirs. */
  readonly refunded: number;
}

export interface Cancellation {
  readonly reason: string;
  readonly requestedBy: string;
}

/** A line that was given up while the rest of the order goes on. */
export interface CancelledLine extends Cancellation {
  /** Its number in the order, from 1. */
  readonly line: number;
  /** Numbers the cancellations of lines, from 1: what was cancelled together is given back together. */
  readonly step: number;
  /** Whether its stock and its money have been given back. */
  readonly settled: boolean;
  /** Its pieces are gone with their parcel, and its money alone is given back; absent where they are not. */
  readonly lost?: true;
}

/** What a person decided about an order that screening is in doubt about. */
export interface Review {
  readonly decision: 'approve' | 'reject';
  readonly reason: string;
  readonly requestedBy: string;
}

/** Everything an order's decisions rest on. Immutable: each decision returns the next one. */
export interface Order {
  readonly state: OrderState;
  readonly waitingFor: Waiting;
  readonly total: Money;
  readonly payment: Payment;
  /** Empty until they are planned. In orders placed before, each from the first that was heard of it. */
  readonly shipments: readonly Shipment[];
  readonly cancellation: Cancellation | null;
  /** In the order in which they were cancelled; the last line of all cancels the order instead. */
  readonly cancelledLines: readonly CancelledLine[];
  /** Null while nobody has decided, or nobody had to. */
  readonly review: Review | null;
  /** Until when a person may decide, in milliseconds since 1970; absent where nobody was asked. */
  readonly reviewUntil?: number;
  /** Until when pieces that are short are awaited, in milliseconds since 1970; absent where none are. */
  readonly stockUntil?: number;
  /** Until when a parcel that was recalled may come back, in milliseconds since 1970; absent or null where none is. */
  readonly parcelUntil?: number | null;
  /** The step of the cancelled lines that are being given back; null or absent where none are. */
  readonly settling?: number | null;
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
      captured: 0,
      refunded: 0,
    },
    shipments: [],
    cancellation: null,
    cancelledLines: [],
    review: null,
  };
}

/** The sum of the lines, in the order's currency. */
export function totalOf(lines: readonly OrderLine[], currency: Money['currency']): Money {
  return { amount: lines.reduce((sum, line) => sum + line.amount, 0), currency };
}

/** Lines of the same SKU become one, for the stock's transaction: SKU to pieces, in order of first sight. */
export function piecesBySku(
  lines: readonly Pick<OrderLine, 'sku' | 'quantity'>[],
): readonly { readonly sku: string; readonly quantity: number }[] {
  const pieces = new Map<string, number>();
  for (const { sku, quantity } of lines) pieces.set(sku, (pieces.get(sku) ?? 0) + quantity);
  return [...pieces].map(([sku, quantity]) => ({ sku, quantity }));
}

type Pieces = ReturnType<typeof piecesBySku>;

/** Whether these are as many pieces of the same SKUs. */
export function isSamePieces(some: Pieces, others: Pieces): boolean {
  const textOf = (pieces: Pieces) =>
    piecesBySku(pieces)
      .map(({ sku, quantity }) => `${quantity} ${sku}`)
      .toSorted()
      .join('\n');
  return textOf(some) === textOf(others);
}

/** Whether an order can still be cancelled: until the first parcel has left. The one rule for API and events. */
export function decideCancellation(order: Order, { reason, requestedBy }: Cancellation): Decision {
  if (order.cancellation) return { outcome: 'duplicate', reason: 'already-cancelled' };
  const refusal = refusalToCancel(order);
  if (refusal) return { outcome: 'refused', reason: refusal };
  // What it waited for is not to come any more: it is being undone.
  return {
    outcome: 'applied',
    order: { ...order, cancellation: { reason, requestedBy }, waitingFor: null },
  };
}

/** Why nothing of an order can be cancelled any more; null while it can. */
export function refusalToCancel(order: Order): string | null {
  if (isEnd(order.state)) return `order-${order.state}`;
  // The workflow may not have come to it yet; who decided first was first.
  if (order.review?.decision === 'reject') return 'order-rejected';
  return isDispatched(order.shipments) ? 'already-dispatched' : null;
}

/** Whether what a person decides about an order is awaited. The first decision counts. */
export function decideReview(order: Order, { decision, reason, requestedBy }: Review): Decision {
  if (order.cancellation) return { outcome: 'refused', reason: 'order-cancelled' };
  if (order.review) return { outcome: 'refused', reason: 'already-reviewed' };
  if (isEnd(order.state)) return { outcome: 'refused', reason: `order-${order.state}` };
  if (order.waitingFor !== 'review') return { outcome: 'refused', reason: 'not-on-review' };
  return { outcome: 'applied', order: { ...order, review: { decision, reason, requestedBy } } };
}

/** Whether another payment method is of use: while nothing has been captured or given up. */
export function decidePaymentMethod(order: Order, method: string): Decision {
  if (order.cancellation) return { outcome: 'refused', reason: 'order-cancelled' };
  if (isEnd(order.state)) return { outcome: 'refused', reason: `order-${order.state}` };
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
    case 'requires-action':
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
  const { amount, currency } = captured.money;
  // Where the order was cancelled before our call had its answer, it is not known how much was captured.
  const isOurs = payment.captured > 0 ? amount === payment.captured : amount <= total.amount;
  if (!isOurs || currency !== total.currency) {
    return { outcome: 'refused', reason: 'amount-differs' };
  }
  if (payment.confirmedByProvider) return { outcome: 'duplicate', reason: 'already-confirmed' };
  return {
    outcome: 'applied',
    order: { ...order, payment: { ...payment, confirmedByProvider: true } },
  };
}

/**
 * What the provider says of an authentication that the customer was asked for: it has ended. How, the provider is asked
 * again: the event may be older than what it says.
 */
export function decidePaymentAuthorised(
  order: Order,
  authorised: { readonly intentId: string },
): Decision {
  const { payment } = order;
  if (authorised.intentId !== payment.intentId) {
    return { outcome: 'refused', reason: 'unknown-payment-intent' };
  }
  switch (payment.status) {
    case 'requires-action':
      return { outcome: 'applied', order: withPaymentAskedAgain(order) };
    case 'authorised':
    case 'captured':
      return { outcome: 'duplicate', reason: 'already-authorised' };
    default:
      return { outcome: 'refused', reason: `payment-${payment.status}` };
  }
}

/** The outcome of the last attempt is not known any more, so that it is looked up before anything else. */
function withPaymentAskedAgain(order: Order): Order {
  return { ...order, payment: { ...order.payment, status: 'in-flight' } };
}

/** What the provider says of a decline. Our call's answer has told it already, or the money has come since. */
export function decidePaymentFailed(order: Order, failed: { readonly intentId: string }): Decision {
  if (failed.intentId !== order.payment.intentId) {
    return { outcome: 'refused', reason: 'unknown-payment-intent' };
  }
  if (order.payment.status === 'requires-action') {
    return { outcome: 'applied', order: withPaymentAskedAgain(order) };
  }
  return order.payment.status === 'declined'
    ? { outcome: 'duplicate', reason: 'already-declined' }
    : { outcome: 'refused', reason: `payment-${order.payment.status}` };
}

/** Whether an order waits for pieces that are short. */
export function isWaitingForStock({ waitingFor }: Order): boolean {
  return waitingFor === 'stock';
}

/** Whether the stock that an order waits for is reserved for it by now. */
export function decideStockReserved(order: Order): Decision {
  if (order.cancellation) return { outcome: 'refused', reason: 'order-cancelled' };
  if (isEnd(order.state)) return { outcome: 'refused', reason: `order-${order.state}` };
  if (!isWaitingForStock(order)) return { outcome: 'duplicate', reason: 'not-waiting-for-stock' };
  return { outcome: 'applied', order: { ...order, waitingFor: null } };
}
