import { createOrderStore } from '../api/orderStore.ts';
import { describeOrder } from '../console/orderView.ts';
import type { OrderRow } from '../contracts/orders.ts';
import { createTables } from '../platform/aws.ts';
import { loadConfig } from '../platform/config.ts';
import { UserError } from '../platform/errors.ts';
import { orderName, readOrderId } from './orderIds.ts';

/** Prints an order's row. @throws UserError when it has none. */
export async function runOrdersShow(id: string, { json }: { readonly json?: true }): Promise<void> {
  const workflowId = readOrderId(id);
  const row = await readRow(workflowId);
  console.log(json ? JSON.stringify(row, null, 2) : describeOrder(row));
}

async function readRow(workflowId: string): Promise<OrderRow> {
  const store = createOrderStore({ table: createTables(), ...loadConfig('orders') });
  const row = await store.read(workflowId);
  const name = orderName(workflowId);
  const hint = `\`waybill orders reproject ${name}\` rebuilds the row, if Temporal still has the order`;
  if (!row) throw new UserError(`there is no row of order ${name}`, hint);
  // `npm start` finds what an earlier version left behind.
  if ((row.revision as unknown) === undefined) {
    throw new UserError(`the row of order ${name} is of an earlier version`, hint);
  }
  return row;
}
