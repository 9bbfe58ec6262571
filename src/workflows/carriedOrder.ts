import type { Order } from '../domain/order.ts';
import { shipmentsOf, type OlderShipments } from '../domain/shipment.ts';

/**
 * What orders lacked in runs that began before lines could be cancelled, or orders be reviewed; and what they had, where
 * nothing but its status was known of a parcel.
 */
type Older = Omit<Order, 'cancelledLines' | 'review' | 'payment' | 'shipments'> & {
  readonly cancelledLines?: Order['cancelledLines'];
  readonly review?: Order['review'];
  readonly shipments: Order['shipments'] | OlderShipments;
  readonly payment: Omit<Order['payment'], 'captured'> & { readonly captured?: number };
};

/** An order as a run before this one carried it, whichever version of this code that was. */
export function carriedOrder(older: Older): Order {
  const { payment, total } = older;
  return {
    ...older,
    cancelledLines: older.cancelledLines ?? [],
    review: older.review ?? null,
    shipments: shipmentsOf(older.shipments),
    payment: {
      ...payment,
      // Captured was the whole; and what was returned after its capture, was refunded whole.
      captured:
        payment.captured ?? (payment.status === 'captured' ? total.amount : payment.refunded),
    },
  };
}
