import { z } from 'zod';
import {
  amount,
  channel,
  checkTotal,
  currency,
  id,
  orderContent,
  orderId,
  text,
} from './fields.ts';

/** Who sends the canonical events: an EventBridge `source`, or `source` in a raw message. */
export const SOURCES = {
  storefront: 'waybill.storefront',
  payments: 'waybill.payments',
  fulfilment: 'waybill.fulfilment',
} as const;

const version = z.literal(1).meta({ description: 'The version of this event type' });
const orderKey = { channel, orderId };

export const OrderPlaced = z
  .object({ version, ...orderKey, ...orderContent })
  .superRefine(checkTotal);

const OrderCancelled = z.object({ version, ...orderKey, reason: text, requestedBy: id });

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

const GoodsReceived = z.object({
  version,
  returnId: id.meta({ description: 'The return that the goods came for' }),
});

/** Every canonical event by type: who sends it and what its data must be. */
export const EVENTS = {
  OrderPlaced: { source: SOURCES.storefront, schema: OrderPlaced },
  OrderCancelled: { source: SOURCES.storefront, schema: OrderCancelled },
  PaymentCaptured: { source: SOURCES.payments, schema: PaymentCaptured },
  PaymentFailed: { source: SOURCES.payments, schema: PaymentFailed },
  PaymentMethodUpdated: { source: SOURCES.payments, schema: PaymentMethodUpdated },
  ShipmentDispatched: { source: SOURCES.fulfilment, schema: ShipmentDispatched },
  ShipmentDelivered: { source: SOURCES.fulfilment, schema: ShipmentDelivered },
  GoodsReceived: { source: SOURCES.fulfilment, schema: GoodsReceived },
} as const;

export type EventType = keyof typeof EVENTS;

/** The data of a canonical event. */
export type EventData<Type extends EventType> = z.infer<(typeof EVENTS)[Type]['schema']>;

/** The JSON Schemas (draft 2020-12) of the canonical events, generated from the same definitions. */
export function eventJsonSchemas(): Record<EventType, object> {
  const entries = Object.entries(EVENTS).map(([type, { schema }]) => [
    type,
    z.toJSONSchema(schema, { target: 'draft-2020-12' }),
  ]);
  return Object.fromEntries(entries) as Record<EventType, object>;
}
