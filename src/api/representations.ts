import { z } from 'zod';
import type { OrderSummary } from '../contracts/indexes.ts';
import type { OrderRow } from '../contracts/orders.ts';
import type { ReturnRow } from '../contracts/returns.ts';
import type { TimelineEntry } from '../contracts/timeline.ts';
import type { OrderState } from '../domain/order.ts';
import type { ReturnState } from '../domain/return.ts';
import type { ShipmentStatus } from '../domain/shipment.ts';
import { ownLines, type Caller } from './caller.ts';

export const ORDER_STATES = [
  'received',
  'screening',
  'on-review',
  'reserving',
  'awaiting-payment',
  'paid',
  'fulfilling',
  'shipped',
  'delivered',
  'closed',
  'rejected',
  'cancelled',
  'refunded',
  'duplicate',
  'needs-operator',
] as const satisfies readonly OrderState[];

export const RETURN_STATES = [
  'requested',
  'awaiting-goods',
  'inspecting',
  'refunding',
  'refunded',
  'refused',
  'rejected',
  'expired',
  'needs-operator',
] as const satisfies readonly ReturnState[];

const WAITING_FOR = [
  'review',
  'stock',
  'payment-method',
  'authentication',
  'dispatch',
  'delivery',
  'parcel',
  'operator',
] as const satisfies readonly OrderRow['waitingFor'][];

const SHIPMENT_STATUSES = [
  'planned',
  'booked',
  'dispatched',
  'delivered',
  'cancelled',
  'recalled',
  'returned',
  'lost',
  'replaced',
  'refunded',
] as const satisfies readonly ShipmentStatus[];

const HIDDEN = 'Not shown to sellers';
const moment = z.iso.datetime().meta({ description: 'In UTC' });
const minorUnits = z.int().meta({ description: 'Minor units (cents) of the currency' });
const money = z.object({ amount: minorUnits, currency: z.string() });
const requestedBy = z.string().nullable().meta({ description: 'Null for sellers' });

const Entry = z
  .object({
    n: z.int().meta({ description: 'From 1, without gaps but for what sellers are not shown' }),
    at: moment,
    kind: z.enum(['state', 'event', 'command', 'step']),
    name: z.string(),
    outcome: z.string().nullable(),
    reason: z.string().nullable(),
    by: z.string().nullable(),
    took: z.number().nullable().meta({ description: 'Milliseconds' }),
  })
  .meta({ id: 'TimelineEntry' });

const summary = {
  id: z.string().meta({ description: '{channel}:{orderId}' }),
  workflowId: z.string(),
  channel: z.string(),
  orderId: z.string(),
  state: z.enum(ORDER_STATES),
  waitingFor: z.enum(WAITING_FOR).nullable(),
  placedAt: moment,
  reason: z
    .string()
    .nullable()
    .optional()
    .meta({ description: `A code. ${HIDDEN}` }),
  customerId: z.string().optional().meta({ description: HIDDEN }),
  total: money.optional().meta({ description: `Of all lines, also cancelled ones. ${HIDDEN}` }),
};

export const OrderSummaryBody = z.object(summary).meta({ id: 'OrderSummary' });

export const OrderListBody = z
  .object({
    orders: z.array(OrderSummaryBody).meta({ description: 'Newest first' }),
    cursor: z
      .string()
      .nullable()
      .meta({ description: 'Of the next page, which may be empty; null after the last' }),
  })
  .meta({ id: 'OrderList' });

export const OrderBody = z
  .object({
    ...summary,
    version: z.int().meta({ description: 'Grows with each change of state' }),
    currency: z.string(),
    lines: z
      .array(
        z.object({
          line: z.int().meta({ description: 'From 1' }),
          sku: z.string(),
          quantity: z.int(),
          amount: minorUnits,
          sellerId: z.string(),
          cancelled: z.boolean(),
        }),
      )
      .meta({ description: 'For sellers, their own lines; a line keeps its number' }),
    payment: z
      .object({
        status: z.enum([
          'not-needed',
          'open',
          'in-flight',
          'declined',
          'requires-action',
          'authorised',
          'captured',
          'returned',
        ]),
        declineCode: z.string().nullable(),
        methodUntil: moment.nullable(),
        captured: minorUnits,
        refunded: minorUnits,
      })
      .optional()
      .meta({ description: HIDDEN }),
    review: z
      .object({ decision: z.enum(['approve', 'reject']), reason: z.string(), requestedBy })
      .nullable()
      .optional()
      .meta({ description: HIDDEN }),
    cancellation: z.object({ reason: z.string(), requestedBy }).nullable(),
    shipments: z
      .array(
        z.object({
          id: z.string().meta({ description: 'Unique within the order' }),
          status: z.enum(SHIPMENT_STATUSES),
          sellerId: z.string().nullable(),
          lines: z.array(z.int()).meta({ description: 'The numbers of the lines that it holds' }),
          carrier: z.string().nullable(),
          trackingNumber: z.string().nullable(),
          replaces: z
            .string()
            .nullable()
            .meta({ description: 'The lost one that it stands in for' }),
        }),
      )
      .meta({ description: 'For sellers, their own' }),
    timeline: z.array(Entry).meta({
      description: 'The last 100 entries, oldest first; for sellers, states and events alone',
    }),
  })
  .meta({ id: 'Order' });

const pieces = z.array(z.object({ line: z.int(), quantity: z.int() }));

export const ReturnBody = z
  .object({
    id: z.string(),
    workflowId: z.string(),
    order: z.string().meta({ description: 'The order: {channel}:{orderId}' }),
    state: z.enum(RETURN_STATES),
    waitingFor: z.enum(['goods', 'inspection', 'operator']).nullable(),
    reason: z.string().nullable().meta({ description: 'A code' }),
    currency: z.string().nullable(),
    lines: z
      .array(
        z.object({
          line: z.int(),
          quantity: z.int(),
          sku: z.string(),
          sellerId: z.string(),
          amount: minorUnits,
        }),
      )
      .meta({ description: 'For sellers, their own; empty until the order has been looked at' }),
    accepted: pieces.nullable().meta({ description: 'What the inspection accepted' }),
    refund: money.nullable().optional().meta({ description: HIDDEN }),
    requestedAt: moment,
    goodsUntil: moment.nullable(),
    timeline: z.array(Entry),
  })
  .meta({ id: 'Return' });

export const ReturnListBody = z.object({ returns: z.array(ReturnBody) }).meta({ id: 'ReturnList' });

/** An order's ID in the API. */
export function orderIdOf({ channel, orderId }: Pick<OrderRow, 'channel' | 'orderId'>): string {
  return `${channel}:${orderId}`;
}

export function summaryFor(caller: Caller, row: OrderSummary): z.infer<typeof OrderSummaryBody> {
  const { workflowId, channel, orderId, state, waitingFor, placedAt } = row;
  const { reason, customerId, total } = row;
  return {
    id: orderIdOf(row),
    workflowId,
    channel,
    orderId,
    state,
    waitingFor,
    placedAt,
    ...(caller.role !== 'seller' && { reason, customerId, total }),
  };
}

/** What the caller may see of an order that it has to do with. */
export function orderFor(caller: Caller, row: OrderRow): z.infer<typeof OrderBody> {
  const { payment, review, cancellation } = row;
  const own = new Set(ownLines(caller, row));
  const cancelled = new Set(row.cancelledLines.map(({ line }) => line));
  return {
    ...summaryFor(caller, row),
    version: row.version,
    currency: row.total.currency,
    lines: row.lines
      .map((line, index) => ({ line: index + 1, ...line, cancelled: cancelled.has(index + 1) }))
      .filter(({ line }) => own.has(line)),
    cancellation: cancellation && {
      reason: cancellation.reason,
      requestedBy: caller.role === 'seller' ? null : cancellation.requestedBy,
    },
    shipments: row.shipments
      .filter(
        ({ sellerId }) =>
          caller.role !== 'seller' || sellerId === null || sellerId === caller.sellerId,
      )
      .map(({ shipmentId, lines, ...rest }) => ({ id: shipmentId, lines: [...lines], ...rest })),
    timeline: timelineFor(caller, row.timeline),
    ...(caller.role !== 'seller' && {
      review,
      payment: {
        status: payment.status,
        declineCode: payment.declineCode,
        methodUntil:
          payment.methodUntil === null ? null : new Date(payment.methodUntil).toISOString(),
        captured: payment.captured,
        refunded: payment.refunded,
      },
    }),
  };
}

/** What the caller may see of a return of an order that it has to do with. */
export function returnFor(caller: Caller, row: ReturnRow): z.infer<typeof ReturnBody> {
  const own = (sellerId: string) => caller.role !== 'seller' || caller.sellerId === sellerId;
  const lines = row.lines.filter(({ sellerId }) => own(sellerId));
  const numbers = new Set(lines.map(({ line }) => line));
  return {
    id: row.returnId,
    workflowId: row.workflowId,
    order: orderIdOf(row),
    state: row.state,
    waitingFor: row.waitingFor,
    reason: row.reason,
    currency: row.currency,
    lines: [...lines],
    accepted: row.accepted?.filter(({ line }) => numbers.has(line)) ?? null,
    requestedAt: row.requestedAt,
    goodsUntil: row.goodsUntil,
    timeline: timelineFor(caller, row.timeline),
    ...(caller.role !== 'seller' && { refund: row.refund }),
  };
}

/** Sellers learn what becomes of an order and of its parcels, but neither who decided it nor how it is paid. */
export function timelineFor(caller: Caller, timeline: readonly TimelineEntry[]): TimelineEntry[] {
  if (caller.role !== 'seller') return [...timeline];
  return timeline
    .filter(
      ({ kind, name }) => kind === 'state' || (kind === 'event' && !name.startsWith('Payment')),
    )
    .map((entry) => ({ ...entry, reason: null, by: null }));
}
