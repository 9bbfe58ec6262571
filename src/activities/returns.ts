import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import type { SNSClient } from '@aws-sdk/client-sns';
import { GetCommand, PutCommand, type DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import type { OpenReturnAnswer, ReturnActivities } from '../contracts/activities.ts';
import { orderWorkflowId, type OrderRow } from '../contracts/orders.ts';
import type { ReturnedPieces } from '../contracts/returns.ts';
import { countsAfterClosing, decideReturn } from '../domain/return.ts';
import { publishReturnNews } from './notifications.ts';
import { returnTable, type OrderReturns, type ReturnsChange } from './returnTable.ts';

export interface ReturnActivitiesOptions {
  readonly table: DynamoDBDocumentClient;
  /** Its partition key is the string `returnKey`: the return's workflow ID. */
  readonly returnsTable: string;
  /** Its partition key is the string `orderKey`: the order's workflow ID. */
  readonly ordersTable: string;
  /** Its keys are the strings `orderKey` and `entry`. */
  readonly paymentsTable: string;
  readonly sns: SNSClient;
  /** A standard topic. */
  readonly topicArn: string;
}

/** Other returns of the same order were quicker, each time. Nothing was written; it may be repeated. */
class ReturnsBusyError extends Error {
  override readonly name = 'ReturnsBusyError';
}

/**
 * Returns in DynamoDB, and their notifications on SNS. What is decided rests on the counts of all returns of the order, so these are written together
 * with the return's entry, on the condition that they are still as they were read: of two returns of the same
 * pieces, one decides again. An entry's end is for ever: a call that arrives late finds it, and changes nothing.
 *
 * Whatever is thrown may be repeated.
 */
export function createReturnActivities({
  table,
  returnsTable,
  ordersTable,
  paymentsTable,
  sns,
  topicArn,
}: ReturnActivitiesOptions): ReturnActivities {
  const stored = returnTable(table, paymentsTable);

  async function readOrder(orderKey: string): Promise<StoredOrder | undefined> {
    const { Item } = await table.send(
      new GetCommand({ TableName: ordersTable, Key: { orderKey }, ConsistentRead: true }),
    );
    return Item as StoredOrder | undefined;
  }

  /** What a return that is not entered yet comes to. */
  async function decide(orderKey: string, asked: readonly ReturnedPieces[]): Promise<Entering> {
    const row = await readOrder(orderKey);
    if (!row) return { answer: rejected('unknown-order') };
    const seen = await stored.returns(orderKey);
    const order = { ...row, cancelledLines: row.cancelledLines ?? [] };
    const decision = decideReturn(order, seen.counts, asked);
    const { customerId, total } = row;
    if (decision.kind === 'rejected') return { answer: { ...decision, customerId } };
    const { kind, lines, counts } = decision;
    return {
      answer: { kind, customerId, currency: total.currency, lines },
      returns: { seen, counts },
    };
  }

  return {
    async openReturn({ returnId, order, lines }) {
      const orderKey = orderWorkflowId(order);
      return await untilWritten(orderKey, async () => {
        const seen = await stored.entry(orderKey, returnId);
        if (seen) return seen.answer;
        const { answer, returns } = await decide(orderKey, lines);
        // A rejection is entered too: a try of this call that is still under way cannot open the return any more.
        const next = { status: answer.kind, answer };
        const isWritten = await stored.write(orderKey, returnId, { seen, next }, returns);
        return isWritten ? answer : undefined;
      });
    },

    async closeReturn({ returnId, order, accepted }) {
      const orderKey = orderWorkflowId(order);
      await untilWritten(orderKey, async () => {
        const { entry, returns: counted } = await stored.entryWithReturns(orderKey, returnId);
        const answer = entry?.answer ?? rejected('return-closed');
        if (entry && entry.status !== 'opened') return true;
        const next = { status: 'closed', answer } as const;
        const returns = answer.kind === 'opened' ? lettingGo(counted, answer, accepted) : undefined;
        const isWritten = await stored.write(orderKey, returnId, { seen: entry, next }, returns);
        return isWritten || undefined;
      });
    },

    async announceReturn(row, news = []) {
      try {
        await table.send(
          new PutCommand({
            TableName: returnsTable,
            Item: { ...row, returnKey: row.workflowId, orderKey: orderWorkflowId(row) },
            ConditionExpression: 'attribute_not_exists(returnKey) OR revision < :revision',
            ExpressionAttributeValues: { ':revision': row.revision },
          }),
        );
      } catch (error) {
        if (!(error instanceof ConditionalCheckFailedException)) throw error;
      }
      // Published even where the row was there: the attempt that wrote it may have ended before it came to this.
      await publishReturnNews(sns, topicArn, row, news);
    },
  };
}

/** The counts without what of an opened return was not accepted. */
function lettingGo(
  seen: OrderReturns,
  { lines }: Extract<OpenReturnAnswer, { kind: 'opened' }>,
  accepted: readonly ReturnedPieces[],
): ReturnsChange {
  return { seen, counts: countsAfterClosing(seen.counts, lines, accepted) };
}

/** How a return is entered: with the counts, if it is opened. */
interface Entering {
  readonly answer: OpenReturnAnswer;
  readonly returns?: ReturnsChange;
}

/** An order as it is stored: one from before lines could be cancelled does not say which were. */
type StoredOrder = Omit<OrderRow, 'cancelledLines'> & Partial<Pick<OrderRow, 'cancelledLines'>>;

/** How often what another return of the order has overtaken is decided again at once. */
const LOOKS = 5;

/** @param look - decides and writes; undefined when it was overtaken. @throws ReturnsBusyError after five looks. */
async function untilWritten<Answer>(
  orderKey: string,
  look: () => Promise<Answer | undefined>,
): Promise<Answer> {
  for (let round = 1; round <= LOOKS; round += 1) {
    const answer = await look();
    if (answer !== undefined) return answer;
  }
  throw new ReturnsBusyError(`other returns of ${orderKey} were quicker ${LOOKS} times`);
}

function rejected(reason: string): Extract<OpenReturnAnswer, { kind: 'rejected' }> {
  return { kind: 'rejected', reason };
}
