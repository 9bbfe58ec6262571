import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { id } from '../../src/contracts/fields.ts';
import type { Ledger } from './ledger.ts';
import { partner, read, Refusal } from './partner.ts';

const Content = z.strictObject({ sku: id, quantity: z.int().min(1) });

/** Pieces that were ordered. */
export interface SupplierOrder {
  readonly object: 'supplier_order';
  /** The reference that they were ordered under. */
  readonly id: string;
  /** The supplier's own. */
  readonly supplierOrderId: string;
  readonly sku: string;
  readonly quantity: number;
}

/**
 * The supplier's sandbox, as src/activities/supplier.ts describes it: `PUT /orders/{reference}`. Its state is in the
 * ledger. `GET /orders` lists every order for the audit; for `POST /sandbox/faults` see partner.ts.
 */
export function supplierSandbox(ledger: Ledger): (sandbox: FastifyInstance) => Promise<void> {
  return async (sandbox) => {
    const answer = partner(sandbox);

    // The router takes no parameter of more than 100 characters, but a rest of any length.
    sandbox.put<{ Params: { '*': string } }>('/orders/*', ({ params, body }, reply) =>
      answer(reply, () => {
        const { supplierOrderId } = ordered(ledger, params['*'], read(Content, body));
        return { supplierOrderId };
      }),
    );
    sandbox.get('/orders', () => ({
      orders: [...ledger.supplierOrders.values()].map(
        ({ id: reference, supplierOrderId, sku, quantity }) => ({
          reference,
          supplierOrderId,
          sku,
          quantity,
        }),
      ),
    }));
  };
}

function ordered(
  ledger: Ledger,
  reference: string,
  { sku, quantity }: z.infer<typeof Content>,
): SupplierOrder {
  const known = ledger.supplierOrders.get(reference);
  if (known) {
    if (known.sku === sku && known.quantity === quantity) return known;
    throw new Refusal(409, 'reference-reused', `${reference} was ordered with other content`);
  }
  const supplierOrderId = `SO-${String(ledger.supplierOrders.size + 1).padStart(6, '0')}`;
  const order: SupplierOrder = {
    object: 'supplier_order',
    id: reference,
    supplierOrderId,
    sku,
    quantity,
  };
  ledger.append({ objects: [order], answer: null });
  return order;
}
