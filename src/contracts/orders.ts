import type { Notification } from '../domain/notification.ts';
import type { Order, OrderLine } from '../domain/order.ts';
import type { OrderPolicy } from '../domain/policy.ts';
import type { Ledger } from '../domain/saga.ts';
import type { EventData } from './events.ts';
import type { InboxContent, InboxEvent, InboxRecord } from './inbox.ts';
import { queryReference, updateReference, workflowReference } from './references.ts';
import { ORDERS_TASK_QUEUE } from './taskQueues.ts';

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

/** The events an order takes through its inbox. */
export type OrderEvent = {
  [
    Type in
      | 'OrderCancelled'
      | 'PaymentCaptured'
      | 'PaymentFailed'
      | 'PaymentMethodUpdated'
      | 'ShipmentDispatched'
      | 'ShipmentDelivered'
  ]: InboxEvent<Type, EventData<Type>>;
}[
  | 'OrderCancelled'
  | 'PaymentCaptured'
  | 'PaymentFailed'
  | 'PaymentMethodUpdated'
  | 'ShipmentDispatched'
  | 'ShipmentDelivered'];

/** The steps of an order that can be undone. */
export type OrderUndo = 'release-stock' | 'return-payment';

/** What an order's workflow carries over continue-as-new. */
export interface CarriedOrder {
  readonly order: Order;
  readonly ledger: Ledger<OrderUndo>;
  readonly reason: string | null;
  readonly version: number;
  readonly inbox: InboxContent;
}

export interface OrderInput {
  readonly placed: PlacedOrder;
  readonly policy: OrderPolicy;
  /** Only when the workflow continues as new. */
  readonly carried?: CarriedOrder;
}

export interface OrderResult {
  readonly state: Order['state'];
  readonly events: readonly InboxRecord[];
}

/** The order's row: answers "what is happening with this order, and why" in one read. */
export interface OrderRow extends OrderKey {
  readonly workflowId: string;
  /** Grows with each change of state; a write with an older one changes nothing. */
  readonly version: number;
  /** The chain of runs that owns this order: another start of the same order finds it taken. */
  readonly claimedBy: string;
  readonly state: Order['state'];
  readonly waitingFor: Order['waitingFor'];
  readonly reason: string | null;
  readonly customerId: string;
  readonly total: Order['total'];
  readonly lines: readonly OrderLine[];
  readonly payment: Order['payment'];
  readonly shipments: Order['shipments'];
  readonly cancellation: Order['cancellation'];
  /** The last 100 events and what became of each. */
  readonly timeline: readonly InboxRecord[];
}

/** What an order's notification on the topic says; the attributes beside it serve the filter policies. */
export interface OrderNotification extends Notification, OrderKey {
  /** Stable over repeats: consumers drop what they have seen. */
  readonly notificationId: string;
  readonly workflowId: string;
  readonly customerId: string;
  readonly severity: 'info' | 'warning' | 'critical';
}

export const orderWorkflow = workflowReference<(input: OrderInput) => Promise<OrderResult>>(
  'orderWorkflow',
  ORDERS_TASK_QUEUE,
);

export interface CancelRequest {
  readonly reason: string;
  readonly requestedBy: string;
}

/** The answer to a command, from the workflow's state at that moment. */
export type CommandAnswer =
  | { readonly accepted: true; readonly state: Order['state'] }
  | { readonly accepted: false; readonly state: Order['state']; readonly reason: string };

/** Cancels the order, if it still can be. */
export const cancelOrder = updateReference<CommandAnswer, [CancelRequest]>('waybill.cancel');

/** Tries the failed compensations again, after an operator has mended what made them fail. */
export const resumeOrder = updateReference<CommandAnswer, []>('waybill.resume');

/** The order's row as the workflow has it now, which the stored one follows. */
export const orderQuery = queryReference<OrderRow>('waybill.order');

/** Search attribute, Keyword: the order's state. */
export const ORDER_STATE_ATTRIBUTE = 'WaybillOrderState';
