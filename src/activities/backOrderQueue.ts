import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import {
  GetCommand,
  paginateQuery,
  QueryCommand,
  TransactGetCommand,
  TransactWriteCommand,
  UpdateCommand,
  type DynamoDBDocumentClient,
} from '@aws-sdk/lib-dynamodb';
import type { Reservation } from '../contracts/activities.ts';
import { failedConditions } from './stockTable.ts';

/** An order that waits for pieces of a SKU, at its place in the SKU's queue. */
export interface BackOrder extends Reservation {
  readonly sku: string;
  readonly place: string;
  /** In whose queues it was when it came here, this one among them. */
  readonly skus: readonly string[];
}

/**
 * The queues of the SKUs, in a table with PK `sku` and SK `place`:
 *
 * - `LAST`: how many places were given away (`joined`). It alone says who came first, no clock does;
 * - `WAITING#{number}`: an order that waits, in the order of their numbers, which may have gaps;
 * - `ORDER#{orderKey}`: the place of that order, as `waiting`, so that whoever joins again keeps it.
 *
 * Of two orders that join at the same moment the later number may be seen first, and be served.
 */
export function backOrderQueue(client: DynamoDBDocumentClient, tableName: string) {
  const pointerKey = (sku: string, orderKey: string) => ({ sku, place: `ORDER#${orderKey}` });

  const waitingOf = (sku: string) => ({
    TableName: tableName,
    KeyConditionExpression: 'sku = :sku AND begins_with(place, :waiting)',
    ExpressionAttributeValues: { ':sku': sku, ':waiting': WAITING },
    ConsistentRead: true,
  });

  async function placeOf(sku: string, orderKey: string): Promise<string | undefined> {
    const { Item } = await client.send(
      new GetCommand({
        TableName: tableName,
        Key: pointerKey(sku, orderKey),
        ConsistentRead: true,
      }),
    );
    return Item?.['waiting'] as string | undefined;
  }

  async function nextPlace(sku: string): Promise<string> {
    const { Attributes } = await client.send(
      new UpdateCommand({
        TableName: tableName,
        Key: { sku, place: 'LAST' },
        UpdateExpression: 'ADD joined :one',
        ExpressionAttributeValues: { ':one': 1 },
        ReturnValues: 'UPDATED_NEW',
      }),
    );
    return `${WAITING}${String(Attributes?.['joined']).padStart(DIGITS, '0')}`;
  }

  return {
    /** Puts the order at the queue's end, unless it has a place there. @returns whether it had none. */
    async enter(
      sku: string,
      { orderKey, pieces, skus }: Pick<BackOrder, 'orderKey' | 'pieces' | 'skus'>,
    ): Promise<boolean> {
      if ((await placeOf(sku, orderKey)) !== undefined) return false;
      const place = await nextPlace(sku);
      const pointer = {
        TableName: tableName,
        Item: { ...pointerKey(sku, orderKey), waiting: place },
        ConditionExpression: 'attribute_not_exists(sku)',
      };
      const entry = { TableName: tableName, Item: { sku, place, orderKey, pieces, skus } };
      try {
        await client.send(
          new TransactWriteCommand({ TransactItems: [{ Put: pointer }, { Put: entry }] }),
        );
        return true;
      } catch (error) {
        // Another try of the same call was quicker: the order keeps the place that it got there.
        if (failedConditions(error)) return false;
        throw error;
      }
    },

    /** Notes what the order wants by now, if it has a place in the queue. */
    async change(sku: string, { orderKey, pieces }: Reservation): Promise<void> {
      const place = await placeOf(sku, orderKey);
      if (place === undefined) return;
      try {
        await client.send(
          new UpdateCommand({
            TableName: tableName,
            Key: { sku, place },
            UpdateExpression: 'SET pieces = :pieces',
            ConditionExpression: 'attribute_exists(sku)',
            ExpressionAttributeValues: { ':pieces': pieces },
          }),
        );
      } catch (error) {
        // It has left meanwhile.
        if (!(error instanceof ConditionalCheckFailedException)) throw error;
      }
    },

    /** Those who wait, first come first, 100 at a time. */
    async *waiting(sku: string): AsyncGenerator<readonly BackOrder[]> {
      const pages = paginateQuery({ client, pageSize: PAGE }, waitingOf(sku));
      for await (const { Items = [] } of pages) yield Items as BackOrder[];
    },

    async isWaitedFor(sku: string): Promise<boolean> {
      const { Count = 0 } = await client.send(
        new QueryCommand({ ...waitingOf(sku), Select: 'COUNT', Limit: 1 }),
      );
      return Count > 0;
    },

    /** Takes orders out of the queue, as far as they are in it. */
    async leave(sku: string, orderKeys: readonly string[]): Promise<void> {
      for (let first = 0; first < orderKeys.length; first += LEAVE_SIZE) {
        const keys = orderKeys
          .slice(first, first + LEAVE_SIZE)
          .map((orderKey) => pointerKey(sku, orderKey));
        const { Responses = [] } = await client.send(
          new TransactGetCommand({
            TransactItems: keys.map((Key) => ({ Get: { TableName: tableName, Key } })),
          }),
        );
        const places = Responses.flatMap(({ Item }) =>
          Item ? [Item['place'] as string, Item['waiting'] as string] : [],
        );
        if (places.length === 0) continue;
        await client.send(
          new TransactWriteCommand({
            TransactItems: places.map((place) => ({
              Delete: { TableName: tableName, Key: { sku, place } },
            })),
          }),
        );
      }
    },
  };
}

export type BackOrderQueue = ReturnType<typeof backOrderQueue>;

const WAITING = 'WAITING#';
/** Numbers as texts that sort as they count. */
const DIGITS = 12;
const PAGE = 100;
/** A transaction takes 100 items, and an order has two. */
const LEAVE_SIZE = 50;
