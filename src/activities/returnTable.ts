import { TransactionCanceledException } from '@aws-sdk/client-dynamodb';
import {
  GetCommand,
  TransactGetCommand,
  TransactWriteCommand,
  type DynamoDBDocumentClient,
} from '@aws-sdk/lib-dynamodb';
import type { OpenReturnAnswer } from '../contracts/activities.ts';
import type { ReturnCounts } from '../domain/return.ts';

/**
 * One return: PK `orderKey`, SK `RETURN#{returnId}`. It is never deleted, and goes only from absent to opened to
 * closed, or straight to an end.
 */
export interface ReturnEntry {
  readonly status: 'opened' | 'rejected' | 'closed';
  /** What opening it was answered, for whoever asks again. */
  readonly answer: OpenReturnAnswer;
}

/** What all returns of an order have of its lines: PK `orderKey`, SK `RETURNS`. */
export interface OrderReturns {
  /** Grows with each write; 0 where there was none. */
  readonly version: number;
  readonly counts: ReturnCounts;
}

export interface EntryWithReturns {
  readonly entry: ReturnEntry | undefined;
  readonly returns: OrderReturns;
}

const NO_RETURNS: OrderReturns = { version: 0, counts: {} };

/** What the counts are to be, and what they were when that was decided. */
export interface ReturnsChange {
  readonly seen: OrderReturns;
  readonly counts: ReturnCounts;
}

/** The returns in the payments table: an entry is written together with the counts that it changes. */
export function returnTable(client: DynamoDBDocumentClient, tableName: string) {
  const entryKey = (orderKey: string, returnId: string) => ({
    orderKey,
    entry: `RETURN#${returnId}`,
  });
  const countsKey = (orderKey: string) => ({ orderKey, entry: 'RETURNS' });

  async function read(Key: { readonly orderKey: string; readonly entry: string }) {
    const command = new GetCommand({ TableName: tableName, Key, ConsistentRead: true });
    return (await client.send(command)).Item;
  }

  return {
    async entry(orderKey: string, returnId: string): Promise<ReturnEntry | undefined> {
      return (await read(entryKey(orderKey, returnId))) as ReturnEntry | undefined;
    },

    async returns(orderKey: string): Promise<OrderReturns> {
      const item = (await read(countsKey(orderKey))) as OrderReturns | undefined;
      return item ?? NO_RETURNS;
    },

    /** Both as of one moment: read one after the other, the counts could already lack what the entry still has. */
    async entryWithReturns(orderKey: string, returnId: string): Promise<EntryWithReturns> {
      const { Responses = [] } = await client.send(
        new TransactGetCommand({
          TransactItems: [entryKey(orderKey, returnId), countsKey(orderKey)].map((Key) => ({
            Get: { TableName: tableName, Key },
          })),
        }),
      );
      const [entry, returns] = Responses.map(({ Item }) => Item);
      return {
        entry: entry as ReturnEntry | undefined,
        returns: (returns as OrderReturns | undefined) ?? NO_RETURNS,
      };
    },

    /**
     * Brings an entry from where it was `seen` (undefined: absent) to where it is next, and with it the counts.
     *
     * @returns false when the entry or the counts have been written since; then nothing was.
     */
    async write(
      orderKey: string,
      returnId: string,
      { seen, next }: { readonly seen: ReturnEntry | undefined; readonly next: ReturnEntry },
      returns?: ReturnsChange,
    ): Promise<boolean> {
      const entry = {
        TableName: tableName,
        Item: { ...entryKey(orderKey, returnId), ...next },
        ...(seen
          ? {
              ConditionExpression: '#status = :seen',
              ExpressionAttributeNames: { '#status': 'status' },
              ExpressionAttributeValues: { ':seen': seen.status },
            }
          : IF_ABSENT),
      };
      const counts = returns && {
        TableName: tableName,
        Item: {
          ...countsKey(orderKey),
          version: returns.seen.version + 1,
          counts: returns.counts,
        },
        ...(returns.seen.version > 0
          ? {
              ConditionExpression: '#version = :seen',
              ExpressionAttributeNames: { '#version': 'version' },
              ExpressionAttributeValues: { ':seen': returns.seen.version },
            }
          : IF_ABSENT),
      };
      try {
        await client.send(
          new TransactWriteCommand({
            TransactItems: [{ Put: entry }, ...(counts ? [{ Put: counts }] : [])],
          }),
        );
        return true;
      } catch (error) {
        if (isOvertaken(error)) return false;
        throw error;
      }
    },
  };
}

const IF_ABSENT = {
  ConditionExpression: 'attribute_not_exists(#entry)',
  ExpressionAttributeNames: { '#entry': 'entry' },
};

/** Whether a condition alone stopped it: conflicts and throttling may succeed as they are. */
function isOvertaken(error: unknown): boolean {
  if (!(error instanceof TransactionCanceledException)) return false;
  const codes = (error.CancellationReasons ?? []).map(({ Code }) => Code);
  return codes.includes('ConditionalCheckFailed');
}
