import { setTimeout as pause } from 'node:timers/promises';
import {
  ConditionalCheckFailedException,
  TransactionCanceledException,
  type CancellationReason,
} from '@aws-sdk/client-dynamodb';
import {
  PublishBatchCommand,
  type PublishBatchRequestEntry,
  type SNSClient,
} from '@aws-sdk/client-sns';
import {
  PutCommand,
  TransactWriteCommand,
  type DynamoDBDocumentClient,
} from '@aws-sdk/lib-dynamodb';
import type { OrderActivities } from '../contracts/activities.ts';
import { orderItem, sellerItems } from '../contracts/orderItems.ts';
import type { OrderNotification, OrderRow } from '../contracts/orders.ts';
import { severityOf, type Notification } from '../domain/notification.ts';

export interface OrderActivitiesOptions {
  readonly table: DynamoDBDocumentClient;
  /** Its partition key is the string `orderKey`: the workflow ID. */
  readonly ordersTable: string;
  /** Which orders have lines of a seller: PK `sellerId`, SK `placed`, which is `{placedAt}#{orderKey}`. */
  readonly sellersTable: string;
  readonly sns: SNSClient;
  /** A standard topic. */
  readonly topicArn: string;
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

/** SNS did not take every notification. Repeated, they carry the same IDs. */
export class UnpublishedError extends Error {
  override readonly name = 'UnpublishedError';
}

/** Orders' rows in DynamoDB and their notifications on SNS. Whatever is thrown may be repeated. */
export function createOrderActivities({
  table,
  ordersTable,
  sellersTable,
  sns,
  topicArn,
}: OrderActivitiesOptions): OrderActivities {
  const putRow = (row: OrderRow) => ({
    TableName: ordersTable,
    Item: orderItem(row),
    ReturnValuesOnConditionCheckFailure: 'ALL_OLD' as const,
  });

  return {
    async claimOrder(given) {
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
      for (let first = 0; first < notifications.length; first += BATCH_SIZE) {
        const batch = notifications.slice(first, first + BATCH_SIZE);
        await publish(
          sns,
          topicArn,
          batch.map((notification) => entryOf(row, notification)),
        );
      }
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

/** The most that SNS takes in one call. */
const BATCH_SIZE = 10;
const PUBLISH_ROUNDS = 3;
const PAUSE_MS = 100;

/** Publishes all, sending again only what SNS did not take. @throws UnpublishedError after three rounds. */
async function publish(
  sns: SNSClient,
  topicArn: string,
  entries: readonly PublishBatchRequestEntry[],
): Promise<void> {
  let open = entries;
  let refusals = '';
  for (let round = 1; round <= PUBLISH_ROUNDS; round += 1) {
    const { Failed: failed = [] } = await sns.send(
      new PublishBatchCommand({ TopicArn: topicArn, PublishBatchRequestEntries: [...open] }),
    );
    if (failed.length === 0) return;
    open = open.filter(({ Id }) => failed.some((entry) => entry.Id === Id));
    refusals = failed.map(({ Id, Code, Message }) => `${Id}: ${Code} ${Message ?? ''}`).join('; ');
    if (round < PUBLISH_ROUNDS) await pause(PAUSE_MS * 2 ** round * (0.5 + Math.random() / 2));
  }
  throw new UnpublishedError(`SNS refused versions ${refusals}`);
}

function entryOf(row: OrderRow, notification: Notification): PublishBatchRequestEntry {
  const severity = severityOf(notification);
  const message: OrderNotification = {
    notificationId: `${row.workflowId}/${notification.version}`,
    workflowId: row.workflowId,
    channel: row.channel,
    orderId: row.orderId,
    customerId: row.customerId,
    version: notification.version,
    state: notification.state,
    reason: notification.reason,
    severity,
  };
  return {
    Id: String(notification.version),
    Message: JSON.stringify(message),
    MessageAttributes: {
      state: { DataType: 'String', StringValue: notification.state },
      severity: { DataType: 'String', StringValue: severity },
      channel: { DataType: 'String', StringValue: row.channel },
    },
  };
}
