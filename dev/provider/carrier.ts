import { isDeepStrictEqual } from 'node:util';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { channel, id, linesOf, orderId } from '../../src/contracts/fields.ts';
import type { Ledger } from './ledger.ts';
import { partner, read, Refusal } from './partner.ts';

const Parcel = z.strictObject({
  channel,
  orderId,
  shipmentId: id,
  sellerId: id,
  pieces: linesOf(z.strictObject({ sku: id, quantity: z.int().min(1) })),
});
const Collection = z.strictObject({ reference: z.string() });

/** A parcel as the carrier knows it. */
export interface Shipment {
  readonly object: 'shipment';
  /** The reference that it was booked under. */
  readonly id: string;
  /** `cancelled`: it never left, and never will. `recalled`: cancelled after it had been collected. */
  readonly status: 'booked' | 'collected' | 'cancelled' | 'recalled';
  /** Null: cancelled before it was booked. */
  readonly parcel: z.infer<typeof Parcel> | null;
  /** Null as `parcel` is. */
  readonly label: { readonly carrier: string; readonly trackingNumber: string } | null;
}

/** Sellers whose IDs begin so are refused. */
const REFUSED = 'refused-';

/**
 * The carrier's sandbox, as src/activities/carrier.ts describes it: `PUT` and `DELETE /shipments/{reference}`. Its
 * state is in the ledger. Besides:
 *
 * - `GET /shipments`: every parcel, for the audit.
 * - `POST /sandbox/collections` with `reference`: the parcel is collected, so that a cancellation recalls it.
 * - `POST /sandbox/faults`: see partner.ts.
 */
export function carrierSandbox(ledger: Ledger): (sandbox: FastifyInstance) => Promise<void> {
  return async (sandbox) => {
    const answer = partner(sandbox);
    const keep = (shipment: Shipment): Shipment => {
      if (ledger.shipments.get(shipment.id) !== shipment) {
        ledger.append({ objects: [shipment], answer: null });
      }
      return shipment;
    };

    // The router takes no parameter of more than 100 characters, but a rest of any length.
    const path = '/shipments/*';
    type Call = { Params: { '*': string } };
    sandbox.put<Call>(path, ({ params: { '*': reference }, body }, reply) =>
      answer(reply, () => {
        const { status, label } = keep(booked(ledger, reference, read(Parcel, body)));
        return status === 'cancelled' ? { status } : { status: 'booked', ...label };
      }),
    );
    sandbox.delete<Call>(path, ({ params: { '*': reference } }, reply) =>
      answer(reply, () => {
        const { status } = keep(cancelled(ledger.shipments.get(reference), reference));
        return { status };
      }),
    );
    sandbox.get('/shipments', () => ({
      shipments: [...ledger.shipments.values()].map(shown),
    }));
    sandbox.post('/sandbox/collections', ({ body }) => {
      const { reference } = read(Collection, body);
      return shown(keep(collected(ledger.shipments.get(reference), reference)));
    });
  };
}

function booked(
  { shipments }: Ledger,
  reference: string,
  parcel: z.infer<typeof Parcel>,
): Shipment {
  const known = shipments.get(reference);
  if (known?.status === 'cancelled') return known;
  if (known) {
    if (isDeepStrictEqual(known.parcel, parcel)) return known;
    throw new Refusal(409, 'reference-reused', `${reference} was booked with other content`);
  }
  if (parcel.sellerId.startsWith(REFUSED)) {
    throw new Refusal(422, 'seller-refused', `nothing is carried for ${parcel.sellerId}`);
  }
  const label = { carrier: 'post', trackingNumber: trackingNumber(shipments.size) };
  return { object: 'shipment', id: reference, status: 'booked', parcel, label };
}

function cancelled(known: Shipment | undefined, reference: string): Shipment {
  switch (known?.status) {
    case undefined:
      return {
        object: 'shipment',
        id: reference,
        status: 'cancelled',
        parcel: null,
        label: null,
      };
    case 'booked':
      return { ...known, status: 'cancelled' };
    case 'collected':
      return { ...known, status: 'recalled' };
    case 'cancelled':
    case 'recalled':
      return known;
  }
}

function collected(known: Shipment | undefined, reference: string): Shipment {
  switch (known?.status) {
    case 'booked':
      return { ...known, status: 'collected' };
    case 'collected':
      return known;
    default: {
      const found = known?.status ?? 'unknown';
      throw new Refusal(
        409,
        'not-booked',
        `${reference}: expected a booked parcel, it is ${found}`,
      );
    }
  }
}

function shown({ id: reference, status, parcel, label }: Shipment) {
  return { reference, status, ...parcel, ...label };
}

/** A postal item's number as UPU S10 has it: service, serial number, check digit, country. One for each count. */
function trackingNumber(count: number): string {
  // A factor that has no divisor in common with 10: counts are scattered, and no two meet.
  const serial = String((count * 48_271_913 + 30_517_578) % 100_000_000).padStart(8, '0');
  const weights = [8, 6, 4, 2, 3, 5, 9, 7];
  const sum = weights.reduce((total, weight, index) => total + weight * Number(serial[index]), 0);
  const check = 11 - (sum % 11);
  return `CX${serial}${check === 10 ? 0 : check === 11 ? 5 : check}NO`;
}
