import { setTimeout as delay } from 'node:timers/promises';
import type { SQSClient } from '@aws-sdk/client-sqs';
import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import type { Client } from '@temporalio/client';
import type Stripe from 'stripe';
import type { Queue } from '../bridges/queue.ts';
import type { OrderNotification } from '../contracts/orders.ts';
import {
  accountForEvents,
  type Acknowledgement,
  type EventAccount,
  type SentEvent,
} from './account.ts';
import { checkOrders, checkStock, type Disagreement } from './checks.ts';
import { readLedger } from './ledger.ts';
import {
  checkNotifications,
  checkReturnNotifications,
  checkSubscription,
} from './notificationChecks.ts';
import { listParked } from './parked.ts';
import { countMessages, peekQueue } from './queues.ts';
import { checkReturns } from './returnChecks.ts';
import { readTables, type TableNames } from './tables.ts';
import { readOrderFacts, readReturnFacts } from './workflowFacts.ts';

export interface AuditSources extends TableNames {
  readonly temporal: Client;
  readonly table: DynamoDBDocumentClient;
  readonly sqs: SQSClient;
  readonly stripe: Stripe;
  /** The queues that bridges read. */
  readonly queues: readonly Pick<Queue, 'url' | 'deadLetterUrl'>[];
  /** What was sent, where the senders noted it. */
  readonly sent: readonly SentEvent[];
  /** The events that bridges' logs say were acknowledged without being delivered. */
  readonly acknowledged: ReadonlyMap<string, Acknowledgement>;
  /** What was published, where somebody kept it; absent: not checked. */
  readonly notifications?: readonly OrderNotification[];
  /** The queue of the support team's subscription; absent: not checked. */
  readonly supportQueueUrl?: string;
}

export interface Audit {
  readonly orders: Readonly<Record<string, number>>;
  readonly money: { readonly captured: number; readonly refunded: number };
  readonly events: EventAccount;
  readonly parked: readonly { readonly code: string; readonly eventId: string | null }[];
  /** Empty when everything agrees. */
  readonly disagreements: readonly Disagreement[];
}

/** How often it is looked, while something disagrees, and how long is waited in between, in milliseconds. */
const LOOKS = 3;
const BETWEEN_LOOKS = 500;

/**
 * Reads workflows, tables, ledger, queues and notifications from the outside, and checks that they agree to the
 * cent, to the piece and to the event. It changes nothing. Orders move on while they are read: what disagrees is
 * looked at again, and only what disagrees each time is told.
 */
export async function audit(sources: AuditSources): Promise<Audit> {
  let account = await look(sources);
  for (let looks = 1; looks < LOOKS && account.disagreements.length > 0; looks += 1) {
    await delay(BETWEEN_LOOKS);
    const before = new Set(account.disagreements.map(textOf));
    account = await look(sources);
    const disagreements = account.disagreements.filter((one) => before.has(textOf(one)));
    account = { ...account, disagreements };
  }
  return account;
}

function textOf({ subject, says }: Disagreement): string {
  return `${subject}: ${says}`;
}

async function look(sources: AuditSources): Promise<Audit> {
  const { temporal, sqs, notifications, supportQueueUrl } = sources;
  const [facts, returns, stored, ledger, parked, queued] = await Promise.all([
    readOrderFacts(temporal),
    readReturnFacts(temporal),
    readTables(sources.table, sources),
    readLedger(sources.stripe),
    readParked(sources),
    Promise.all(sources.queues.map(({ url }) => countMessages(sqs, url))),
  ]);
  const events = accountForEvents(sources.sent, {
    started: new Set(facts.flatMap(({ startedBy }) => startedBy ?? [])),
    inboxes: [...facts, ...returns].map(({ inbox }) => inbox),
    parked: new Set(parked.flatMap(({ eventId }) => eventId ?? [])),
    acknowledged: sources.acknowledged,
    closedAt: new Map(
      [...facts, ...returns].map(({ workflowId, closedAt }) => [workflowId, closedAt ?? Infinity]),
    ),
    queued: queued.reduce((total, count) => total + count, 0),
  });
  const disagreements = [
    ...checkOrders(facts, stored, ledger),
    ...checkReturns(returns, stored),
    ...checkStock(stored),
    ...events.lost.map(({ id, type }) => ({ subject: id, says: `${type} was lost` })),
    ...events.contradictory.map(({ id, traces }) => ({ subject: id, says: traces.join(' and ') })),
    ...(notifications ? checkNotifications(stored.orders, notifications) : []),
    ...(notifications ? checkReturnNotifications(stored.returns, notifications) : []),
  ];
  if (notifications && supportQueueUrl !== undefined) {
    const forSupport = notifications.filter(({ severity }) => severity !== 'info');
    disagreements.push(
      ...checkSubscription(
        'support',
        new Set(forSupport.map(({ notificationId }) => notificationId)),
        await readNotificationIds(sqs, supportQueueUrl),
      ),
    );
  }
  return {
    orders: Object.fromEntries(
      [...Map.groupBy(facts, ({ state }) => state ?? 'unknown')].map(([state, some]) => [
        state,
        some.length,
      ]),
    ),
    money: {
      captured: ledger.reduce((total, { captured }) => total + captured, 0),
      refunded: ledger.reduce((total, { refunded }) => total + refunded, 0),
    },
    events,
    parked: parked.map(({ code, eventId }) => ({ code, eventId })),
    disagreements,
  };
}

async function readParked({ sqs, queues }: AuditSources) {
  const lists = await Promise.all(
    queues.map(({ deadLetterUrl }) => listParked(sqs, deadLetterUrl)),
  );
  return lists.flat();
}

/** By the IDs of the notifications; what is none, by that of its message. */
async function readNotificationIds(sqs: SQSClient, queueUrl: string): Promise<ReadonlySet<string>> {
  const messages = await peekQueue(sqs, queueUrl);
  return new Set(
    messages.map(({ MessageId = '', Body = '' }) => {
      try {
        return (JSON.parse(Body) as OrderNotification).notificationId;
      } catch {
        return MessageId;
      }
    }),
  );
}
