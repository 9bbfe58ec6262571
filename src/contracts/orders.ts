import type { Notification, OrderMatter } from '../domain/notification.ts';
import type { Order, OrderLine } from '../domain/order.ts';
import type { OrderPolicy } from '../domain/policy.ts';
import type { Ledger } from '../domain/saga.ts';
import type { EventData } from './events.ts';
import type { Command, CommandAnswer } from './commands.ts';
import type { InboxContent, InboxEvent, InboxRecord } from './inbox.ts';
import { fingerprint } from './fingerprint.ts';
import type { Notified } from './notifications.ts';
import { queryReference, updateReference, workflowReference } from './references.ts';
import { ORDERS_TASK_QUEUE } from './taskQueues.ts';
import type { TimelineEntry } from './timeline.ts';

/** An order as it was placed: the data of `OrderPlaced`, version 1. */
export type PlacedOrder = EventData<'OrderPlaced'>;

/** Names an order: unique in the whole service. */
export interface OrderKey {
  readonly channel: string;
  readonly orderId: string;
}

/** The workflow ID of an order, its key in the tables, and the root of its idempotency keys. */
export function orderWorkflowId({ channel, orderId }: OrderKey): string {
  return `order:${channel}:${orderId}`;
}

/** The canonical events an order takes through its inbox. */
type CanonicalOrderEvent =
  | 'OrderCancelled'
  | 'PaymentAuthorised'
  | 'PaymentCaptured'
  | 'PaymentFailed'
  | 'PaymentMethodUpdated'
  | 'ShipmentDispatched'
  | 'ShipmentDelivered'
  | 'ShipmentLost'
  | 'ShipmentReturned';

/** The events an order takes through its inbox. `StockReserved` comes from the restocking of a SKU. */
export type OrderEvent =
  | { [Type in CanonicalOrderEvent]: InboxEvent<Type, EventData<Type>> }[CanonicalOrderEvent]
  | InboxEvent<'StockReserved', object>;

/** The steps of an order that can be undone. */
export type OrderUndo = 'release-stock' | 'return-payment' | 'cancel-shipments';

/** What an operator is asked. */
export interface Question {
  readonly reason: string;
  /** Of which parcel or cancellation; empty where there is one only. */
  readonly about: string;
}

/** What an order's workflow carries over continue-as-new. */
export interface CarriedOrder {
  readonly order: Order;
  readonly ledger: Ledger<OrderUndo>;
  readonly reason: string | null;
  readonly version: number;
  /** The parcels as they were when their news were told last; absent where nothing of them was told. */
  readonly parcelsTold?: Order['shipments'];
  /** What an operator is waited for about; absent where none is, and in what was carried before it was. */
  readonly asked?: Question;
  readonly inbox: InboxContent;
  /** The last entries; absent in what was carried before there was a timeline. */
  readonly timeline?: readonly TimelineEntry[];
  /** ISO 8601: when its first run began. Absent as `timeline` is. */
  readonly placedAt?: string;
}

export interface OrderInput {
  readonly placed: PlacedOrder;
  readonly policy: OrderPolicy;
  /**
   * Which course the order follows. 2: the service has its parcels sent itself, and steps tell what is due on their
   * way. Absent: as orders did that were placed before.
   */
  readonly edition?: 2;
  /** Only when the workflow continues as new. */
  readonly carried?: CarriedOrder;
}

/** The input of an order that is placed now. */
export function newOrder(placed: PlacedOrder, policy: OrderPolicy): OrderInput {
  return { placed, policy, edition: 2 };
}

/** Temporal's limit of a fairness key, in bytes. */
const LONGEST_FAIRNESS_KEY = 64;

/**
 * Its share of the workers: sellers take turns, however many orders each of them has. An order of several sellers takes
 * the turn of its first line's.
 */
export function orderPriority({ lines }: Pick<PlacedOrder, 'lines'>): { fairnessKey: string } {
  const [{ sellerId } = { sellerId: '' }] = lines;
  const isShort = sellerId.length <= LONGEST_FAIRNESS_KEY;
  return { fairnessKey: isShort ? sellerId : fingerprint(sellerId) };
}

export interface OrderResult {
  readonly state: Order['state'];
  readonly events: readonly InboxRecord[];
}

/** The order's row: answers "what is happening with this order, and why" in one read. */
export interface OrderRow extends OrderKey {
  readonly workflowId: string;
  /** Grows with each change of state: the number of its notification. */
  readonly version: number;
  /** How long the timeline is by now; a write with an older one changes nothing. */
  readonly revision: number;
  /** The chain of runs that owns this order: another start of the same order finds it taken. */
  readonly claimedBy: string;
  readonly state: Order['state'];
  readonly waitingFor: Order['waitingFor'];
  readonly reason: string | null;
  readonly customerId: string;
  /** ISO 8601: when the service took it. */
  readonly placedAt: string;
  /** Of all lines as they were placed, also of those cancelled since. */
  readonly total: Order['total'];
  /** As they were placed; the first has number 1. */
  readonly lines: readonly OrderLine[];
  readonly cancelledLines: Order['cancelledLines'];
  readonly review: Order['review'];
  readonly payment: Order['payment'];
  readonly shipments: Order['shipments'];
  readonly cancellation: Order['cancellation'];
  /** The last 100 entries, oldest first. */
  readonly timeline: readonly TimelineEntry[];
}

/** What an order's notification on the topic says; the attributes beside it serve the filter policies. */
export interface OrderNotification
  extends Omit<Notification, 'notice'>, OrderMatter, OrderKey, Notified {
  /** Stable over repeats: consumers drop what they have seen. */
  readonly notificationId: string;
  readonly workflowId: string;
  readonly customerId: string;
  /** All sellers of the order. */
  readonly sellerIds: readonly string[];
}

export const orderWorkflow = workflowReference<(input: OrderInput) => Promise<OrderResult>>(
  'orderWorkflow',
  ORDERS_TASK_QUEUE,
);

export type OrderAnswer = CommandAnswer<Order['state']>;

export interface CancelRequest extends Command {
  readonly reason: string;
  /** The numbers of the lines, from 1. Absent: the whole order. */
  readonly lines?: readonly number[];
}

/** Cancels the order or some of its lines, if they still can be. */
export const cancelOrder = updateReference<OrderAnswer, [CancelRequest]>('waybill.cancel');

export interface PaymentMethodRequest extends Command {
  /** The payment provider's token. */
  readonly paymentMethod: string;
}

/** Gives the order another payment method, while nothing has been captured. */
export const changePaymentMethod = updateReference<OrderAnswer, [PaymentMethodRequest]>(
  'waybill.change-payment-method',
);

export interface ReviewRequest extends Command {
  readonly decision: 'approve' | 'reject';
  readonly reason: string;
}

/** Decides about an order that screening is in doubt about. */
export const decideReview = updateReference<OrderAnswer, [ReviewRequest]>('waybill.decide-review');

export interface ResolveRequest extends Command {
  /** How it was resolved: an operator's words, for whoever reads the timeline. */
  readonly reason: string;
}

/**
 * Takes what failed for done, because an operator has done it by hand: the order goes on without it. Only where an
 * order waits for an operator.
 */
export const resolveOrder = updateReference<OrderAnswer, [ResolveRequest]>('waybill.resolve');

/** Tries the failed compensations again, after an operator has mended what made them fail. */
export const resumeOrder = updateReference<OrderAnswer, [Command]>('waybill.resume');

/** What became of the payment, as far as it goes without anybody else's doing. */
export interface PaymentOutcome {
  /**
   * `paid`: captured, or nothing to pay. `declined`: another method is awaited. `on-review`: a person decides
   * first. `stopped`: the order goes no further, see `reason`. `duplicate`: another start carries this order.
   */
  readonly outcome: 'paid' | 'declined' | 'on-review' | 'stopped' | 'duplicate';
  readonly state: Order['state'];
  /** A code, where there is more to say. */
  readonly reason: string | null;
}

/** Waits for the payment's outcome: the one update that does not answer at once. */
export const awaitPayment = updateReference<PaymentOutcome, []>('waybill.await-payment');

/** The order's row as the workflow has it now, which the stored one follows. */
export const orderQuery = queryReference<OrderRow>('waybill.order');

/** Search attribute, Keyword: the order's state. */
export const ORDER_STATE_ATTRIBUTE = 'WaybillOrderState';
