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
  /**
   * Its partition key is the string `key`: `SKU#{sku}` holds `available`, `RESERVATION#{orderKey}` a reservation,
   * `RESTOCK#{returnKey}` the pieces of a return that are on sale again.
   */
  readonly stockTable: string;
}

/** A reservation's row. It is never deleted, and goes only from absent to reserved to released, or straight there. */
interface ReservationRow {
  readonly status: 'reserved' | 'released';
  /** What is reserved, or was until it was released. */
  readonly pieces: Reservation['pieces'];
  /** The last step in which some of the pieces were given back; absent where they never were. */
  readonly releases?: number;
}

/**
 * Stock in DynamoDB. The reservation's row decides each race, as it changes together with the pieces or not at all:
 *
 * - a reserve puts the row if it is absent, so of several only one takes pieces;
 * - a release before any reserve puts the row as `released`: a reserve that arrives later finds it, and takes nothing;
 * - a release turns `reserved` into `released`, so of several only one gives pieces back;
 * - a release of some pieces moves `releases` on, and each release holds only for the number that it has read.
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
      for (let look = 1; look <= LOOKS; look += 1) {
        const row = await readReservation(orderKey);
        if (row?.status === 'released') return;
        const released = row
          ? await giveBack(orderKey, row, row.pieces, {
              UpdateExpression: 'SET #status = :released',
              values: { ':released': 'released' },
            })
          : await putTombstone(orderKey);
        if (released) return;
      }
      throw new Error(`${reservationKey(orderKey)} changed at each of ${LOOKS} looks`);
    },

    async releasePieces({ orderKey, step, released, left }) {
      const row = await readReservation(orderKey);
      if (!row) throw new Error(`${reservationKey(orderKey)} is not there`);
      if (row.status === 'released' || (row.releases ?? 0) >= step) return;
      if (!isSame(row.pieces, [...released, ...left])) {
        throw new Error(
          `${reservationKey(orderKey)} holds other pieces than are released and left`,
        );
      }
      const given = await giveBack(orderKey, row, released, {
        UpdateExpression: 'SET pieces = :left, releases = :step',
        values: { ':left': left, ':step': step },
      });
      if (!given) throw new Error(`${reservationKey(orderKey)} has changed meanwhile`);
    },

    async restock({ returnKey, pieces }) {
      try {
        await table.send(
          new TransactWriteCommand({
            TransactItems: [
              {
                Put: {
                  TableName: stockTable,
                  Item: { key: `RESTOCK#${returnKey}`, pieces: mergedPieces(pieces) },
                  ...IF_ABSENT,
                },
              },
              ...additions(mergedPieces(pieces)),
            ],
          }),
        );
      } catch (error) {
        // Only the item of this return has a condition: it is on sale already.
        if (!failedConditions(error)) throw error;
      }
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

  /** Puts pieces back and changes the reservation's row, as it was read. @returns false when it is another by now. */
  async function giveBack(
    orderKey: string,
    { releases }: ReservationRow,
    pieces: Reservation['pieces'],
    change: { readonly UpdateExpression: string; readonly values: Record<string, unknown> },
  ): Promise<boolean> {
    const isAsRead =
      releases === undefined ? 'attribute_not_exists(releases)' : 'releases = :releases';
    try {
      await table.send(
        new TransactWriteCommand({
          TransactItems: [
            {
              Update: {
                TableName: stockTable,
                Key: { key: reservationKey(orderKey) },
                UpdateExpression: change.UpdateExpression,
                ConditionExpression: `#status = :reserved AND ${isAsRead}`,
                ExpressionAttributeNames: { '#status': 'status' },
                ExpressionAttributeValues: {
                  ...change.values,
                  ':reserved': 'reserved',
                  ...(releases !== undefined && { ':releases': releases }),
                },
              },
            },
            ...additions(mergedPieces(pieces)),
          ],
        }),
      );
      return true;
    } catch (error) {
      if (failedConditions(error)) return false;
      throw error;
    }
  }

  function additions(pieces: Reservation['pieces']) {
    return pieces.map(({ sku, quantity }) => ({
      Update: {
        TableName: stockTable,
        Key: { key: skuKey(sku) },
        UpdateExpression: 'ADD available :quantity',
        ExpressionAttributeValues: { ':quantity': quantity },
      },
    }));
  }
}

/** How often a release looks again, where others change the reservation under it. */
const LOOKS = 5;

const IF_ABSENT = {
  ConditionExpression: 'attribute_not_exists(#key)',
  ExpressionAttributeNames: { '#key': 'key' },
};

/** One entry for each SKU, as a transaction takes each item only once; none for no pieces. */
function mergedPieces(pieces: Reservation['pieces']): Reservation['pieces'] {
  const bySku = new Map<string, number>();
  for (const { sku, quantity } of pieces) bySku.set(sku, (bySku.get(sku) ?? 0) + quantity);
  return [...bySku]
    .map(([sku, quantity]) => ({ sku, quantity }))
    .filter(({ quantity }) => quantity !== 0);
}

function isSame(some: Reservation['pieces'], others: Reservation['pieces']): boolean {
  const rest = mergedPieces([
    ...some,
    ...others.map(({ sku, quantity }) => ({ sku, quantity: -quantity })),
  ]);
  return rest.length === 0;
}

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
