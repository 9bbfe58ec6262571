import { z } from 'zod';
import type { RestockActivities } from '../contracts/activities.ts';
import { id } from '../contracts/fields.ts';
import { createJsonService } from './jsonService.ts';

export interface SupplierOptions {
  /** Of the supplier, without a slash at its end. */
  readonly url: string;
  /** How long one call may take, in milliseconds: less than one try of the activity, which is 20 s. Default 10,000. */
  readonly timeoutMs?: number;
}

/** `StockReceived` names it when the pieces come: what cannot stand in an event would never be met again. */
const Accepted = z.object({ supplierOrderId: id });

/**
 * The supplier over HTTP, in JSON. `PUT {url}/orders/{reference}` with `sku` and `quantity` orders pieces and answers
 * 200 and `supplierOrderId`: the same content has the same answer for ever, other content is refused with 409.
 *
 * Whatever is thrown may be repeated, a refusal too: a SKU is wanted for as long as it is sold, so its restocking
 * waits until somebody has mended what the supplier objects to.
 */
export function createSupplier({
  url,
  timeoutMs = 10_000,
}: SupplierOptions): Pick<RestockActivities, 'orderFromSupplier'> {
  const ask = createJsonService({ name: 'supplier', url, timeoutMs });
  return {
    orderFromSupplier: ({ reference, sku, quantity }) =>
      ask({
        method: 'PUT',
        path: `/orders/${encodeURIComponent(reference)}`,
        body: { sku, quantity },
        answer: Accepted,
        wanted: 'order',
      }),
  };
}
