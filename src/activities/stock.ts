import {
  ConditionalCheckFailedException,
  TransactionCanceledException,
} from '@aws-sdk/client-dynamodb';
import {
  GetCommand,
  PutCommand,
  TransactWriteCommand,
  type DynamoDBDocumentClient,
} from '@aws-sdk/lib-dynamodb';
import type { Reservation, StockActivities } from '../contracts/activities.ts';

export interface StockActivitiesOptions {
  readonly table: DynamoDBDocumentClient;
  /** Its partition key is the string `key`: `SKU#{sku}` holds `available`, `RESERVATION#{orderKey}` a reservation. */
  readonly stockTable: string;
}

/** A reservation's row. It is never deleted, and goes only from absent to reserved to released, or straight there. */
interface ReservationRow {
  readonly status: 'reserved' | 'released';
  readonly pieces: Reservation['pieces'];
}

/**
 * Stock in DynamoDB. The reservation's row decides each race, as it changes together with the pieces or not at all:
 *
 * - a reserve puts the row if it is absent, so of several only one takes pieces;
 * - a release before any reserve puts the row as `released`: a reserve that arrives later finds it, and takes nothing;
 * - a release turns `reserved` into `released`, so of several only one gives pieces back.
 *
 * Hence no client request token of our own: DynamoDB would answer a late repeat of the reserve with the success of
 * the first one, though it has been released since.
 */
export function createStockActivities({
  table,
  stockTable,
}: StockActivitiesOptions): StockActivities {
  return {
    async reserveStock({ orderKey, pieces }) {
      try {
        await table.send(
          new TransactWriteCommand({
            TransactItems: [
              {
                Put: {
                  TableName: stockTable,
                  Item: { key: reservationKey(orderKey), status: 'reserved', pieces },
                  ...IF_ABSENT,
                },
              },
              ...pieces.map(({ sku, quantity }) => ({
                Update: {
                  TableName: stockTable,
                  Key: { key: skuKey(sku) },
                  UpdateExpression: 'SET available = available - :quantity',
                  ConditionExpression: 'available >= :quantity',
                  ExpressionAttributeValues: { ':quantity': quantity },
                },
              })),
            ],
          }),
        );
        return { kind: 'reserved' };
      } catch (error) {
        const failed = failedConditions(error);
        if (!failed) throw error;
        // Where the row is there, it alone is the answer: pieces may be short because this very order has them.
        const row = await readReservation(orderKey);
        if (row) return { kind: row.status };
        const skus = pieces.filter((_, index) => failed.has(index + 1)).map(({ sku }) => sku);
        return { kind: 'short', skus };
      }
    },

    async releaseStock({ orderKey }) {
      // A lost race leaves the row further on its way of three states, so the third look finds `released`.
      for (let look = 1; look <= 3; look += 1) {
        const row = await readReservation(orderKey);
        if (row?.status === 'released') return;
        const released = row ? await giveBack(orderKey, row.pieces) : await putTombstone(orderKey);
        if (released) return;
      }
      throw new Error(`${reservationKey(orderKey)} did not keep to its states`);
    },
  };

  async function readReservation(orderKey: string): Promise<ReservationRow | undefined> {
    const { Item } = await table.send(
      new GetCommand({
        TableName: stockTable,
        Key: { key: reservationKey(orderKey) },
        ConsistentRead: true,
      }),
    );
    return Item as ReservationRow | undefined;
  }

  /** @returns false when a reserve or another release was first. */
  async function putTombstone(orderKey: string): Promise<boolean> {
    try {
      await table.send(
        new PutCommand({
          TableName: stockTable,
          Item: { key: reservationKey(orderKey), status: 'released', pieces: [] },
          ...IF_ABSENT,
        }),
      );
      return true;
    } catch (error) {
      if (error instanceof ConditionalCheckFailedException) return false;
      throw error;
    }
  }

  /** @returns false when another release was first. */
  async function giveBack(orderKey: string, pieces: Reservation['pieces']): Promise<boolean> {
    try {
      await table.send(
        new TransactWriteCommand({
          TransactItems: [
            {
              Update: {
                TableName: stockTable,
                Key: { key: reservationKey(orderKey) },
                UpdateExpression: 'SET #status = :released',
                ConditionExpression: '#status = :reserved',
                ExpressionAttributeNames: { '#status': 'status' },
                ExpressionAttributeValues: { ':released': 'released', ':reserved': 'reserved' },
              },
            },
            ...pieces.map(({ sku, quantity }) => ({
              Update: {
                TableName: stockTable,
                Key: { key: skuKey(sku) },
                UpdateExpression: 'ADD available :quantity',
                ExpressionAttributeValues: { ':quantity': quantity },
              },
            })),
          ],
        }),
      );
      return true;
    } catch (error) {
      if (failedConditions(error)) return false;
      throw error;
    }
  }
}

const IF_ABSENT = {
  ConditionExpression: 'attribute_not_exists(#key)',
  ExpressionAttributeNames: { '#key': 'key' },
};

function reservationKey(orderKey: string): string {
  return `RESERVATION#${orderKey}`;
}

function skuKey(sku: string): string {
  return `SKU#${sku}`;
}

/**
 * The places of the items whose condition failed, where that alone stopped the transaction; undefined for
 * conflicts, throttling and everything else that may succeed when it is repeated.
 */
function failedConditions(error: unknown): ReadonlySet<number> | undefined {
  if (!(error instanceof TransactionCanceledException)) return undefined;
  const codes = (error.CancellationReasons ?? []).map(({ Code }) => Code ?? 'None');
  if (!codes.every((code) => code === 'None' || code === 'ConditionalCheckFailed'))
    return undefined;
  const failed = codes.flatMap((code, index) => (code === 'ConditionalCheckFailed' ? [index] : []));
  return failed.length > 0 ? new Set(failed) : undefined;
}
