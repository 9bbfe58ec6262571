import { GetCommand, QueryCommand } from '@aws-sdk/lib-dynamodb';
import { RETURNS_BY_ORDER } from '../contracts/indexes.ts';
import { storedRow } from '../contracts/orderItems.ts';
import type { OrderRow } from '../contracts/orders.ts';
import { returnWorkflowId, type ReturnRow } from '../contracts/returns.ts';
import { listOrders, type OrderList, type OrderListTables, type OrderPage } from './orderList.ts';

export interface OrderStoreOptions extends Omit<OrderListTables, 'timeoutMs'> {
  readonly returnsTable: string;
  /** How long one read may take, in milliseconds. Default 5,000. */
  readonly timeoutMs?: number;
}

/** Reads what the order service has stored. */
export interface OrderStore {
  /** @param orderKey - the workflow ID. */
  read(orderKey: string): Promise<OrderRow | undefined>;
  readReturn(returnId: string): Promise<ReturnRow | undefined>;
  /** The last 100 returns of an order, newest first. @param orderKey - the workflow ID. */
  listReturns(orderKey: string): Promise<readonly ReturnRow[]>;
  /** @throws InvalidCursorError when the cursor is none, or was made for other filters. */
  list(list: OrderList): Promise<OrderPage>;
}

/** How many returns of one order are listed. */
const RETURNS = 100;

/** Reads the tables by their keys and indexes alone, never by a scan. */
export function createOrderStore({
  returnsTable,
  timeoutMs = 5_000,
  ...options
}: OrderStoreOptions): OrderStore {
  const { table, ordersTable } = options;
  const inTime = () => ({ abortSignal: AbortSignal.timeout(timeoutMs) });

  async function get(TableName: string, Key: Record<string, string>): Promise<object | undefined> {
    // Consistent: who has just been told of a decision sees it.
    const read = new GetCommand({ TableName, Key, ConsistentRead: true });
    return (await table.send(read, inTime())).Item;
  }

  return {
    async read(orderKey) {
      const item = await get(ordersTable, { orderKey });
      return item && storedRow(item);
    },
    async readReturn(returnId) {
      const returnKey = returnWorkflowId(returnId);
      return (await get(returnsTable, { returnKey })) as ReturnRow | undefined;
    },
    async listReturns(orderKey) {
      const { Items = [] } = await table.send(
        new QueryCommand({
          TableName: returnsTable,
          IndexName: RETURNS_BY_ORDER,
          KeyConditionExpression: 'orderKey = :orderKey',
          ExpressionAttributeValues: { ':orderKey': orderKey },
          ScanIndexForward: false,
          Limit: RETURNS,
        }),
        inTime(),
      );
      return Items as ReturnRow[];
    },
    list: (list) => listOrders({ ...options, timeoutMs }, list),
  };
}
