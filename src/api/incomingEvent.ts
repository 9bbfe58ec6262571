import { z } from 'zod';
import { id } from '../contracts/fields.ts';
import { orderWorkflowId } from '../contracts/orders.ts';

/** What is read of an event before it is put into a queue: what decides which one, and its place there. */
export interface EventNames {
  readonly source: string;
  /** Null where it has none of its own. */
  readonly eventId: string | null;
  /** Of the order that its data names; null where it names none. */
  readonly orderKey: string | null;
  /** The seller that its data names, or that of the first line; null where it names none. */
  readonly sellerId: string | null;
}

const name = z.string().regex(/^[^\p{Cc}\p{Cs}]{1,256}$/u, {
  error: 'expected 1 to 256 characters, none of them a control character',
});
const eventId = z
  .string()
  .regex(/^[\x21-\x7e]{1,256}$/, { error: 'expected 1 to 256 visible ASCII characters' })
  .optional();
const content = z.record(z.string(), z.unknown());
const sellerIn = z.looseObject({ sellerId: id }).transform(({ sellerId }) => sellerId);

/** As EventBridge sends it: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-events-structure.html */
export const EventBridgeEvent = z
  .looseObject({
    source: name,
    'detail-type': name.meta({ description: "The event's type" }),
    id: eventId,
    detail: content.meta({ description: 'The data; its `eventId`, if it has one, is the ID' }),
  })
  .meta({ id: 'EventBridgeEvent' });

export const PlainEvent = z
  .looseObject({ source: name, type: name, eventId, data: content })
  // Whatever has both is taken for one of EventBridge.
  .meta({ id: 'Event', not: { required: ['detail-type', 'detail'] } });

export type IncomingEvent = z.infer<typeof EventBridgeEvent> | z.infer<typeof PlainEvent>;

/** As the bridge tells them apart. */
export function isEventBridge(value: unknown): value is z.infer<typeof EventBridgeEvent> {
  const has = (key: string) =>
    typeof value === 'object' && value !== null && Object.hasOwn(value, key);
  return has('detail-type') && has('detail');
}

export function namesOf(event: IncomingEvent): EventNames {
  const [data, outerId] = isEventBridge(event)
    ? [event.detail, event.id]
    : [event.data, event.eventId];
  const ownId = isEventBridge(event) ? eventId.safeParse(event.detail['eventId']).data : undefined;
  return {
    source: event.source,
    eventId: ownId ?? outerId ?? null,
    orderKey: orderKeyOf(data),
    sellerId: sellerIn.safeParse(data).data ?? sellerIn.safeParse(firstLine(data)).data ?? null,
  };
}

/** The names of what another message carries; null where it is not an event in one of these two forms. */
export function namesWithin(value: unknown): EventNames | null {
  const { data } = (isEventBridge(value) ? EventBridgeEvent : PlainEvent).safeParse(value);
  return data ? namesOf(data) : null;
}

function firstLine({ lines }: Readonly<Record<string, unknown>>): unknown {
  return Array.isArray(lines) ? lines[0] : undefined;
}

function orderKeyOf({ channel, orderId }: Readonly<Record<string, unknown>>): string | null {
  const isNamed = typeof channel === 'string' && typeof orderId === 'string';
  return isNamed ? orderWorkflowId({ channel, orderId }) : null;
}
