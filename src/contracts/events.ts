import { z } from 'zod';
import { CURRENCIES, MAX_AMOUNT } from '../domain/money.ts';

/** Who sends the canonical events: an EventBridge `source`, or `source` in a raw message. */
export const SOURCES = {
  storefront: 'waybill.storefront',
  payments: 'waybill.payments',
  fulfilment: 'waybill.fulfilment',
} as const;

/** What an ID may be: it becomes part of workflow IDs, keys and logs, so it is short and printable ASCII. */
const id = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/, {
    error: 'expected 1 to 128 characters of A-Z a-z 0-9 . _ -, the first a letter or digit',
  })
  .meta({ description: 'An ID: 1 to 128 characters of A-Z a-z 0-9 . _ -' });
const amount = z
  .int()
  .min(0)
  .max(MAX_AMOUNT)
  .meta({ description: 'Whole minor units (cents) of the currency' });
const currency = z
  .enum(CURRENCIES, { error: 'expected an active ISO 4217 code, in upper case' })
  .meta({ description: 'ISO 4217 code' });
const text = z
  .string()
  .min(1)
  .max(500)
  .regex(/^\P{Cs}*$/u, { error: 'expected well-formed Unicode, without half a surrogate pair' });
const version = z.literal(1).meta({ description: 'The version of this event type' });
const orderKey = {
  channel: id.meta({ description: 'Where the order was placed: a shop, a marketplace' }),
  orderId: id.meta({ description: 'Unique within the channel' }),
};

const order = {
  ...orderKey,
  customerId: id,
  currency,
  lines: z
    .array(
      z.object({
        sku: id,
        quantity: z.int().min(1).max(10_000),
        amount: amount.meta({ description: 'For the whole line, in minor units' }),
        sellerId: id,
      }),
    )
    .min(1)
    .max(50),
  paymentMethod: id
    .optional()
    .meta({ description: "The payment provider's token; not needed where the total is 0" }),
};

/** An order as a caller of the API places it. */
export const OrderRequest = z.object(order).superRefine(checkTotal);

export const OrderPlaced = z.object({ version, ...order }).superRefine(checkTotal);

const cancellation = { reason: text, requestedBy: id };

/** A cancellation as a caller of the API asks for it. */
export const CancellationRequest = z.object(cancellation);

const OrderCancelled = z.object({ version, ...orderKey, ...cancellation });

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

function checkTotal(
  placed: { lines: readonly { amount: number }[]; paymentMethod?: string | undefined },
  context: z.RefinementCtx,
): void {
  const total = placed.lines.reduce((sum, line) => sum + line.amount, 0);
  if (total > MAX_AMOUNT) {
    context.addIssue({
      code: 'custom',
      path: ['lines'],
      message: `Too big: expected a total of at most ${MAX_AMOUNT} minor units, received ${total}`,
    });
  }
  if (total > 0 && placed.paymentMethod === undefined) {
    context.addIssue({
      code: 'custom',
      path: ['paymentMethod'],
      message:
        'Invalid input: expected a payment method, as the total is not 0, received undefined',
    });
  }
}

/** Every canonical event by type: who sends it and what its data must be. */
export const EVENTS = {
  OrderPlaced: { source: SOURCES.storefront, schema: OrderPlaced },
  OrderCancelled: { source: SOURCES.storefront, schema: OrderCancelled },
  PaymentCaptured: { source: SOURCES.payments, schema: PaymentCaptured },
  PaymentFailed: { source: SOURCES.payments, schema: PaymentFailed },
  PaymentMethodUpdated: { source: SOURCES.payments, schema: PaymentMethodUpdated },
  ShipmentDispatched: { source: SOURCES.fulfilment, schema: ShipmentDispatched },
  ShipmentDelivered: { source: SOURCES.fulfilment, schema: ShipmentDelivered },
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
