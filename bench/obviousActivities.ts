import {
  ConditionalCheckFailedException,
  TransactionCanceledException,
} from '@aws-sdk/client-dynamodb';
import { PublishCommand, type SNSClient } from '@aws-sdk/client-sns';
import {
  type DynamoDBDocumentClient,
  PutCommand,
  TransactWriteCommand,
  UpdateCommand,
} from '@aws-sdk/lib-dynamodb';
import type Stripe from 'stripe';
import { CUSTOMER_STATES } from '../src/domain/notification.ts';
import { totalOf } from '../src/domain/order.ts';
import type { ObviousActivities, ObviousPaymentActivities } from './obviousContract.ts';

export interface ObviousActivitiesOptions {
  readonly table: DynamoDBDocumentClient;
  readonly ordersTable: string;
  readonly stockTable: string;
  readonly paymentsTable: string;
  readonly sns: SNSClient;
  readonly topicArn: string;
  /** Without a slash at its end: parcels are booked at `{url}/shipments/{reference}`. */
  readonly carrierUrl: string;
  readonly screenOrder: ObviousActivities['screenOrder'];
}

/** Each activity one call, repeatable in the obvious way: a condition, a value that is set, or a key. */
export function createObviousActivities({
  table,
  ordersTable,
  stockTable,
  paymentsTable,
  sns,
  topicArn,
  carrierUrl,
  screenOrder,
}: ObviousActivitiesOptions): ObviousActivities {
  const set = (orderKey: string, UpdateExpression: string, values: Record<string, string>) =>
    table.send(
      new UpdateCommand({
        TableName: ordersTable,
        Key: { orderKey },
        UpdateExpression,
        ExpressionAttributeNames: { '#state': 'state' },
        ExpressionAttributeValues: values,
      }),
    );

  return {
    screenOrder,

    async claimRow({ orderKey, claimedBy, placed }) {
      const { lines, currency } = placed;
      const placedAt = new Date().toISOString();
      const total = totalOf(lines, currency);
      try {
        await table.send(
          new PutCommand({
            TableName: ordersTable,
            Item: { ...placed, orderKey, claimedBy, placedAt, total, state: 'received' },
            ConditionExpression: 'attribute_not_exists(orderKey) OR claimedBy = :me',
            ExpressionAttributeValues: { ':me': claimedBy },
          }),
        );
        return 'claimed';
      } catch (error) {
        if (error instanceof ConditionalCheckFailedException) return 'duplicate';
        throw error;
      }
    },

    async reserve({ orderKey, pieces }) {
      try {
        await table.send(
          new TransactWriteCommand({
            TransactItems: [
              {
                Put: {
                  TableName: stockTable,
                  Item: { key: `RESERVATION#${orderKey}`, status: 'reserved', pieces },
                  ConditionExpression: 'attribute_not_exists(#key)',
                  ExpressionAttributeNames: { '#key': 'key' },
                },
              },
              ...pieces.map(({ sku, quantity }) => ({
                Update: {
                  TableName: stockTable,
                  Key: { key: `SKU#${sku}` },
                  UpdateExpression: 'SET available = available - :quantity',
                  ConditionExpression: 'available >= :quantity',
                  ExpressionAttributeValues: { ':quantity': quantity },
                },
              })),
            ],
          }),
        );
      } catch (error) {
        if (!(error instanceof TransactionCanceledException)) throw error;
        // The reservation is there: an earlier try of this call made it.
        if (error.CancellationReasons?.[0]?.Code !== 'ConditionalCheckFailed') throw error;
      }
    },

    async writeStatus({ orderKey, status }) {
      await set(orderKey, 'SET #state = :state', { ':state': status });
    },

    async storeIntent({ orderKey, intentId }) {
      const Item = { orderKey, entry: 'PAYMENT', intentId };
      await table.send(new PutCommand({ TableName: paymentsTable, Item }));
    },

    async publish({ orderKey, channel, orderId, customerId, status, version }) {
      const isForCustomers = (CUSTOMER_STATES as readonly string[]).includes(status);
      await sns.send(
        new PublishCommand({
          TopicArn: topicArn,
          Message: JSON.stringify({
            notificationId: `${orderKey}/${version}`,
            workflowId: orderKey,
            channel,
            orderId,
            customerId,
            version,
            state: status,
          }),
          MessageAttributes: {
            state: { DataType: 'String', StringValue: status },
            severity: { DataType: 'String', StringValue: 'info' },
            channel: { DataType: 'String', StringValue: channel },
            ...(isForCustomers && { audience: { DataType: 'String', StringValue: 'customers' } }),
          },
        }),
      );
    },

    async createShipment({ orderKey, placed: { channel, orderId, lines } }) {
      const pieces = lines.map(({ sku, quantity }) => ({ sku, quantity }));
      const sellerId = lines[0]?.sellerId;
      const reference = encodeURIComponent(`${orderKey}/1`);
      const response = await fetch(`${carrierUrl}/shipments/${reference}`, {
        method: 'PUT',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ channel, orderId, shipmentId: '1', sellerId, pieces }),
        signal: AbortSignal.timeout(10_000),
      });
      const text = await response.text();
      if (!response.ok) throw new Error(`carrier answered ${response.status}: ${text}`);
    },

    async closeRow({ orderKey }) {
      const values = { ':state': 'closed', ':at': new Date().toISOString() };
      await set(orderKey, 'SET #state = :state, closedAt = :at', values);
    },
  };
}

/** The same for the provider's: an idempotency key for each order and step. */
export function createObviousPaymentActivities(stripe: Stripe): ObviousPaymentActivities {
  const key = (orderKey: string, step: string) => ({ idempotencyKey: `${orderKey}/${step}` });
  return {
    async createIntent({ orderKey, money }) {
      const { id } = await stripe.paymentIntents.create(
        {
          amount: money.amount,
          currency: money.currency.toLowerCase(),
          capture_method: 'manual',
          allowed_payment_method_types: ['card'],
          metadata: { orderKey },
        },
        key(orderKey, 'create'),
      );
      return { id };
    },

    async confirm({ orderKey, intentId, method }) {
      const options = key(orderKey, 'confirm');
      await stripe.paymentIntents.confirm(intentId, { payment_method: method }, options);
    },

    async capture({ orderKey, intentId }) {
      await stripe.paymentIntents.capture(intentId, {}, key(orderKey, 'capture'));
    },
  };
}
