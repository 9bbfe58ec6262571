import { Duration, RemovalPolicy, Stack, type StackProps, Validations } from 'aws-cdk-lib';
import { EventBus, Rule, Schedule } from 'aws-cdk-lib/aws-events';
import { type IKey, Key } from 'aws-cdk-lib/aws-kms';
import { SubscriptionFilter, Topic } from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';
import { SOURCES } from '../src/contracts/events.ts';
import type { Attribute } from '../src/contracts/notifications.ts';
import { LEAST_RECEIVES } from '../src/contracts/queues.ts';
import type { Audience, Severity } from '../src/domain/notification.ts';
import {
  deadLetterQueue,
  encryptedQueue,
  letServicesUse,
  type QueuePair,
  QueueTarget,
  subscribe,
} from './delivery.ts';
import { output } from './output.ts';

/** The queues that the bridge reads. */
export type SourceQueueName =
  | 'Orders'
  | 'Payments'
  | 'Fulfilment'
  | 'Returns'
  | 'Inventory'
  | 'Operations'
  | 'PaymentsFifo';

const RETENTION = Duration.days(4);
/** Their readers are not always there. */
const AUDIENCE_RETENTION = Duration.days(14);
const TOPIC_NAME = 'order-notifications';
/** A sweep that could not be asked for within the hour is not worth having: the next night's is. */
const SWEEP_RETRIES = { maxEventAge: Duration.hours(1), retryAttempts: 185 };

/**
 * Who is told, by a queue named in the stack's outputs as a source queue is, and of what: an attribute and the values
 * that are let through; null: everything. Whom a notification is meant for is decided where it is published.
 */
const SUBSCRIPTIONS = {
  Customers: audience('customers'),
  Support: only<Severity>('severity', 'warning', 'critical'),
  Analytics: null,
  Security: audience('security'),
} as const;

export type AudienceName = keyof typeof SUBSCRIPTIONS;

/** What carries messages: the bus, the queues that the bridge reads, the topic and the queues of those who are told. */
export class MessagingStack extends Stack {
  readonly bus: EventBus;
  /** Named in the stack's outputs as `{name}QueueUrl` and `{name}DlqUrl`. */
  readonly queues: Readonly<Record<SourceQueueName, QueuePair>>;
  readonly notifications: Topic;
  readonly audienceQueues: Readonly<Record<AudienceName, QueuePair>>;
  /** What all of these are encrypted with. */
  readonly key: IKey;

  constructor(scope: Construct, id: string, props?: StackProps) {
    super(scope, id, props);

    const key = new Key(this, 'Key', {
      alias: 'waybill/messaging',
      description: 'What Waybill sends and receives: its queues and its topic',
      enableKeyRotation: true,
      removalPolicy: RemovalPolicy.RETAIN,
    });
    letServicesUse(key, this, TOPIC_NAME);
    this.key = key;
    this.bus = new EventBus(this, 'EventBus', { eventBusName: 'waybill' });
    output(this, 'EventBusName', this.bus.eventBusName);

    this.queues = {
      Orders: this.sourceQueue('Orders', 'orders'),
      Payments: this.sourceQueue('Payments', 'payments'),
      Fulfilment: this.sourceQueue('Fulfilment', 'fulfilment'),
      Returns: this.sourceQueue('Returns', 'returns'),
      Inventory: this.sourceQueue('Inventory', 'inventory'),
      Operations: this.sourceQueue('Operations', 'operations'),
      // Its producers promise order. No rule may target it: a rule's message group is one fixed string.
      PaymentsFifo: this.sourceQueue('PaymentsFifo', 'payments.fifo'),
    };
    this.route(SOURCES.storefront, this.queues.Orders);
    this.route(SOURCES.payments, this.queues.Payments);
    this.route(SOURCES.fulfilment, this.queues.Fulfilment);
    this.route(SOURCES.returns, this.queues.Returns);
    this.route(SOURCES.inventory, this.queues.Inventory);
    this.sweep(this.queues.Operations);

    this.notifications = new Topic(this, 'Notifications', {
      topicName: TOPIC_NAME,
      masterKey: this.key,
      enforceSSL: true,
    });
    output(this, 'NotificationsTopicArn', this.notifications.topicArn);
    this.audienceQueues = {
      Customers: this.audienceQueue('Customers'),
      Support: this.audienceQueue('Support'),
      Analytics: this.audienceQueue('Analytics'),
      Security: this.audienceQueue('Security'),
    };
  }

  private sourceQueue(name: SourceQueueName, queueName: string): QueuePair {
    const fifo = queueName.endsWith('.fifo');
    const kind = fifo ? { fifo } : {};
    const dlq = deadLetterQueue(this, `${name}Dlq`, this.key, {
      ...kind,
      queueName: fifo ? queueName.replace(/\.fifo$/, '-dlq.fifo') : `${queueName}-dlq`,
    });
    const queue = encryptedQueue(this, `${name}Queue`, this.key, {
      ...kind,
      queueName,
      retentionPeriod: RETENTION,
      visibilityTimeout: Duration.seconds(30),
      receiveMessageWaitTime: Duration.seconds(20),
      deadLetterQueue: { queue: dlq, maxReceiveCount: LEAST_RECEIVES[fifo ? 'fifo' : 'standard'] },
    });
    return this.announced(name, { queue, dlq });
  }

  /** By source alone: an event of a type that nobody knows is parked by the bridge with its reason. */
  private route(source: string, pair: QueuePair): void {
    new Rule(this, `${pair.queue.node.id}Rule`, {
      eventBus: this.bus,
      eventPattern: { source: [source] },
      targets: [new QueueTarget(pair)],
    });
  }

  /**
   * Each night, from the account's own bus: EventBridge has no schedules on others. It is off, as Temporal's schedule does
   * the same (`waybill setup`): for whoever wants AWS to keep the time.
   */
  private sweep(pair: QueuePair): void {
    new Rule(this, 'NightlySweep', {
      description: 'Has the service audited, each day at 02:00 UTC',
      enabled: false,
      schedule: Schedule.cron({ hour: '2', minute: '0' }),
      targets: [new QueueTarget(pair, SWEEP_RETRIES)],
    });
  }

  private audienceQueue(name: AudienceName): QueuePair {
    const queueName = `${name.toLowerCase()}-notifications`;
    // What SNS cannot bring to the queue. What its reader cannot read is the reader's.
    const dlq = deadLetterQueue(this, `${name}Dlq`, this.key, { queueName: `${queueName}-dlq` });
    const queue = encryptedQueue(this, `${name}Queue`, this.key, {
      queueName,
      retentionPeriod: AUDIENCE_RETENTION,
      receiveMessageWaitTime: Duration.seconds(20),
    });
    Validations.of(queue).acknowledge({
      id: 'AwsSolutions-SQS3',
      reason: 'Its reader, a team of its own, decides what becomes of what it cannot read',
    });
    const filterPolicy = SUBSCRIPTIONS[name];
    subscribe(this.notifications, { queue, dlq }, filterPolicy ? { filterPolicy } : {});
    return this.announced(name, { queue, dlq });
  }

  private announced(name: SourceQueueName | AudienceName, pair: QueuePair): QueuePair {
    output(this, `${name}QueueUrl`, pair.queue.queueUrl);
    output(this, `${name}DlqUrl`, pair.dlq.queueUrl);
    return pair;
  }
}

function audience(one: Audience) {
  return only('audience', one);
}

function only<Value extends string>(attribute: Attribute, ...allowlist: Value[]) {
  return { [attribute]: SubscriptionFilter.stringFilter({ allowlist }) };
}
