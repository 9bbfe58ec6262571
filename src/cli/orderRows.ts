import { createOrderStore } from '../api/orderStore.ts';
import type { OrderRow } from '../contracts/orders.ts';
import { createTables } from '../platform/aws.ts';
import { loadConfig } from '../platform/config.ts';
import { UserError } from '../platform/errors.ts';
import { orderName } from './orderIds.ts';

/** How a row is had that is missing, or cannot be read. */
export function reprojectHint(workflowId: string): string {
  return `\`waybill orders reproject ${orderName(workflowId)}\` rebuilds the row, if Temporal still has the order`;
}

/** An order's row, if it has one. @throws UserError where it does not say all that a row says today. */
export async function readRow(workflowId: string): Promise<OrderRow | undefined> {
  const store = createOrderStore({ table: createTables(), ...loadConfig('orders') });
  const row = await store.read(workflowId);
  // `npm start` finds what an earlier version left behind.
  if (row && (row.revision as unknown) === undefined) {
    throw new UserError(
      `the row of order ${orderName(workflowId)} is of an earlier version`,
      reprojectHint(workflowId),
    );
  }
  return row;
}
