import { setTimeout as pause } from 'node:timers/promises';
import {
  PublishBatchCommand,
  type MessageAttributeValue,
  type PublishBatchRequestEntry,
  type SNSClient,
} from '@aws-sdk/client-sns';
import type { Announcement } from '../contracts/activities.ts';
import type { Attribute, Fact, Notified } from '../contracts/notifications.ts';
import type { OrderNotification } from '../contracts/orders.ts';
import type { ReturnNotification, ReturnRow } from '../contracts/returns.ts';
import { customerText } from '../domain/customerText.ts';
import { audiencesOf, severityOf, type ReturnNews } from '../domain/notification.ts';
import { countNeedsOperator, inPublishSpan, traceAttribute } from './publishing.ts';

/** SNS did not take every notification. Repeated, they carry the same IDs. */
export class UnpublishedError extends Error {
  override readonly name = 'UnpublishedError';
}

/** Publishes one fact. Whatever is thrown may be repeated. */
export type PublishFact = (fact: Fact) => Promise<void>;

/**
 * Publishes facts, however many and of whatever: how severe they are, whom they are meant for and what customers read
 * of them follows from what they are about. What a fact says beyond `Fact` is in its message too.
 *
 * Whatever is thrown may be repeated, under the same IDs. @throws UnpublishedError
 */
export async function publishFacts(
  sns: SNSClient,
  topicArn: string,
  facts: readonly Fact[],
): Promise<void> {
  for (let first = 0; first < facts.length; first += BATCH_SIZE) {
    const batch = facts.slice(first, first + BATCH_SIZE);
    await inPublishSpan(topicArn, batch.length, () => publish(sns, topicArn, batch));
    countNeedsOperator(batch);
  }
}

/** Publishes notifications of an order, however many. Whatever is thrown may be repeated. */
export async function publishNotifications(
  sns: SNSClient,
  topicArn: string,
  { row, notifications }: Announcement,
): Promise<void> {
  const { workflowId, channel, orderId, customerId, lines } = row;
  const facts = notifications.map(
    ({ version, state, reason, notice }): Untold<OrderNotification> => ({
      notificationId: `${workflowId}/${version}`,
      type: notice ?? 'order-state',
      workflowId,
      channel,
      orderId,
      customerId,
      sellerIds: sellersOf(lines),
      version,
      state,
      reason,
    }),
  );
  await publishFacts(sns, topicArn, facts);
}

/** Publishes news of a return, however many. Whatever is thrown may be repeated. */
export async function publishReturnNews(
  sns: SNSClient,
  topicArn: string,
  row: ReturnRow,
  news: readonly ReturnNews[],
): Promise<void> {
  const { workflowId, returnId, channel, orderId, customerId, lines, goodsUntil } = row;
  const facts = news.map(({ version, state, reason, notice }): Untold<ReturnNotification> => ({
    notificationId: `${workflowId}/${version}`,
    type: notice ?? 'return-state',
    workflowId,
    returnId,
    channel,
    orderId,
    ...(customerId !== null && { customerId }),
    sellerIds: sellersOf(lines),
    version,
    state,
    reason,
    goodsUntil,
  }));
  await publishFacts(sns, topicArn, facts);
}

type Untold<Notification extends Notified> = Omit<Notification, keyof Notified>;

function sellersOf(lines: readonly { readonly sellerId: string }[]): readonly string[] {
  return [...new Set(lines.map(({ sellerId }) => sellerId))];
}

/** The most that SNS takes in one call. */
const BATCH_SIZE = 10;
const PUBLISH_ROUNDS = 3;
const PAUSE_MS = 100;

/** Publishes all, sending again only what SNS did not take. @throws UnpublishedError after three rounds. */
async function publish(sns: SNSClient, topicArn: string, facts: readonly Fact[]): Promise<void> {
  let open = facts.map(entryOf);
  let refusals = '';
  for (let round = 1; round <= PUBLISH_ROUNDS; round += 1) {
    const { Failed: failed = [] } = await sns.send(
      new PublishBatchCommand({ TopicArn: topicArn, PublishBatchRequestEntries: open }),
    );
    if (failed.length === 0) return;
    open = open.filter(({ Id }) => failed.some((entry) => entry.Id === Id));
    refusals = failed
      .map(({ Id, Code, Message }) => {
        const { notificationId = '' } = facts[Number(Id)] ?? {};
        return `${notificationId}: ${Code} ${Message ?? ''}`;
      })
      .join('; ');
    if (round < PUBLISH_ROUNDS) await pause(PAUSE_MS * 2 ** round * (0.5 + Math.random() / 2));
  }
  throw new UnpublishedError(`SNS refused ${refusals}`);
}

function entryOf(fact: Fact, index: number): PublishBatchRequestEntry {
  const { customerId } = fact;
  // A customer is told of what is known to be theirs.
  const audiences = audiencesOf(fact).filter((one) => one !== 'customers' || customerId);
  const text = audiences.includes('customers') ? customerText(fact) : null;
  const severity = severityOf(fact);
  const told: Notified = { severity, ...(text && { text }) };
  return {
    Id: String(index),
    Message: JSON.stringify({ ...fact, ...told }),
    MessageAttributes: {
      ...traceAttribute(),
      ...attributesOf({
        type: fact.type,
        status: fact.state,
        severity,
        notificationId: fact.notificationId,
        channel: fact.channel,
        orderId: fact.orderId,
        customerId,
        sellerId: fact.sellerIds,
        audience: audiences,
      }),
    },
  };
}

/** SNS takes no empty value. */
function attributesOf(
  values: Readonly<Record<Attribute, string | readonly string[] | undefined>>,
): Record<string, MessageAttributeValue> {
  return Object.fromEntries(
    Object.entries(values).flatMap(([name, value]) => {
      if (value === undefined || value.length === 0) return [];
      return [
        typeof value === 'string'
          ? [name, { DataType: 'String', StringValue: value }]
          : [name, { DataType: 'String.Array', StringValue: JSON.stringify(value) }],
      ];
    }),
  );
}
