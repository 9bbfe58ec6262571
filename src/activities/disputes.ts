import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import {
  type DynamoDBDocumentClient,
  UpdateCommand,
  type UpdateCommandInput,
} from '@aws-sdk/lib-dynamodb';
import type { DisputeActivities } from '../contracts/activities.ts';
import { paymentKey, type PaymentRow, paymentTable } from './paymentTable.ts';

/**
 * What disputes do to a payment: while one is open no refund begins, as the bank has taken the money back already; what
 * is lost in one is not refundable any more. Both are in the payment's row, where beginning a refund looks at them in
 * the transaction that begins it.
 *
 * A dispute that was closed stays closed, whatever comes late or twice.
 *
 * @param deps.tableName the payments table: PK `orderKey`, SK `entry`
 */
export function createDisputeActivities(deps: {
  readonly table: DynamoDBDocumentClient;
  readonly tableName: string;
}): DisputeActivities {
  const payments = paymentTable(deps.table, deps.tableName);

  /** @throws when the order has no payment: then the dispute is of something else. */
  async function paymentOf(orderKey: string): Promise<PaymentRow> {
    const row = await payments.read(orderKey);
    if (row) return row;
    throw new Error(`payment of ${orderKey}: expected one that is disputed, found none`);
  }

  /** @returns whether the condition held. */
  async function update(orderKey: string, input: Partial<UpdateCommandInput>): Promise<boolean> {
    const Key = paymentKey(orderKey);
    try {
      await deps.table.send(new UpdateCommand({ TableName: deps.tableName, Key, ...input }));
      return true;
    } catch (error) {
      if (error instanceof ConditionalCheckFailedException) return false;
      throw error;
    }
  }

  return {
    async holdRefunds({ orderKey, disputeId }) {
      await paymentOf(orderKey);
      await update(orderKey, {
        UpdateExpression: 'ADD disputed :one',
        ConditionExpression: 'attribute_exists(entry) AND NOT contains(decided, :id)',
        ExpressionAttributeValues: { ':one': new Set([disputeId]), ':id': disputeId },
      });
    },

    async closeDispute({ orderKey, disputeId, lost }) {
      assertLost(lost);
      const { captured, refundable, decided } = await paymentOf(orderKey);
      if (decided?.has(disputeId)) return;
      if (lost > 0 && captured === 0) {
        throw new Error(`payment of ${orderKey}: ${lost} is lost, and no capture is recorded yet`);
      }
      const taken = Math.min(lost, refundable);
      const isDone = await update(orderKey, {
        UpdateExpression:
          'SET refundable = :left, lost = if_not_exists(lost, :zero) + :taken, ' +
          'overdrawn = if_not_exists(overdrawn, :zero) + :beyond ' +
          'ADD decided :one DELETE disputed :one',
        ConditionExpression: 'refundable = :seen AND NOT contains(decided, :id)',
        ExpressionAttributeValues: {
          ':left': refundable - taken,
          ':seen': refundable,
          ':taken': taken,
          ':beyond': lost - taken,
          ':zero': 0,
          ':one': new Set([disputeId]),
          ':id': disputeId,
        },
      });
      if (!isDone)
        throw new Error(`payment of ${orderKey} has changed: ${disputeId} is not closed`);
    },
  };
}

/** @throws RangeError unless it is a whole number of 0 or more */
function assertLost(lost: number): void {
  if (Number.isSafeInteger(lost) && lost >= 0) return;
  throw new RangeError(`lost: expected whole minor units, 0 or more, received ${lost}`);
}
