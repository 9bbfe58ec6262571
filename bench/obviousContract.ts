import type { SignalDefinition } from '@temporalio/common';
import { signalReference, workflowReference } from '../src/contracts/references.ts';
import type { OrderKey, PlacedOrder } from '../src/contracts/orders.ts';
import type { ScreeningActivities } from '../src/contracts/activities.ts';
import { ORDERS_TASK_QUEUE } from '../src/contracts/taskQueues.ts';
import type { Money } from '../src/domain/money.ts';

/** What an order's row says of it, as far as its way is the plain one. */
export type ObviousStatus =
  | 'received'
  | 'awaiting-payment'
  | 'authorised'
  | 'paid'
  | 'fulfilling'
  | 'shipped'
  | 'delivered'
  | 'closed';

interface OfOrder {
  /** The order's workflow ID. */
  readonly orderKey: string;
}

interface OfIntent extends OfOrder {
  readonly intentId: string;
}

/** One activity an effect, each one call. Task queue `orders`. */
export interface ObviousActivities extends ScreeningActivities {
  /** Puts the row if there is none, or it is this same start's. */
  claimRow(
    request: OfOrder & { readonly claimedBy: string; readonly placed: PlacedOrder },
  ): Promise<'claimed' | 'duplicate'>;
  reserve(
    request: OfOrder & {
      readonly pieces: readonly { readonly sku: string; readonly quantity: number }[];
    },
  ): Promise<void>;
  writeStatus(request: OfOrder & { readonly status: ObviousStatus }): Promise<void>;
  storeIntent(request: OfIntent): Promise<void>;
  /** `version` numbers the notifications of an order. */
  publish(
    request: OfOrder &
      OrderKey & {
        readonly customerId: string;
        readonly status: ObviousStatus;
        readonly version: number;
      },
  ): Promise<void>;
  createShipment(request: OfOrder & { readonly placed: PlacedOrder }): Promise<void>;
  closeRow(request: OfOrder): Promise<void>;
}

/** The payment provider's. Task queue `payments`. */
export interface ObviousPaymentActivities {
  createIntent(request: OfOrder & { readonly money: Money }): Promise<{ readonly id: string }>;
  confirm(request: OfIntent & { readonly method: string }): Promise<void>;
  capture(request: OfIntent): Promise<void>;
}

export const obviousOrderWorkflow = workflowReference<(placed: PlacedOrder) => Promise<void>>(
  'obviousOrderWorkflow',
  ORDERS_TASK_QUEUE,
);

/** Each event its own signal. */
export const OBVIOUS_SIGNALS = {
  ShipmentDispatched: signalReference<[]>('order.dispatched'),
  ShipmentDelivered: signalReference<[]>('order.delivered'),
} as const satisfies Record<string, SignalDefinition>;
