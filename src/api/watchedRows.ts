import { BatchGetCommand, type DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import type { ReadRows, WatchedRow } from './watch.ts';

export interface WatchedRowsOptions {
  readonly table: DynamoDBDocumentClient;
  readonly ordersTable: string;
}

/** How long one read may take, in milliseconds. */
const DEADLINE = 5_000;

/** Reads what is watched of orders: one call, of the table as it may have been a moment ago. */
export function createWatchedRows({ table, ordersTable }: WatchedRowsOptions): ReadRows {
  return async (orderKeys) => {
    const { Responses = {} } = await table.send(
      new BatchGetCommand({
        RequestItems: {
          [ordersTable]: {
            Keys: orderKeys.map((orderKey) => ({ orderKey })),
            ProjectionExpression: '#workflowId, #state, #timeline',
            ExpressionAttributeNames: {
              '#workflowId': 'workflowId',
              '#state': 'state',
              '#timeline': 'timeline',
            },
          },
        },
      }),
      { abortSignal: AbortSignal.timeout(DEADLINE) },
    );
    // What the table had no time for is asked for again a second later.
    return (Responses[ordersTable] ?? []) as WatchedRow[];
  };
}
