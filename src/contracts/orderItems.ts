import { shipmentsOf } from '../domain/shipment.ts';
import type { OrderRow } from './orders.ts';

/** An order's item in the orders table: its row under its key, with what the indexes need besides. */
export interface OrderItem extends OrderRow {
  /** The workflow ID. */
  readonly orderKey: string;
  /** The day of `placedAt`, as YYYY-MM-DD in UTC. */
  readonly placedOn: string;
}

export function orderItem(row: OrderRow): OrderItem {
  const placedOn = new Date(row.placedAt).toISOString().slice(0, 'YYYY-MM-DD'.length);
  return { orderKey: row.workflowId, ...row, placedOn };
}

/** An order's row as it is stored, whichever version of this code that was. */
export function storedRow(item: object): OrderRow {
  const row = item as OrderRow;
  return { ...row, shipments: shipmentsOf(row.shipments ?? []) };
}

/** An order's item in the sellers table, by which the orders of one seller are listed. It never changes. */
export interface SellerItem {
  readonly sellerId: string;
  /** `{placedAt}#{workflow ID}`: the sort key. */
  readonly placed: string;
  readonly orderKey: string;
}

/** One for each seller of the order's lines. */
export function sellerItems({ lines, placedAt, workflowId }: OrderRow): readonly SellerItem[] {
  const sellers = new Set(lines.map(({ sellerId }) => sellerId));
  return [...sellers].map((sellerId) => ({
    sellerId,
    placed: `${placedAt}#${workflowId}`,
    orderKey: workflowId,
  }));
}
