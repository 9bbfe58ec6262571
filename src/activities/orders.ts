import {
  ConditionalCheckFailedException,
  TransactionCanceledException,
  type CancellationReason,
} from '@aws-sdk/client-dynamodb';
import type { SNSClient } from '@aws-sdk/client-sns';
import {
  PutCommand,
  TransactWriteCommand,
  type DynamoDBDocumentClient,
} from '@aws-sdk/lib-dynamodb';
import type { OrderActivities, ScreeningActivities } from '../contracts/activities.ts';
import { orderItem, sellerItems } from '../contracts/orderItems.ts';
import type { OrderRow } from '../contracts/orders.ts';
import { publishNotifications } from './notifications.ts';

export interface OrderActivitiesOptions {
  readonly table: DynamoDBDocumentClient;
  /** Its partition key is the string `orderKey`: the workflow ID. */
  readonly ordersTable: string;
  /** Which orders have lines of a seller: PK `sellerId`, SK `placed`, which is `{placedAt}#{orderKey}`. */
  readonly sellersTable: string;
  readonly sns: SNSClient;
  /** A standard topic. */
  readonly topicArn: string;
  readonly screenOrder: ScreeningActivities['screenOrder'];
}

/**
 * The order is already another start's. Nothing was written. It is retried, not final: a workflow that has
 * taken money must not be ended by a row that an operator can set right.
 */
export class ForeignOrderError extends Error {
  override readonly name = 'ForeignOrderError';

  constructor(row: OrderRow, owner: string) {
    super(`${row.workflowId} belongs to ${owner}, so ${row.claimedBy} may not write it`);
  }
}

/** Orders' rows in DynamoDB and their notifications on SNS. Whatever is thrown may be repeated. */
export function createOrderActivities({
  table,
  ordersTable,
  sellersTable,
  sns,
  topicArn,
  screenOrder,
}: OrderActivitiesOptions): OrderActivities {
  const putRow = (row: OrderRow) => ({
    TableName: ordersTable,
    Item: orderItem(row),
    ReturnValuesOnConditionCheckFailure: 'ALL_OLD' as const,
  });

  async function claim(given: OrderRow): Promise<'claimed' | 'duplicate'> {
    const row = withDefaults(given);
    try {
      await table.send(
        new TransactWriteCommand({
          TransactItems: [
            // A row of the same claim is left as it is: it may have been announced in a newer revision since.
            { Put: { ...putRow(row), ConditionExpression: 'attribute_not_exists(orderKey)' } },
            ...sellerItems(row).map((Item) => ({ Put: { TableName: sellersTable, Item } })),
          ],
        }),
      );
      return 'claimed';
    } catch (error) {
      if (!(error instanceof TransactionCanceledException)) throw error;
      const [first] = error.CancellationReasons ?? [];
      if (first?.Code !== 'ConditionalCheckFailed') throw error;
      return ownerOf(first) === row.claimedBy ? 'claimed' : 'duplicate';
    }
  }

  return {
    claimOrder: claim,

    async admitOrder({ row, screening }) {
      if ((await claim(row)) === 'duplicate') return { kind: 'duplicate' };
      // What does not answer at once is asked again by an activity of its own.
      const score = await screenOrder(screening).then(
        (answer) => answer.score,
        () => null,
      );
      return { kind: 'admitted', score };
    },

    async announceOrder({ row: given, notifications }) {
      const row = withDefaults(given);
      try {
        await table.send(
          new PutCommand({
            ...putRow(row),
            // A row without a revision was written before there were any.
            ConditionExpression:
              'attribute_not_exists(orderKey) OR ' +
              '(claimedBy = :me AND (attribute_not_exists(revision) OR revision < :revision))',
            ExpressionAttributeValues: { ':me': row.claimedBy, ':revision': row.revision },
          }),
        );
      } catch (error) {
        if (!(error instanceof ConditionalCheckFailedException)) throw error;
        const owner = ownerOf(error);
        if (owner !== row.claimedBy) throw new ForeignOrderError(row, owner);
      }
      // Published even where the row was there: the attempt that wrote it may have ended before it came to this.
      await publishNotifications(sns, topicArn, { row, notifications });
    },
  };
}

/** Calls that were scheduled before rows had these come without; the order's next announcement sets it right. */
function withDefaults(row: OrderRow): OrderRow {
  return Object.assign({ revision: 0, placedAt: new Date().toISOString() }, row);
}

/** Whose the row is that is there. The document client leaves the items of errors as they came. */
function ownerOf({ Item: item }: Pick<CancellationReason, 'Item'>): string {
  return item?.['claimedBy']?.S ?? 'nobody that it names';
}
