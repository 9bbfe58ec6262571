import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import {
  type DynamoDBDocumentClient,
  GetCommand,
  PutCommand,
  UpdateCommand,
} from '@aws-sdk/lib-dynamodb';
import type { Money } from '../domain/money.ts';

/** What the payments table knows of one order's payment: PK `orderKey`, SK `entry`, here `PAYMENT`. */
export interface PaymentRow extends Money {
  readonly orderKey: string;
  /** `returned` is for ever: nothing is authorised or captured on purpose any more. */
  readonly status: 'open' | 'captured' | 'returned';
  /** The one intent that may be confirmed or captured. */
  readonly intentId?: string;
  /** Which of the order's intents that is; absent: 0, the first. */
  readonly renewal?: number;
  /** The intents before it, oldest first. Each was cancelled at the provider, which is final, before it was replaced. */
  readonly lapsed?: readonly string[];
  /** The attempt that may confirm the intent; the younger one wins. */
  readonly attempt?: number;
  /** The charge that the provider's last decline named when that attempt began; null where there was none. */
  readonly chargeBefore?: string | null;
  /** The attempt that asked the customer to authenticate the payment: how that ended is of this attempt. */
  readonly askedIn?: number;
  /** How many idempotency keys each step is at; a step that is not here is at its first. */
  readonly keys: Readonly<Record<string, number>>;
  /** In minor units. */
  readonly captured: number;
  /** Captured and neither given back nor about to be, in minor units. */
  readonly refundable: number;
  /** The disputes that are open; absent when none is. While there is one, no refund begins. */
  readonly disputed?: ReadonlySet<string>;
  /** The disputes that were closed: none of them is opened or closed again. */
  readonly decided?: ReadonlySet<string>;
  /** Lost in disputes beyond what was refundable then, in minor units; absent: 0. A refused refund pays for it first. */
  readonly overdrawn?: number;
  /** Lost in disputes out of what was refundable, in minor units; absent: 0. */
  readonly lost?: number;
}

export type PaymentTable = ReturnType<typeof paymentTable>;

/** @throws when the row is of another amount or currency: then something is wrong that no retry should hide. */
export function assertSameMoney(row: PaymentRow, { amount, currency }: Money): void {
  if (row.amount === amount && row.currency === currency) return;
  throw new Error(
    `payment of ${row.orderKey}: expected ${row.amount} ${row.currency}, received ${amount} ${currency}`,
  );
}

/** The key of an order's payment row. */
export function paymentKey(orderKey: string) {
  return { orderKey, entry: 'PAYMENT' };
}

/** The payments table: each method is one conditional write or one consistent read. Repeating one is harmless. */
export function paymentTable(client: DynamoDBDocumentClient, tableName: string) {
  async function read(orderKey: string): Promise<PaymentRow | undefined> {
    const { Item } = await client.send(
      new GetCommand({ TableName: tableName, Key: paymentKey(orderKey), ConsistentRead: true }),
    );
    return Item as PaymentRow | undefined;
  }

  /** @returns the row as it is now, or null when the condition does not hold. */
  async function update(
    orderKey: string,
    expressions: {
      readonly set: string;
      readonly remove?: string;
      readonly condition?: string;
      readonly names?: Record<string, string>;
      readonly values: Record<string, unknown>;
    },
  ): Promise<PaymentRow | null> {
    try {
      const { Attributes } = await client.send(
        new UpdateCommand({
          TableName: tableName,
          Key: paymentKey(orderKey),
          UpdateExpression: `SET ${expressions.set}${expressions.remove ? ` REMOVE ${expressions.remove}` : ''}`,
          ConditionExpression: expressions.condition,
          ExpressionAttributeNames: expressions.names,
          ExpressionAttributeValues: expressions.values,
          ReturnValues: 'ALL_NEW',
        }),
      );
      return Attributes as PaymentRow;
    } catch (error) {
      if (error instanceof ConditionalCheckFailedException) return null;
      throw error;
    }
  }

  return {
    read,

    /** Puts an open row if there is none. @returns the one that is there. */
    async open(orderKey: string, { amount, currency }: Money): Promise<PaymentRow> {
      const row: PaymentRow = {
        orderKey,
        amount,
        currency,
        status: 'open',
        keys: {},
        captured: 0,
        refundable: 0,
      };
      try {
        await client.send(
          new PutCommand({
            TableName: tableName,
            Item: { ...row, ...paymentKey(orderKey) },
            ConditionExpression: 'attribute_not_exists(entry)',
          }),
        );
        return row;
      } catch (error) {
        if (!(error instanceof ConditionalCheckFailedException)) throw error;
        return (await read(orderKey)) as PaymentRow;
      }
    },

    /** @returns null when the payment is returned, has an intent already, or was renewed since this row was read. */
    storeIntent: ({ orderKey, renewal }: PaymentRow, intentId: string) =>
      update(orderKey, {
        set: 'intentId = :intentId',
        condition: `#status = :open AND attribute_not_exists(intentId) AND ${
          renewal === undefined ? 'attribute_not_exists(renewal)' : 'renewal = :renewal'
        }`,
        names: { '#status': 'status' },
        values: {
          ':intentId': intentId,
          ':open': 'open',
          ...(renewal !== undefined && { ':renewal': renewal }),
        },
      }),

    /**
     * Makes room for another intent in place of one that the provider has cancelled. What may still come of the old
     * one's attempts finds it gone.
     *
     * @returns null when the payment is not open, or this is not its intent any more
     */
    renew: (orderKey: string, lapsedId: string, renewal: number) =>
      update(orderKey, {
        set: 'renewal = :renewal, lapsed = list_append(if_not_exists(lapsed, :none), :lapsed)',
        remove: 'intentId, attempt, chargeBefore, askedIn',
        condition: '#status = :open AND intentId = :id',
        names: { '#status': 'status' },
        values: {
          ':renewal': renewal,
          ':none': [],
          ':lapsed': [lapsedId],
          ':id': lapsedId,
          ':open': 'open',
        },
      }),

    /** Lets this attempt confirm the intent, unless a later one may, or it is another's turn or none's (then null). */
    async beginAttempt(
      orderKey: string,
      intentId: string,
      attempt: number,
      chargeBefore: string | null,
    ): Promise<PaymentRow | null> {
      const begun = await update(orderKey, {
        set: 'attempt = :attempt, chargeBefore = :charge',
        condition:
          '#status = :open AND intentId = :id AND (attribute_not_exists(attempt) OR attempt < :attempt)',
        names: { '#status': 'status' },
        values: { ':attempt': attempt, ':charge': chargeBefore, ':id': intentId, ':open': 'open' },
      });
      if (begun) return begun;
      const row = await read(orderKey);
      const isStill =
        row?.status === 'open' && row.intentId === intentId && row.attempt === attempt;
      return isStill ? row : null;
    },

    /** Notes that this attempt asked the customer to act. @returns null when it is not the one that may any more. */
    noteAsked: (orderKey: string, intentId: string, attempt: number) =>
      update(orderKey, {
        set: 'askedIn = :attempt',
        condition: '#status = :open AND intentId = :id AND attempt = :attempt',
        names: { '#status': 'status' },
        values: { ':attempt': attempt, ':id': intentId, ':open': 'open' },
      }),

    /** Moves a step on from the idempotency key with this number, if it is still at it. */
    nextKey: (orderKey: string, step: string, number: number) =>
      update(orderKey, {
        set: '#keys.#step = :next',
        condition: number === 1 ? 'attribute_not_exists(#keys.#step)' : '#keys.#step = :number',
        names: { '#keys': 'keys', '#step': step },
        values: { ':next': number + 1, ...(number > 1 && { ':number': number }) },
      }),

    /** Records what was captured, once. @returns null when it is recorded already, or the payment is returned. */
    recordCapture: (orderKey: string, amount: number) =>
      update(orderKey, {
        set: 'captured = :amount, refundable = :amount, #status = :captured',
        condition: 'captured = :zero AND #status = :open',
        names: { '#status': 'status' },
        values: { ':amount': amount, ':zero': 0, ':captured': 'captured', ':open': 'open' },
      }),

    /** Records, on a returned payment, a capture that nobody recorded. @returns null when somebody did. */
    recordLostCapture: (orderKey: string, amount: number) =>
      update(orderKey, {
        set: 'captured = :amount, refundable = :amount',
        condition: 'captured = :zero',
        values: { ':amount': amount, ':zero': 0 },
      }),

    /** Makes the payment returned, whether or not there was one. @returns the row, whose intent is now final. */
    async close(orderKey: string, { amount, currency }: Money): Promise<PaymentRow> {
      const row = await update(orderKey, {
        set: [
          '#status = :returned',
          'amount = if_not_exists(amount, :amount)',
          'currency = if_not_exists(currency, :currency)',
          '#keys = if_not_exists(#keys, :none)',
          'captured = if_not_exists(captured, :zero)',
          'refundable = if_not_exists(refundable, :zero)',
        ].join(', '),
        names: { '#status': 'status', '#keys': 'keys' },
        values: {
          ':returned': 'returned',
          ':amount': amount,
          ':currency': currency,
          ':none': {},
          ':zero': 0,
        },
      });
      return row as PaymentRow;
    },
  };
}
