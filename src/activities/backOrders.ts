import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import type { BackOrderActivities } from '../contracts/activities.ts';
import { backOrderQueue } from './backOrderQueue.ts';
import type { LowStock } from './lowStock.ts';

export interface BackOrderActivitiesOptions {
  readonly table: DynamoDBDocumentClient;
  /** PK `sku`, SK `place`. */
  readonly backOrdersTable: string;
  readonly lowStock: Pick<LowStock, 'tell'>;
}

/** Joining the queues of back-orders. Whatever is thrown may be repeated, and keeps the places that there are. */
export function createBackOrderActivities({
  table,
  backOrdersTable,
  lowStock,
}: BackOrderActivitiesOptions): BackOrderActivities {
  const queue = backOrderQueue(table, backOrdersTable);

  return {
    async joinBackOrders({ orderKey, pieces, skus, dropped }) {
      if (dropped) {
        for (const sku of dropped) await queue.leave(sku, [orderKey]);
        for (const { sku } of pieces) await queue.change(sku, { orderKey, pieces });
      }
      for (const sku of skus) await queue.enter(sku, { orderKey, pieces, skus });
      // On a repeat too: the try that entered the order may have ended before it came to this.
      await lowStock.tell([...skus, ...(dropped ?? [])]);
    },
  };
}
