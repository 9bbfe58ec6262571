import { TransactionCanceledException } from '@aws-sdk/client-dynamodb';
import {
  type DynamoDBDocumentClient,
  GetCommand,
  paginateQuery,
  TransactWriteCommand,
  type TransactWriteCommandInput,
  UpdateCommand,
} from '@aws-sdk/lib-dynamodb';
import { paymentKey, type PaymentRow } from './paymentTable.ts';

/** One refund: PK `orderKey`, SK `REFUND#{refundId}`. Its amount has left `refundable`, except while it is `refused`. */
export interface RefundRow {
  readonly refundId: string;
  /** In minor units of the payment's currency. */
  readonly amount: number;
  readonly status: 'pending' | 'done' | 'refused';
  /** The provider's ID; present when it is done. */
  readonly providerId?: string;
}

const REFUND = 'REFUND#';

/** The payment is disputed, so no refund of it begins now: it will be possible once every dispute is closed. */
export class RefundsHeldError extends Error {
  override readonly name = 'RefundsHeldError';
}

export type RefundTable = ReturnType<typeof refundTable>;

/** The refunds in the payments table. An amount is taken and given back in the transaction that says what for. */
export function refundTable(client: DynamoDBDocumentClient, tableName: string) {
  const refundKey = (orderKey: string, refundId: string) => ({
    orderKey,
    entry: `${REFUND}${refundId}`,
  });

  return {
    async read(orderKey: string, refundId: string): Promise<RefundRow | undefined> {
      const Key = refundKey(orderKey, refundId);
      const command = new GetCommand({ TableName: tableName, Key, ConsistentRead: true });
      return (await client.send(command)).Item as RefundRow | undefined;
    },

    /** The refunds of an order that have begun and not ended. */
    async pending(orderKey: string): Promise<readonly RefundRow[]> {
      const rows: RefundRow[] = [];
      const pages = paginateQuery(
        { client },
        {
          TableName: tableName,
          KeyConditionExpression: 'orderKey = :order AND begins_with(entry, :refund)',
          FilterExpression: '#status = :pending',
          ExpressionAttributeNames: { '#status': 'status' },
          ExpressionAttributeValues: {
            ':order': orderKey,
            ':refund': REFUND,
            ':pending': 'pending',
          },
          ConsistentRead: true,
        },
      );
      for await (const { Items } of pages) rows.push(...((Items ?? []) as RefundRow[]));
      return rows;
    },

    /**
     * Takes the amount out of `refundable` and enters the refund, or neither. One that was refused is entered
     * again; one that is there otherwise stays as it is.
     *
     * @param status what the payment has to be
     * @throws RefundsHeldError while the payment is disputed
     * @throws when it is not, when less than the amount is refundable, and when another transaction is in the way
     */
    async enter(
      orderKey: string,
      refundId: string,
      amount: number,
      status: PaymentRow['status'],
    ): Promise<void> {
      const failed = await transact([
        {
          Put: {
            TableName: tableName,
            Item: { ...refundKey(orderKey, refundId), refundId, amount, status: 'pending' },
            ConditionExpression: 'attribute_not_exists(entry) OR #status = :refused',
            ExpressionAttributeNames: { '#status': 'status' },
            ExpressionAttributeValues: { ':refused': 'refused' },
          },
        },
        {
          Update: {
            TableName: tableName,
            Key: paymentKey(orderKey),
            UpdateExpression: 'SET refundable = refundable - :amount',
            ConditionExpression:
              'refundable >= :amount AND #status = :status AND attribute_not_exists(disputed)',
            ExpressionAttributeNames: { '#status': 'status' },
            ExpressionAttributeValues: { ':amount': amount, ':status': status },
          },
        },
      ]);
      const isThere = failed.includes(0);
      if (failed.length > 0 && !isThere) {
        const { disputed } = (await readPayment(orderKey)) ?? {};
        if (disputed) {
          const names = [...disputed].join(', ');
          throw new RefundsHeldError(`refund ${refundId}: held until these are closed: ${names}`);
        }
        throw new Error(
          `refund ${refundId}: less than ${amount} is refundable, or the payment is not ${status}`,
        );
      }
    },

    /**
     * Gives the amount of a pending refund back and moves `step` on from the idempotency key that was refused,
     * which `number` names: so a late repeat of that key gives nothing back a second time. What was lost in disputes
     * beyond what was refundable is taken out of it first.
     */
    async refuse(
      { orderKey, overdrawn = 0 }: PaymentRow,
      { refundId, amount }: RefundRow,
      step: string,
      number: number,
    ): Promise<void> {
      const isFirst = number === 1;
      const paid = Math.min(amount, overdrawn);
      await transact([
        {
          Update: {
            TableName: tableName,
            Key: refundKey(orderKey, refundId),
            UpdateExpression: 'SET #status = :refused',
            ConditionExpression: '#status = :pending',
            ExpressionAttributeNames: { '#status': 'status' },
            ExpressionAttributeValues: { ':refused': 'refused', ':pending': 'pending' },
          },
        },
        {
          Update: {
            TableName: tableName,
            Key: paymentKey(orderKey),
            UpdateExpression:
              'SET refundable = refundable + :rest, overdrawn = :owed, ' +
              'lost = if_not_exists(lost, :zero) + :paid, #keys.#step = :next',
            ConditionExpression: [
              isFirst ? 'attribute_not_exists(#keys.#step)' : '#keys.#step = :number',
              overdrawn > 0
                ? 'overdrawn = :seen'
                : '(attribute_not_exists(overdrawn) OR overdrawn = :seen)',
            ].join(' AND '),
            ExpressionAttributeNames: { '#keys': 'keys', '#step': step },
            ExpressionAttributeValues: {
              ':rest': amount - paid,
              ':owed': overdrawn - paid,
              ':paid': paid,
              ':zero': 0,
              ':seen': overdrawn,
              ':next': number + 1,
              ...(!isFirst && { ':number': number }),
            },
          },
        },
      ]);
    },

    async settle(orderKey: string, refundId: string, providerId: string): Promise<void> {
      await client.send(
        new UpdateCommand({
          TableName: tableName,
          Key: refundKey(orderKey, refundId),
          UpdateExpression: 'SET #status = :done, providerId = :providerId',
          ExpressionAttributeNames: { '#status': 'status' },
          ExpressionAttributeValues: { ':done': 'done', ':providerId': providerId },
        }),
      );
    },
  };

  async function readPayment(orderKey: string): Promise<PaymentRow | undefined> {
    const Key = paymentKey(orderKey);
    const command = new GetCommand({ TableName: tableName, Key, ConsistentRead: true });
    return (await client.send(command)).Item as PaymentRow | undefined;
  }

  /** @returns which items' conditions did not hold (then nothing was written); everything else is thrown. */
  async function transact(items: TransactWriteCommandInput['TransactItems']): Promise<number[]> {
    try {
      await client.send(new TransactWriteCommand({ TransactItems: items }));
      return [];
    } catch (error) {
      if (!(error instanceof TransactionCanceledException)) throw error;
      const codes = (error.CancellationReasons ?? []).map(({ Code }) => Code);
      const failed = [...codes.keys()].filter((index) => codes[index] === 'ConditionalCheckFailed');
      if (failed.length === 0) throw error;
      return failed;
    }
  }
}
