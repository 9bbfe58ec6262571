import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import {
  PutCommand,
  TransactWriteCommand,
  type DynamoDBDocumentClient,
} from '@aws-sdk/lib-dynamodb';
import type { Reservation, StockActivities } from '../contracts/activities.ts';
import { backOrderQueue } from './backOrderQueue.ts';
import type { LowStock } from './lowStock.ts';
import {
  failedConditions,
  IF_ABSENT,
  mergedPieces,
  piecesWithout,
  reservationKey,
  stockTable as openTable,
  type ReservationRow,
} from './stockTable.ts';

export interface StockActivitiesOptions {
  readonly table: DynamoDBDocumentClient;
  readonly stockTable: string;
  /** PK `sku`, SK `place`. */
  readonly backOrdersTable: string;
  readonly lowStock: Pick<LowStock, 'tellIfLow' | 'tellInTime'>;
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
 *
 * Pieces that are on sale again are told to the restocking of their SKU if somebody waits for them.
 */
export function createStockActivities({
  table,
  stockTable,
  backOrdersTable,
  lowStock,
}: StockActivitiesOptions): StockActivities {
  const stored = openTable(table, stockTable);
  const queue = backOrderQueue(table, backOrdersTable);

  return {
    async reserveStock({ shrinks, ...reservation }) {
      const answer = await stored.reserve(reservation);
      // On a repeat too, and where pieces are short: whoever took the last of them may have ended before it told.
      if (answer.kind !== 'released') {
        await lowStock.tellIfLow(reservation.pieces.map(({ sku }) => sku));
      }
      return answer.kind === 'short' && shrinks ? { ...answer, shrinks } : answer;
    },

    async releaseStock({ orderKey, lost = [] }) {
      for (let look = 1; look <= LOOKS; look += 1) {
        const row = await stored.reservation(orderKey);
        if (row?.status === 'released') return await tellIfWaitedFor(row.pieces);
        const onSale = withoutLost(orderKey, row?.pieces ?? [], lost);
        const released = row
          ? await giveBack(orderKey, row, onSale, {
              UpdateExpression:
                'SET #status = :released' + (lost.length > 0 ? ', lost = :lost' : ''),
              values: {
                ':released': 'released',
                ...(lost.length > 0 && { ':lost': mergedPieces(lost) }),
              },
            })
          : await putTombstone(orderKey);
        if (released) return await tellIfWaitedFor(onSale);
      }
      throw new Error(`${reservationKey(orderKey)} changed at each of ${LOOKS} looks`);
    },

    async releasePieces({ orderKey, step, released, left }) {
      const row = await stored.reservation(orderKey);
      if (!row) throw new Error(`${reservationKey(orderKey)} is not there`);
      if (row.status === 'released' || (row.releases ?? 0) >= step) {
        return await tellIfWaitedFor(released);
      }
      if (piecesWithout(row.pieces, [...released, ...left]).length > 0) {
        throw new Error(
          `${reservationKey(orderKey)} holds other pieces than are released and left`,
        );
      }
      const given = await giveBack(orderKey, row, released, {
        UpdateExpression: 'SET pieces = :left, releases = :step',
        values: { ':left': left, ':step': step },
      });
      if (!given) throw new Error(`${reservationKey(orderKey)} has changed meanwhile`);
      await tellIfWaitedFor(released);
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
              ...stored.additions(pieces),
            ],
          }),
        );
      } catch (error) {
        // Only the item of this return has a condition: it is on sale already.
        if (!failedConditions(error)) throw error;
      }
      await tellIfWaitedFor(pieces);
    },
  };

  /** On a repeat too: the try that put them on sale may have ended before it came to this. */
  async function tellIfWaitedFor(pieces: Reservation['pieces']): Promise<void> {
    await lowStock.tellInTime(async () => {
      const waitedFor: string[] = [];
      for (const { sku } of mergedPieces(pieces)) {
        if (await queue.isWaitedFor(sku)) waitedFor.push(sku);
      }
      return waitedFor;
    });
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
            ...stored.additions(pieces),
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

/** How often a release looks again, where others change the reservation under it. */
const LOOKS = 5;

/** What goes on sale again of a reservation. @throws Error when more is lost than was reserved. */
function withoutLost(
  orderKey: string,
  pieces: Reservation['pieces'],
  lost: Reservation['pieces'],
): Reservation['pieces'] {
  const left = piecesWithout(pieces, lost);
  const missing = left.find(({ quantity }) => quantity < 0);
  if (!missing) return left;
  throw new Error(
    `${reservationKey(orderKey)} holds ${-missing.quantity} pieces of ${missing.sku} fewer than are lost`,
  );
}
