import { GetCommand, PutCommand } from '@aws-sdk/lib-dynamodb';
import type { WorkflowHandleWithStartDetails } from '@temporalio/client';
import { orderWorkflowId, type OrderKey, type OrderRow } from '../../src/contracts/orders.ts';
import {
  returnQuery,
  returnWorkflow,
  returnWorkflowId,
  type CarriedReturn,
  type InspectionRequest,
  type ReturnedPieces,
  type ReturnInput,
  type ReturnResult,
  type ReturnRow,
} from '../../src/contracts/returns.ts';
import type { InboxEvent } from '../../src/contracts/inbox.ts';
import { openOrder, totalOf, type OrderLine } from '../../src/domain/order.ts';
import { DEFAULT_RETURN_POLICY, type ReturnPolicy } from '../../src/domain/policy.ts';
import { startOrderService } from './orderService.ts';
import { eventually, uniqueId } from './servers.ts';

export type ReturnHandle = WorkflowHandleWithStartDetails<
  (input: ReturnInput) => Promise<ReturnResult>
>;

/** Three mugs for 10.00 and two caps, which were free. */
const LINES: readonly OrderLine[] = [
  { sku: 'mug', quantity: 3, amount: 1_000, sellerId: 'seller-1' },
  { sku: 'cap', quantity: 2, amount: 0, sellerId: 'seller-2' },
];

/** The order service, with orders that were delivered and are returned. */
export async function startReturnService() {
  const service = await startOrderService();
  await service.startPayments();
  const { client, table, outputs, payments } = service;

  return {
    ...service,

    /** An order that was paid and delivered, as it is stored. */
    async delivered(lines = LINES): Promise<OrderKey> {
      const order = { channel: 'web', orderId: uniqueId('order') };
      const orderKey = orderWorkflowId(order);
      const money = totalOf(lines, 'USD');
      if (money.amount > 0) {
        const method = 'pm_card_visa';
        await payments.authorisePayment({ orderKey, money, method, attempt: 1 });
        await payments.capturePayment({ orderKey, money });
      }
      const row: OrderRow = {
        ...openOrder(money, null),
        ...order,
        workflowId: orderKey,
        version: 8,
        revision: 20,
        claimedBy: 'a-run',
        state: 'closed',
        reason: null,
        customerId: 'customer-1',
        placedAt: new Date().toISOString(),
        lines,
        timeline: [],
      };
      const Item = { orderKey, ...row };
      await table.send(new PutCommand({ TableName: outputs.OrdersTable, Item }));
      return order;
    },

    async request(
      order: OrderKey,
      lines: readonly ReturnedPieces[],
      policy: Partial<ReturnPolicy> = {},
      carried?: CarriedReturn,
    ): Promise<ReturnHandle> {
      const returnId = carried?.row.returnId ?? uniqueId('return');
      const input: ReturnInput = {
        returnId,
        order,
        request: { lines, reason: 'too-small', requestedBy: 'customer:customer-1' },
        policy: { ...DEFAULT_RETURN_POLICY, ...policy },
        ...(carried && { carried }),
      };
      const handle = await client.workflow.start(returnWorkflow.workflowType, {
        taskQueue: returnWorkflow.taskQueue,
        workflowId: returnWorkflowId(returnId),
        args: [input],
      });
      return handle as ReturnHandle;
    },

    /** Waits until the return waits for this. */
    async untilWaiting(
      handle: ReturnHandle,
      waitingFor: NonNullable<ReturnRow['waitingFor']>,
    ): Promise<ReturnRow> {
      return await eventually(async () => {
        const row = await handle.query(returnQuery);
        return row.waitingFor === waitingFor && row;
      });
    },

    /** The return's row as it is stored. */
    async stored({ workflowId }: ReturnHandle): Promise<ReturnRow> {
      const command = new GetCommand({
        TableName: outputs.ReturnsTable,
        Key: { returnKey: workflowId },
        ConsistentRead: true,
      });
      return (await table.send(command)).Item as ReturnRow;
    },
  };
}

export type ReturnService = Awaited<ReturnType<typeof startReturnService>>;

/** The news that a return's goods came. */
export function goodsReceived({ workflowId }: ReturnHandle): InboxEvent {
  const returnId = workflowId.slice(returnWorkflowId('').length);
  return { id: uniqueId('goods'), type: 'GoodsReceived', data: { version: 1, returnId } };
}

/** An inspection that accepts so many pieces of each line. */
export function inspection(...accepted: readonly ReturnedPieces[]): InspectionRequest {
  return { accepted, reason: 'as-described', requestedBy: 'staff:ana' };
}
