import { disputeWorkflow, disputeWorkflowId } from '../contracts/disputes.ts';
import { EVENTS, type EventData, type EventType } from '../contracts/events.ts';
import { inboxSignal } from '../contracts/inbox.ts';
import {
  newOrder,
  orderPriority,
  orderWorkflow,
  orderWorkflowId,
  type OrderKey,
} from '../contracts/orders.ts';
import { restockWorkflow, restockWorkflowId } from '../contracts/restock.ts';
import { returnWorkflow, returnWorkflowId } from '../contracts/returns.ts';
import type { OrderPolicy, RestockPolicy, ReturnPolicy } from '../domain/policy.ts';
import { on, type Route, type RoutedEvent } from './route.ts';

export interface OrderRouteOptions {
  /** The time limits that new orders get. */
  readonly orderPolicy: OrderPolicy;
  readonly returnPolicy: ReturnPolicy;
  readonly restockPolicy: RestockPolicy;
  /** How long an event waits for its order to be placed, or its return to be requested, in seconds. */
  readonly earlySeconds: number;
}

/**
 * What becomes of the canonical events: an order placed, a return requested and a dispute opened are starts, everything
 * else goes into the inbox of the workflow that it is about.
 */
export function orderRoutes(options: OrderRouteOptions): readonly Route[] {
  const { orderPolicy, returnPolicy, restockPolicy, earlySeconds } = options;
  // An event for an order, a return or a dispute that has ended changes nothing any more.
  const inbox = { early: earlySeconds * 1_000, late: 'acknowledge' } as const;
  const route = <Type extends EventType>(type: Type) =>
    on<(typeof EVENTS)[Type]['schema']>(EVENTS[type].source, type, EVENTS[type].schema);
  const intoInbox = <Type extends EventType>(
    type: Type,
    workflowId: (data: EventData<Type>) => string,
  ): Route => route(type).inbox(({ data }) => workflowId(data as EventData<Type>), inbox);
  const intoOrder = <Type extends OrderEventType>(type: Type): Route =>
    intoInbox(type, (data) => orderWorkflowId(data as OrderKey));
  /** A SKU's restocking runs for ever, once anything was heard of the SKU. */
  const intoRestock = <Type extends 'StockLow' | 'StockReceived'>(type: Type): Route =>
    route(type).signalWithStart(
      restockWorkflow,
      inboxSignal,
      ({ id, data }: RoutedEvent<unknown>) => {
        const { sku } = data as EventData<Type>;
        return {
          workflowId: restockWorkflowId(sku),
          args: [{ sku, policy: restockPolicy }],
          signalArgs: [[{ id, type, data }]],
        };
      },
      { late: 'park' },
    );

  return [
    route('OrderPlaced').start(orderWorkflow, ({ data }) => ({
      workflowId: orderWorkflowId(data),
      args: [newOrder(data, orderPolicy)],
      priority: orderPriority(data),
    })),
    intoOrder('OrderCancelled'),
    intoOrder('PaymentAuthorised'),
    intoOrder('PaymentCaptured'),
    intoOrder('PaymentFailed'),
    intoOrder('PaymentMethodUpdated'),
    route('ChargebackOpened').start(disputeWorkflow, ({ data }) => {
      const { disputeId, channel, orderId, paymentIntentId, amount, currency, reason } = data;
      return {
        workflowId: disputeWorkflowId(disputeId),
        args: [
          {
            disputeId,
            order: { channel, orderId },
            paymentIntentId,
            money: { amount, currency },
            reason,
          },
        ],
      };
    }),
    intoInbox('ChargebackClosed', ({ disputeId }) => disputeWorkflowId(disputeId)),
    intoOrder('ShipmentDispatched'),
    intoOrder('ShipmentDelivered'),
    intoOrder('ShipmentLost'),
    intoOrder('ShipmentReturned'),
    route('ReturnRequested').start(returnWorkflow, ({ data }) => {
      const { returnId, channel, orderId, lines, reason, requestedBy } = data;
      return {
        workflowId: returnWorkflowId(returnId),
        args: [
          {
            returnId,
            order: { channel, orderId },
            request: { lines, reason, requestedBy },
            policy: returnPolicy,
          },
        ],
      };
    }),
    intoInbox('GoodsReceived', ({ returnId }) => returnWorkflowId(returnId)),
    intoRestock('StockLow'),
    intoRestock('StockReceived'),
  ];
}

/** The events of one order. */
type OrderEventType = {
  [Type in EventType]: EventData<Type> extends OrderKey ? Type : never;
}[EventType];
