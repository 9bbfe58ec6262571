import { EVENTS, type EventType } from '../contracts/events.ts';
import { orderWorkflow, orderWorkflowId } from '../contracts/orders.ts';
import { returnWorkflowId } from '../contracts/returns.ts';
import type { OrderPolicy } from '../domain/policy.ts';
import { on, type Route } from './route.ts';

export interface OrderRouteOptions {
  /** The time limits that new orders get. */
  readonly policy: OrderPolicy;
  /** How long an event waits for its order to be placed, or its return to be requested, in seconds. */
  readonly earlySeconds: number;
}

/**
 * What becomes of the canonical events: an order placed is a start, everything else goes into the inbox of its order
 * or its return.
 */
export function orderRoutes({ policy, earlySeconds }: OrderRouteOptions): readonly Route[] {
  // An event for an order or a return that has ended changes nothing any more.
  const inbox = { early: earlySeconds * 1_000, late: 'acknowledge' } as const;
  const intoInbox = <Type extends Exclude<EventType, 'OrderPlaced' | 'GoodsReceived'>>(
    type: Type,
  ): Route =>
    on(EVENTS[type].source, type, EVENTS[type].schema).inbox(
      ({ data }) => orderWorkflowId(data),
      inbox,
    );
  return [
    on(EVENTS.OrderPlaced.source, 'OrderPlaced', EVENTS.OrderPlaced.schema).start(
      orderWorkflow,
      ({ data }) => ({ workflowId: orderWorkflowId(data), args: [{ placed: data, policy }] }),
    ),
    intoInbox('OrderCancelled'),
    intoInbox('PaymentCaptured'),
    intoInbox('PaymentFailed'),
    intoInbox('PaymentMethodUpdated'),
    intoInbox('ShipmentDispatched'),
    intoInbox('ShipmentDelivered'),
    on(EVENTS.GoodsReceived.source, 'GoodsReceived', EVENTS.GoodsReceived.schema).inbox(
      ({ data }) => returnWorkflowId(data.returnId),
      inbox,
    ),
  ];
}
