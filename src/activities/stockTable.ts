import { setTimeout as pause } from 'node:timers/promises';
import { TransactionCanceledException } from '@aws-sdk/client-dynamodb';
import {
  BatchGetCommand,
  GetCommand,
  TransactWriteCommand,
  type DynamoDBDocumentClient,
} from '@aws-sdk/lib-dynamodb';
import type { Reservation, ReserveAnswer } from '../contracts/activities.ts';

type Pieces = Reservation['pieces'];

/** A reservation's row. It is never deleted, and goes only from absent to reserved to released, or straight there. */
export interface ReservationRow {
  readonly status: 'reserved' | 'released';
  /** What is reserved, or was until it was released. */
  readonly pieces: Pieces;
  /** The last step in which some of the pieces were given back; absent where they never were. */
  readonly releases?: number;
  /** Of what was reserved, what is gone for good; absent where nothing is. */
  readonly lost?: Pieces;
}

/** A SKU's item. */
export interface SkuRow {
  readonly available?: number;
  /** Of how many pieces fewer are too few; absent: of none. */
  readonly threshold?: number;
  /** How many there are when it is full; absent: as many as the threshold. */
  readonly target?: number;
  /** Grows whenever pieces are received, or it is found that enough are there; absent: 0. */
  readonly round?: number;
  /** The round in which `StockLow` was last put on the bus; absent: it never was. */
  readonly toldRound?: number;
}

/**
 * The stock's table. Its partition key is the string `key`: `SKU#{sku}` holds what is `available`,
 * `RESERVATION#{orderKey}` a reservation, `RESTOCK#{returnKey}` the pieces of a return that are on sale again,
 * `RECEIPT#{sku}#{receipt}` what was received from a supplier.
 */
export function stockTable(client: DynamoDBDocumentClient, tableName: string) {
  async function reservation(orderKey: string): Promise<ReservationRow | undefined> {
    const { Item } = await client.send(
      new GetCommand({
        TableName: tableName,
        Key: { key: reservationKey(orderKey) },
        ConsistentRead: true,
      }),
    );
    return Item as ReservationRow | undefined;
  }

  /** By key, as far as they are there. @throws Error when DynamoDB leaves some unread five times. */
  async function readAll(keys: readonly string[], abortSignal?: AbortSignal) {
    const found = new Map<string, Record<string, unknown>>();
    const distinct = [...new Set(keys)];
    for (let first = 0; first < distinct.length; first += MOST_READ) {
      let open = distinct.slice(first, first + MOST_READ);
      for (let round = 1; open.length > 0; round += 1) {
        if (round > READ_ROUNDS) throw new Error(`${open.length} items of ${tableName} are unread`);
        if (round > 1) await pause(PAUSE_MS * 2 ** round * (0.5 + Math.random() / 2));
        const Keys = open.map((key) => ({ key }));
        const { Responses = {}, UnprocessedKeys = {} } = await client.send(
          new BatchGetCommand({ RequestItems: { [tableName]: { Keys, ConsistentRead: true } } }),
          { ...(abortSignal && { abortSignal }) },
        );
        for (const item of Responses[tableName] ?? []) found.set(String(item['key']), item);
        open = (UnprocessedKeys[tableName]?.Keys ?? []).map(({ key }) => String(key));
      }
    }
    return found;
  }

  return {
    reservation,

    /** The statuses of the reservations that there are, by the orders' keys. */
    async statuses(orderKeys: readonly string[]) {
      const found = await readAll(orderKeys.map(reservationKey));
      return new Map(
        orderKeys.flatMap((orderKey) => {
          const row = found.get(reservationKey(orderKey)) as ReservationRow | undefined;
          return row ? [[orderKey, row.status] as const] : [];
        }),
      );
    },

    /** The items of those SKUs that there are. */
    async skus(skus: readonly string[], abortSignal?: AbortSignal) {
      const found = await readAll(skus.map(skuKey), abortSignal);
      return new Map(
        skus.flatMap((sku) => {
          const row = found.get(skuKey(sku)) as SkuRow | undefined;
          return row ? [[sku, row] as const] : [];
        }),
      );
    },

    /** Takes all pieces or none, and puts the reservation's row, if it is absent. */
    async reserve({ orderKey, pieces }: Reservation): Promise<ReserveAnswer> {
      try {
        await client.send(
          new TransactWriteCommand({
            TransactItems: [
              {
                Put: {
                  TableName: tableName,
                  Item: { key: reservationKey(orderKey), status: 'reserved', pieces },
                  ...IF_ABSENT,
                },
              },
              ...pieces.map(({ sku, quantity }) => ({
                Update: {
                  TableName: tableName,
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
        const row = await reservation(orderKey);
        if (row?.status === 'reserved') return { kind: 'reserved', pieces: row.pieces };
        if (row) return { kind: row.status };
        const skus = pieces.filter((_, index) => failed.has(index + 1)).map(({ sku }) => sku);
        return { kind: 'short', skus };
      }
    },

    /** For a transaction: puts pieces on sale. */
    additions(pieces: Pieces) {
      return mergedPieces(pieces).map(({ sku, quantity }) => ({
        Update: {
          TableName: tableName,
          Key: { key: skuKey(sku) },
          UpdateExpression: 'ADD available :quantity',
          ExpressionAttributeValues: { ':quantity': quantity },
        },
      }));
    },
  };
}

export type StockTable = ReturnType<typeof stockTable>;

/** The most items that DynamoDB reads in one batch. */
const MOST_READ = 100;
/** How often DynamoDB is asked for what it leaves unread, and how long is waited before it is asked again. */
const READ_ROUNDS = 5;
const PAUSE_MS = 20;

export const IF_ABSENT = {
  ConditionExpression: 'attribute_not_exists(#key)',
  ExpressionAttributeNames: { '#key': 'key' },
};

/** One entry for each SKU, as a transaction takes each item only once; none for no pieces. */
export function mergedPieces(pieces: Pieces): Pieces {
  const bySku = new Map<string, number>();
  for (const { sku, quantity } of pieces) bySku.set(sku, (bySku.get(sku) ?? 0) + quantity);
  return [...bySku]
    .map(([sku, quantity]) => ({ sku, quantity }))
    .filter(({ quantity }) => quantity !== 0);
}

/** What is left of some pieces without others, by SKU; less than none where there are fewer. */
export function piecesWithout(some: Pieces, others: Pieces): Pieces {
  return mergedPieces([
    ...some,
    ...others.map(({ sku, quantity }) => ({ sku, quantity: -quantity })),
  ]);
}

export function reservationKey(orderKey: string): string {
  return `RESERVATION#${orderKey}`;
}

export function skuKey(sku: string): string {
  return `SKU#${sku}`;
}

/**
 * The places of the items whose condition failed, where that alone stopped the transaction; undefined for
 * conflicts, throttling and everything else that may succeed when it is repeated.
 */
export function failedConditions(error: unknown): ReadonlySet<number> | undefined {
  if (!(error instanceof TransactionCanceledException)) return undefined;
  const codes = (error.CancellationReasons ?? []).map(({ Code }) => Code ?? 'None');
  if (!codes.every((code) => code === 'None' || code === 'ConditionalCheckFailed'))
    return undefined;
  const failed = codes.flatMap((code, index) => (code === 'ConditionalCheckFailed' ? [index] : []));
  return failed.length > 0 ? new Set(failed) : undefined;
}
