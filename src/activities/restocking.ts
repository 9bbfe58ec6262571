import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import {
  TransactWriteCommand,
  UpdateCommand,
  type DynamoDBDocumentClient,
} from '@aws-sdk/lib-dynamodb';
import type { RestockActivities } from '../contracts/activities.ts';
import { backOrderQueue, type BackOrder } from './backOrderQueue.ts';
import { serveQueue } from './backOrderServing.ts';
import { roundOf, type LowStock } from './lowStock.ts';
import {
  failedConditions,
  IF_ABSENT,
  skuKey,
  stockTable as openTable,
  type SkuRow,
} from './stockTable.ts';

export interface RestockActivitiesOptions {
  readonly table: DynamoDBDocumentClient;
  readonly stockTable: string;
  /** PK `sku`, SK `place`. */
  readonly backOrdersTable: string;
  readonly lowStock: Pick<LowStock, 'tellIfLow' | 'tellShort'>;
}

/**
 * What a SKU's restocking does with stock and queue: all of it but the order itself, which is the supplier's adapter's.
 * Whatever is thrown may be repeated.
 *
 * What is received is on sale at once, and is served in another transaction right after: an order that is placed in
 * between, or at the same time as a back-order is served, may take pieces that came for those who wait. So may one
 * that comes before pieces are served which a cancelled order gave back. Who waits keeps his place then, and more is
 * ordered for him.
 */
export function createRestockActivities({
  table,
  stockTable,
  backOrdersTable,
  lowStock,
}: RestockActivitiesOptions): Omit<RestockActivities, 'orderFromSupplier'> {
  const stored = openTable(table, stockTable);
  const queue = backOrderQueue(table, backOrdersTable);

  /** How many pieces those need who wait: of whom there is a reservation needs none any more. */
  async function neededFor(sku: string): Promise<number> {
    let needed = 0;
    for await (const page of queue.waiting(sku)) {
      const statuses = await stored.statuses(page.map(({ orderKey }) => orderKey));
      for (const order of page) {
        if (!statuses.has(order.orderKey)) needed += quantityOf(order, sku);
      }
    }
    return needed;
  }

  /**
   * Notes that enough are there, so that the next time it is low is told again.
   *
   * @returns false when the stock has changed since it was read: what is missing has to be counted again.
   */
  async function closeRound(sku: string, row: SkuRow): Promise<boolean> {
    if (row.toldRound !== roundOf(row)) return true;
    try {
      await table.send(
        new UpdateCommand({
          TableName: stockTable,
          Key: { key: skuKey(sku) },
          UpdateExpression: 'ADD #round :one',
          ConditionExpression: 'available = :available',
          ExpressionAttributeNames: { '#round': 'round' },
          ExpressionAttributeValues: { ':one': 1, ':available': row.available },
        }),
      );
      return true;
    } catch (error) {
      if (error instanceof ConditionalCheckFailedException) return false;
      throw error;
    }
  }

  return {
    async countMissing({ sku }) {
      for (let look = 1; look <= LOOKS; look += 1) {
        const needed = await neededFor(sku);
        const row = (await stored.skus([sku])).get(sku) ?? {};
        const { available = 0, threshold = 0, target = threshold } = row;
        const quantity = Math.max(0, Math.max(threshold, target) - available + needed);
        if (quantity > 0 || (await closeRound(sku, row))) return { quantity };
      }
      throw new Error(`${skuKey(sku)} changed at each of ${LOOKS} looks`);
    },

    async receiveStock({ receipt, sku, quantity }) {
      try {
        await table.send(
          new TransactWriteCommand({
            TransactItems: [
              {
                Put: {
                  TableName: stockTable,
                  // One delivery note may be for several SKUs.
                  Item: { key: `RECEIPT#${sku}#${receipt}`, receipt, sku, quantity },
                  ...IF_ABSENT,
                },
              },
              {
                Update: {
                  TableName: stockTable,
                  Key: { key: skuKey(sku) },
                  UpdateExpression: 'ADD available :quantity, #round :one',
                  ExpressionAttributeNames: { '#round': 'round' },
                  ExpressionAttributeValues: { ':quantity': quantity, ':one': 1 },
                },
              },
            ],
          }),
        );
      } catch (error) {
        // Only the item of this receipt has a condition: it is on sale already.
        if (!failedConditions(error)) throw error;
      }
    },

    async serveBackOrders({ sku }) {
      const serving = await serveQueue(sku, { stored, queue, most: MOST_SERVED });
      const { served, gone, taken, lacking, isShort, isMore } = serving;
      await queue.leave(sku, gone);
      // A StockLow of this SKU would tell its restocking what it is about to count.
      await lowStock.tellIfLow([...taken].filter((each) => each !== sku));
      await lowStock.tellShort([...lacking]);
      return { served, isShort, isMore };
    },

    leaveBackOrders: ({ sku, orderKeys }) => queue.leave(sku, orderKeys),
  };
}

/** How many are served at a time, and then told. */
const MOST_SERVED = 100;
/** How often it is counted again, where the stock changes meanwhile. */
const LOOKS = 5;

function quantityOf({ pieces }: BackOrder, sku: string): number {
  return pieces.reduce((sum, each) => (each.sku === sku ? sum + each.quantity : sum), 0);
}
