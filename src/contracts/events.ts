import { z } from 'zod';
import {
  amount,
  channel,
  checkTotal,
  currency,
  id,
  orderContent,
  orderId,
  orderPieces,
  quantity,
  text,
} from './fields.ts';

/** Who sends the canonical events: an EventBridge `source`, or `source` in a raw message. */
export const SOURCES = {
  storefront: 'waybill.storefront',
  payments: 'waybill.payments',
  fulfilment: 'waybill.fulfilment',
  returns: 'waybill.returns',
  inventory: 'waybill.inventory',
} as const;

const version = z.literal(1).meta({ description: 'The version of this event type' });
const orderKey = { channel, orderId };

export const OrderPlaced = z
  .object({ version, ...orderKey, ...orderContent })
  .superRefine(checkTotal);

const OrderCancelled = z.object({ version, ...orderKey, reason: text, requestedBy: id });

/** The customer has done what the payment's authentication (3-D Secure) asked for, and the money is held. */
const PaymentAuthorised = z.object({
  version,
  ...orderKey,
  paymentIntentId: id,
  amount,
  currency,
});

const PaymentCaptured = z.object({
  version,
  ...orderKey,
  paymentIntentId: id,
  amount,
  currency,
});

const PaymentFailed = z.object({
  version,
  ...orderKey,
  paymentIntentId: id,
  declineCode: id,
});

const PaymentMethodUpdated = z.object({
  version,
  ...orderKey,
  paymentMethod: id,
});

const dispute = {
  ...orderKey,
  paymentIntentId: id,
  disputeId: id.meta({ description: "The payment provider's: unique over all orders" }),
};

/** The customer's bank has taken the money back, until it is decided whose it is. */
const ChargebackOpened = z.object({ version, ...dispute, amount, currency, reason: id });

const ChargebackClosed = z.object({ version, ...dispute, outcome: z.enum(['won', 'lost']) });

const ShipmentDispatched = z.object({
  version,
  ...orderKey,
  shipmentId: id,
  carrier: id,
});

const ShipmentDelivered = z.object({
  version,
  ...orderKey,
  shipmentId: id,
});

/** The carrier has given it up. */
const ShipmentLost = z.object({
  version,
  ...orderKey,
  shipmentId: id,
});

/** It came back to where it was sent from. */
const ShipmentReturned = z.object({
  version,
  ...orderKey,
  shipmentId: id,
});

const ReturnRequested = z.object({
  version,
  ...orderKey,
  returnId: id.meta({ description: 'Of whoever requests it: unique in the whole service' }),
  lines: orderPieces,
  reason: text,
  requestedBy: id,
});

const GoodsReceived = z.object({
  version,
  returnId: id.meta({ description: 'The return that the goods came for' }),
});

/** Fewer pieces are on sale than should be, or an order waits for some. */
const StockLow = z.object({ version, sku: id });

/** What was ordered from the supplier has come, whole or in part. */
const StockReceived = z.object({
  version,
  sku: id,
  supplierOrderId: id,
  quantity,
});

/** Every canonical event by type: who sends it and what its data must be. */
export const EVENTS = {
  OrderPlaced: { source: SOURCES.storefront, schema: OrderPlaced },
  OrderCancelled: { source: SOURCES.storefront, schema: OrderCancelled },
  PaymentAuthorised: { source: SOURCES.payments, schema: PaymentAuthorised },
  PaymentCaptured: { source: SOURCES.payments, schema: PaymentCaptured },
  PaymentFailed: { source: SOURCES.payments, schema: PaymentFailed },
  PaymentMethodUpdated: { source: SOURCES.payments, schema: PaymentMethodUpdated },
  ChargebackOpened: { source: SOURCES.payments, schema: ChargebackOpened },
  ChargebackClosed: { source: SOURCES.payments, schema: ChargebackClosed },
  ShipmentDispatched: { source: SOURCES.fulfilment, schema: ShipmentDispatched },
  ShipmentDelivered: { source: SOURCES.fulfilment, schema: ShipmentDelivered },
  ShipmentLost: { source: SOURCES.fulfilment, schema: ShipmentLost },
  ShipmentReturned: { source: SOURCES.fulfilment, schema: ShipmentReturned },
  ReturnRequested: { source: SOURCES.returns, schema: ReturnRequested },
  GoodsReceived: { source: SOURCES.fulfilment, schema: GoodsReceived },
  StockLow: { source: SOURCES.inventory, schema: StockLow },
  StockReceived: { source: SOURCES.inventory, schema: StockReceived },
} as const;

export type EventType = keyof typeof EVENTS;

/** The data of a canonical event. */
export type EventData<Type extends EventType> = z.infer<(typeof EVENTS)[Type]['schema']>;

/**
 * The JSON Schemas of the canonical events, generated from the same definitions: of what is sent, so fields that
 * nobody knows are let through as they are when it is read.
 */
export function eventJsonSchemas(
  target: 'draft-2020-12' | 'draft-4' = 'draft-2020-12',
): Record<EventType, z.core.JSONSchema.BaseSchema> {
  const entries = Object.entries(EVENTS).map(([type, { schema }]) => [
    type,
    z.toJSONSchema(schema, { target, io: 'input' }),
  ]);
  return Object.fromEntries(entries) as Record<EventType, z.core.JSONSchema.BaseSchema>;
}
