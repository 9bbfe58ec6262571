import type { OrderRow } from '../../src/contracts/orders.ts';
import { linesLeft } from '../../src/domain/lines.ts';
import { isEnd, piecesBySku } from '../../src/domain/order.ts';
import type { Shipment, ShipmentStatus } from '../../src/domain/shipment.ts';

/** A parcel as the carrier has it; null where one was cancelled before it was booked. */
export interface CarriedParcel {
  readonly reference: string;
  readonly status: 'booked' | 'collected' | 'cancelled' | 'recalled';
  readonly pieces?: readonly { readonly sku: string; readonly quantity: number }[];
}

/** Reads every parcel from the carrier. @param provider - the URL of the sandboxes. */
export async function readParcels(provider: string): Promise<readonly CarriedParcel[]> {
  const response = await fetch(`${provider}/carrier/shipments`);
  if (!response.ok) throw new Error(`the carrier answered ${response.status}`);
  return ((await response.json()) as { readonly shipments: readonly CarriedParcel[] }).shipments;
}

/**
 * Which orders that have ended have other pieces with the carrier than they sold: one that was delivered all that is
 * left of it, once, any other none. Parcels that were called back do not count. Orders with a parcel that was lost, or
 * booked by hand, are left out: what was sent of those the carrier alone does not know.
 */
export function misSent(
  rows: readonly OrderRow[],
  parcels: readonly CarriedParcel[],
): readonly string[] {
  const standing = parcels.filter(({ status }) => status === 'booked' || status === 'collected');
  const byOrder = Map.groupBy(standing, ({ reference }) =>
    reference.slice(0, reference.lastIndexOf(':')),
  );
  const known = new Set(rows.map(({ workflowId }) => workflowId));
  return [
    ...rows.filter(isKnownWhole).flatMap(({ workflowId, state, lines, cancelledLines }) => {
      const sold = state === 'closed' ? linesLeft(lines, cancelledLines) : [];
      const sent = (byOrder.get(workflowId) ?? []).flatMap(({ pieces = [] }) => pieces);
      const [is, expected] = [textOf(sent), textOf(sold)];
      return is === expected ? [] : [`${workflowId}: the carrier has ${is}, expected ${expected}`];
    }),
    ...[...byOrder.keys()].flatMap((key) =>
      known.has(key) ? [] : [`${key}: the carrier has a parcel of it, and there is no such order`],
    ),
  ];
}

const LOST: readonly ShipmentStatus[] = ['lost', 'replaced', 'refunded'];

function isKnownWhole({ state, shipments }: OrderRow): boolean {
  const isByHand = ({ status, carrier }: Shipment) => status === 'delivered' && carrier === null;
  return isEnd(state) && !shipments.some((one) => LOST.includes(one.status) || isByHand(one));
}

function textOf(pieces: Parameters<typeof piecesBySku>[0]): string {
  const sums = piecesBySku(pieces).map(({ sku, quantity }) => `${quantity} ${sku}`);
  return sums.toSorted().join(', ') || 'nothing';
}
