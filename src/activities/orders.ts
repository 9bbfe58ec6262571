import { setTimeout as pause } from 'node:timers/promises';
import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import {
  PublishBatchCommand,
  type PublishBatchRequestEntry,
  type SNSClient,
} from '@aws-sdk/client-sns';
import { PutCommand, type DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import type { OrderActivities } from '../contracts/activities.ts';
import type { OrderNotification, OrderRow } from '../contracts/orders.ts';
import { severityOf, type Notification } from '../domain/notification.ts';

export interface OrderActivitiesOptions {
  readonly table: DynamoDBDocumentClient;
  /** Its partition key is the string `orderKey`: the workflow ID. */
  readonly ordersTable: string;
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
  sns,
  topicArn,
}: OrderActivitiesOptions): OrderActivities {
  /** @returns undefined when it was written, else what of the row that is there decides. */
  async function putRow(row: OrderRow, condition: Condition): Promise<Present | undefined> {
    try {
      await table.send(
        new PutCommand({
          TableName: ordersTable,
          Item: { orderKey: row.workflowId, ...row },
          ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
          ...condition,
        }),
      );
      return undefined;
    } catch (error) {
      if (!(error instanceof ConditionalCheckFailedException)) throw error;
      // The document client leaves the items of errors as they came.
      return { claimedBy: error.Item?.['claimedBy']?.S ?? 'nobody that it names' };
    }
  }

  return {
    async claimOrder(row) {
      // A row of the same claim is left as it is: it may have been announced in a newer version since.
      const present = await putRow(row, {
        ConditionExpression: 'attribute_not_exists(orderKey)',
      });
      return !present || present.claimedBy === row.claimedBy ? 'claimed' : 'duplicate';
    },

    async announceOrder({ row, notifications }) {
      const present = await putRow(row, {
        ConditionExpression:
          'attribute_not_exists(orderKey) OR (claimedBy = :me AND #version < :version)',
        ExpressionAttributeNames: { '#version': 'version' },
        ExpressionAttributeValues: { ':me': row.claimedBy, ':version': row.version },
      });
      if (present && present.claimedBy !== row.claimedBy) {
        throw new ForeignOrderError(row, present.claimedBy);
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

type Condition = Pick<
  PutCommand['input'],
  'ConditionExpression' | 'ExpressionAttributeNames' | 'ExpressionAttributeValues'
>;

type Present = Pick<OrderRow, 'claimedBy'>;

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
