import { describeOrder } from '../console/orderView.ts';
import { UserError } from '../platform/errors.ts';
import { orderName, readOrderId } from './orderIds.ts';
import { readRow, reprojectHint } from './orderRows.ts';

/** Prints an order's row. @throws UserError when it has none. */
export async function runOrdersShow(id: string, { json }: { readonly json?: true }): Promise<void> {
  const workflowId = readOrderId(id);
  const row = await readRow(workflowId);
  if (!row) {
    const what = `there is no row of order ${orderName(workflowId)}`;
    throw new UserError(what, reprojectHint(workflowId));
  }
  console.log(json ? JSON.stringify(row, null, 2) : describeOrder(row));
}
