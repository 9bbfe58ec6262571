import { ApplicationFailure } from '@temporalio/common';
import { z } from 'zod';
import type { CarrierActivities, ParcelRequest } from '../contracts/activities.ts';
import { id, ID_PATTERN } from '../contracts/fields.ts';
import type { OrderKey } from '../contracts/orders.ts';
import { createJsonService, RefusedError } from './jsonService.ts';

export interface CarrierActivitiesOptions {
  /** Of the carrier, without a slash at its end. */
  readonly url: string;
  /** How long one call may take, in milliseconds: less than one try of the activity, which is 20 s. Default 10,000. */
  readonly timeoutMs?: number;
}

/** The label's fields go into the order's row and are compared with what events name: IDs, like theirs. */
const Booking = z.discriminatedUnion('status', [
  z.object({ status: z.literal('booked'), carrier: id, trackingNumber: id }),
  z.object({ status: z.literal('cancelled') }),
]);
const Cancellation = z.object({ status: z.enum(['cancelled', 'recalled']) });

/**
 * The carrier over HTTP, in JSON. A parcel's reference is `{orderKey}:{shipmentId}`, such as `order:web:42:1`: the
 * idempotency key of all that is asked about it, the same on every try and every worker.
 *
 * `PUT {url}/shipments/{reference}` with `channel`, `orderId`, `shipmentId`, `sellerId` and `pieces` (each a `sku` and
 * a `quantity`) books the parcel and has its label made. It answers 200 and `status`: `booked`, with `carrier` and
 * `trackingNumber`; the same content has the same label for ever, other content is refused with 409. Or `cancelled`,
 * where the parcel was cancelled before it had left, or before it was booked.
 *
 * `DELETE {url}/shipments/{reference}` cancels it and answers 200 and `status`: `cancelled`, where it had not been
 * collected yet, or was not known: then the reference is kept, so that a booking that comes late is answered
 * `cancelled`. Or `recalled`, where it had been collected: it keeps its label, and is brought back.
 *
 * A refusal for good is a 4xx (408 and 429 apart) with `code` (an ID) and `message`: it is thrown as not retryable, an
 * ApplicationFailure `ShipmentRefused` with the code as its only detail. Whatever else is thrown may be repeated.
 */
export function createCarrierActivities({
  url,
  timeoutMs = 10_000,
}: CarrierActivitiesOptions): CarrierActivities {
  const ask = createJsonService({ name: 'carrier', url, timeoutMs });

  return {
    async bookShipment({ sellerId, pieces, lines, ...parcel }) {
      const { order, path } = addressOf(parcel);
      const body = { ...order, shipmentId: parcel.shipmentId, sellerId, pieces };
      const booking = await ask({
        method: 'PUT',
        path,
        body,
        answer: Booking,
        wanted: 'booking',
      }).catch(refused);
      if (booking.status === 'cancelled') return { kind: 'cancelled' };
      const { carrier, trackingNumber } = booking;
      return { kind: 'booked', carrier, trackingNumber, ...(lines && { lines }) };
    },

    async cancelShipment(parcel) {
      const { path } = addressOf(parcel);
      const { status } = await ask({
        method: 'DELETE',
        path,
        answer: Cancellation,
        wanted: 'cancellation',
      }).catch(refused);
      return { kind: status };
    },
  };
}

const ORDER_KEY = new RegExp(`^order:(${ID_PATTERN}):(${ID_PATTERN})$`);

/** Under which order and reference the carrier knows a parcel. @throws ApplicationFailure `InvalidParcel`, for good. */
function addressOf({ orderKey, shipmentId }: ParcelRequest): {
  readonly order: OrderKey;
  readonly path: string;
} {
  const [, channel, orderId] = ORDER_KEY.exec(orderKey) ?? [];
  if (channel === undefined || orderId === undefined) {
    throw ApplicationFailure.nonRetryable(
      `orderKey: expected order:{channel}:{orderId}, received ${JSON.stringify(orderKey)}`,
      'InvalidParcel',
    );
  }
  const reference = encodeURIComponent(`${orderKey}:${shipmentId}`);
  return { order: { channel, orderId }, path: `/shipments/${reference}` };
}

function refused(error: unknown): never {
  if (!(error instanceof RefusedError)) throw error;
  throw ApplicationFailure.nonRetryable(error.message, 'ShipmentRefused', error.code);
}
