import { CfnOutput, Duration, RemovalPolicy, Stack, type StackProps } from 'aws-cdk-lib';
import { AttributeType, BillingMode, ProjectionType, Table } from 'aws-cdk-lib/aws-dynamodb';
import { EventBus, Rule, Schedule } from 'aws-cdk-lib/aws-events';
import { SqsQueue } from 'aws-cdk-lib/aws-events-targets';
import { SubscriptionFilter, Topic } from 'aws-cdk-lib/aws-sns';
import { SqsSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import { Queue } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import { SOURCES } from '../src/contracts/events.ts';
import { ORDER_INDEXES, ORDER_SUMMARY, RETURNS_BY_ORDER } from '../src/contracts/indexes.ts';
import { FIFO_DEPTH, FIFO_WINDOW, LEAST_RECEIVES } from '../src/contracts/queues.ts';
import type { Attribute } from '../src/contracts/notifications.ts';
import type { Audience, Severity } from '../src/domain/notification.ts';

/** A queue that the bridge reads, named in the stack's outputs as `{output}QueueUrl` and `{output}DlqUrl`. */
interface SourceQueue {
  readonly output: string;
  readonly queueName: string;
  readonly fifo?: boolean;
}

const RETENTION = Duration.days(4);
// A standard queue's message keeps its age when it is moved: a DLQ that kept no longer would lose it.
const DLQ_RETENTION = Duration.days(14);

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

/** Everything the order service needs in AWS. */
export class WaybillStack extends Stack {
  constructor(scope: Construct, id: string, props?: StackProps) {
    super(scope, id, props);

    const bus = new EventBus(this, 'EventBus', { eventBusName: 'waybill' });
    this.output('EventBusName', bus.eventBusName);

    const placed = this.sourceQueue({ output: 'Orders', queueName: 'orders' });
    const payments = this.sourceQueue({ output: 'Payments', queueName: 'payments' });
    const fulfilment = this.sourceQueue({ output: 'Fulfilment', queueName: 'fulfilment' });
    const returned = this.sourceQueue({ output: 'Returns', queueName: 'returns' });
    const inventory = this.sourceQueue({ output: 'Inventory', queueName: 'inventory' });
    const operations = this.sourceQueue({ output: 'Operations', queueName: 'operations' });
    // Its producers promise order. No rule may target it: a rule's message group is one fixed string.
    this.sourceQueue({ output: 'PaymentsFifo', queueName: 'payments.fifo', fifo: true });

    this.route(bus, SOURCES.storefront, placed);
    this.route(bus, SOURCES.payments, payments);
    this.route(bus, SOURCES.fulfilment, fulfilment);
    this.route(bus, SOURCES.returns, returned);
    this.route(bus, SOURCES.inventory, inventory);

    this.sweep(operations);

    this.notifications();

    const orders = this.table('Orders', { partitionKey: 'orderKey' });
    for (const [indexName, partitionKey] of Object.entries(ORDER_INDEXES)) {
      orders.addGlobalSecondaryIndex({
        indexName,
        partitionKey: stringKey(partitionKey),
        sortKey: stringKey('placedAt'),
        projectionType: ProjectionType.INCLUDE,
        nonKeyAttributes: ORDER_SUMMARY.filter((name) => name !== partitionKey),
      });
    }
    this.table('Sellers', { partitionKey: 'sellerId', sortKey: 'placed' });
    this.table('Stock', { partitionKey: 'key' });
    this.table('Payments', { partitionKey: 'orderKey', sortKey: 'entry' });
    const returns = this.table('Returns', { partitionKey: 'returnKey' });
    returns.addGlobalSecondaryIndex({
      indexName: RETURNS_BY_ORDER,
      partitionKey: stringKey('orderKey'),
      sortKey: stringKey('requestedAt'),
    });
    this.table('BackOrders', { partitionKey: 'sku', sortKey: 'place' });
    this.table('Keys', { partitionKey: 'key', timeToLiveAttribute: 'expiresAt' });
  }

  private sourceQueue({ output, queueName, fifo = false }: SourceQueue): Queue {
    const kind = fifo ? { fifo } : {};
    const dlq = new Queue(this, `${output}Dlq`, {
      ...kind,
      queueName: fifo ? queueName.replace(/\.fifo$/, '-dlq.fifo') : `${queueName}-dlq`,
      retentionPeriod: DLQ_RETENTION,
      enforceSSL: true,
    });
    const queue = new Queue(this, `${output}Queue`, {
      ...kind,
      queueName,
      retentionPeriod: RETENTION,
      visibilityTimeout: Duration.seconds(30),
      receiveMessageWaitTime: Duration.seconds(20),
      deadLetterQueue: { queue: dlq, maxReceiveCount: LEAST_RECEIVES[fifo ? 'fifo' : 'standard'] },
      enforceSSL: true,
    });
    if (fifo) this.alarmOfDepth(output, queue);
    this.output(`${output}QueueUrl`, queue.queueUrl);
    this.output(`${output}DlqUrl`, dlq.queueUrl);
    return queue;
  }

  private alarmOfDepth(output: string, queue: Queue): void {
    queue
      .metricApproximateNumberOfMessagesVisible({ period: Duration.minutes(5) })
      .createAlarm(this, `${output}Depth`, {
        alarmDescription: `${queue.node.id}: other groups starve once ${FIFO_WINDOW} messages wait`,
        threshold: FIFO_DEPTH,
        evaluationPeriods: 1,
      });
  }

  /** By source alone: an event of a type that nobody knows is parked by the bridge with its reason. */
  private route(bus: EventBus, source: string, queue: Queue): void {
    new Rule(this, `${queue.node.id}Rule`, {
      eventBus: bus,
      eventPattern: { source: [source] },
      targets: [new SqsQueue(queue)],
    });
  }

  /**
   * Each night, from the account's own bus: EventBridge has no schedules on others. It is off, as Temporal's schedule does
   * the same (`waybill setup`): for whoever wants AWS to keep the time.
   */
  private sweep(queue: Queue): void {
    new Rule(this, 'NightlySweep', {
      description: 'Has the service audited, each day at 02:00 UTC',
      enabled: false,
      schedule: Schedule.cron({ hour: '2', minute: '0' }),
      targets: [new SqsQueue(queue)],
    });
  }

  private notifications(): void {
    const topic = new Topic(this, 'Notifications', { topicName: 'order-notifications' });
    this.output('NotificationsTopicArn', topic.topicArn);
    for (const [output, filterPolicy] of Object.entries(SUBSCRIPTIONS)) {
      const queueName = `${output.toLowerCase()}-notifications`;
      // What SNS cannot bring to the queue. What its reader cannot read is the reader's.
      const dlq = new Queue(this, `${output}Dlq`, {
        queueName: `${queueName}-dlq`,
        retentionPeriod: DLQ_RETENTION,
        enforceSSL: true,
      });
      const queue = new Queue(this, `${output}Queue`, {
        queueName,
        retentionPeriod: DLQ_RETENTION,
        receiveMessageWaitTime: Duration.seconds(20),
        enforceSSL: true,
      });
      topic.addSubscription(
        new SqsSubscription(queue, {
          rawMessageDelivery: true,
          deadLetterQueue: dlq,
          ...(filterPolicy && { filterPolicy }),
        }),
      );
      this.output(`${output}QueueUrl`, queue.queueUrl);
      this.output(`${output}DlqUrl`, dlq.queueUrl);
    }
  }

  private table(output: string, { partitionKey, sortKey, timeToLiveAttribute }: TableKeys): Table {
    const table = new Table(this, `${output}Table`, {
      partitionKey: stringKey(partitionKey),
      ...(sortKey !== undefined && { sortKey: stringKey(sortKey) }),
      ...(timeToLiveAttribute !== undefined && { timeToLiveAttribute }),
      billingMode: BillingMode.PAY_PER_REQUEST,
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      removalPolicy: RemovalPolicy.RETAIN,
    });
    this.output(`${output}Table`, table.tableName);
    return table;
  }

  private output(name: string, value: string): void {
    new CfnOutput(this, `${name}Output`, { value }).overrideLogicalId(name);
  }
}

interface TableKeys {
  readonly partitionKey: string;
  readonly sortKey?: string;
  readonly timeToLiveAttribute?: string;
}

function audience(one: Audience) {
  return only('audience', one);
}

function only<Value extends string>(attribute: Attribute, ...allowlist: Value[]) {
  return { [attribute]: SubscriptionFilter.stringFilter({ allowlist }) };
}

function stringKey(name: string) {
  return { name, type: AttributeType.STRING };
}
