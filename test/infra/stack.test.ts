import assert from 'node:assert/strict';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { EVENTS } from '../../src/contracts/events.ts';
import { ORDER_SUMMARY } from '../../src/contracts/indexes.ts';
import { OUTPUTS, synthesise } from '../../infra/app.ts';

interface QueueResource {
  readonly Properties: {
    readonly QueueName: string;
    readonly FifoQueue?: boolean;
    readonly MessageRetentionPeriod: number;
    readonly RedrivePolicy?: {
      readonly deadLetterTargetArn: { readonly 'Fn::GetAtt': readonly [string, string] };
      readonly maxReceiveCount: number;
    };
  };
}

interface RuleResource {
  readonly Properties: {
    readonly EventPattern?: { readonly source: readonly string[] };
    readonly State: string;
    readonly ScheduleExpression?: string;
    readonly EventBusName?: unknown;
    readonly Targets: readonly { readonly Arn: { readonly 'Fn::GetAtt': readonly string[] } }[];
  };
}

interface SubscriptionResource {
  readonly Properties: {
    readonly Protocol: string;
    readonly RawMessageDelivery: boolean;
    readonly Endpoint: { readonly 'Fn::GetAtt': readonly [string, string] };
    readonly FilterPolicy?: object;
    readonly FilterPolicyScope?: string;
    readonly RedrivePolicy: {
      readonly deadLetterTargetArn: { readonly 'Fn::GetAtt': readonly [string, string] };
    };
  };
}

interface KeySchema {
  readonly AttributeName: string;
  readonly KeyType: 'HASH' | 'RANGE';
}

interface TableResource {
  readonly Properties: {
    readonly KeySchema: readonly KeySchema[];
    readonly GlobalSecondaryIndexes?: readonly {
      readonly KeySchema: readonly KeySchema[];
      readonly Projection: {
        readonly ProjectionType: string;
        readonly NonKeyAttributes?: readonly string[];
      };
    }[];
    readonly TimeToLiveSpecification?: object;
  };
}

interface PolicyStatement {
  readonly Effect: 'Allow' | 'Deny';
  readonly Principal: unknown;
  readonly Condition?: { readonly ArnEquals?: object };
}

describe('the AWS resources', () => {
  let template: Template;
  let queues: Record<string, QueueResource>;
  let sources: [string, QueueResource][];
  let rules: RuleResource[];
  let subscriptions: SubscriptionResource[];

  before(() => {
    template = Template.fromJSON(synthesise());
    queues = template.findResources('AWS::SQS::Queue') as Record<string, QueueResource>;
    sources = Object.entries(queues).filter(([, queue]) => queue.Properties.RedrivePolicy);
    rules = Object.values(template.findResources('AWS::Events::Rule')) as RuleResource[];
    subscriptions = Object.values(
      template.findResources('AWS::SNS::Subscription'),
    ) as SubscriptionResource[];
  });

  function dlqOf(queue: QueueResource): QueueResource {
    const name = queue.Properties.RedrivePolicy?.deadLetterTargetArn['Fn::GetAtt'][0] ?? '';
    const dlq = queues[name];
    assert.ok(dlq, `the DLQ of ${queue.Properties.QueueName}`);
    return dlq;
  }

  it('has seven source queues, each with a DLQ of its own and of its kind', () => {
    const pairs = sources.map(([, queue]) => [
      queue.Properties.QueueName,
      dlqOf(queue).Properties.QueueName,
    ]);
    assert.deepEqual(Object.fromEntries(pairs), {
      orders: 'orders-dlq',
      payments: 'payments-dlq',
      'payments.fifo': 'payments-dlq.fifo',
      fulfilment: 'fulfilment-dlq',
      returns: 'returns-dlq',
      inventory: 'inventory-dlq',
      operations: 'operations-dlq',
    });
    for (const [, queue] of sources) {
      assert.equal(queue.Properties.FifoQueue, dlqOf(queue).Properties.FifoQueue);
    }
  });

  it('keeps a parked message longer than the queue it came from would have', () => {
    for (const [, queue] of sources) {
      const retention = queue.Properties.MessageRetentionPeriod;
      assert.ok(dlqOf(queue).Properties.MessageRetentionPeriod > retention);
    }
  });

  it('moves messages by receive count as a backstop only', () => {
    for (const [, { Properties }] of sources) {
      assert.equal(Properties.RedrivePolicy?.maxReceiveCount, Properties.FifoQueue ? 1_000 : 50);
    }
  });

  it('raises an alarm before the groups of a FIFO queue starve (FAULTS 12)', () => {
    const alarms = template.findResources('AWS::CloudWatch::Alarm');
    assert.equal(Object.keys(alarms).length, 1);
    const [fifo] = sources.find(([, { Properties }]) => Properties.FifoQueue) ?? [];
    template.hasResourceProperties('AWS::CloudWatch::Alarm', {
      MetricName: 'ApproximateNumberOfMessagesVisible',
      Dimensions: [{ Name: 'QueueName', Value: { 'Fn::GetAtt': [fifo, 'QueueName'] } }],
      ComparisonOperator: 'GreaterThanOrEqualToThreshold',
      Threshold: 100_000,
    });
  });

  it('sends every canonical source to one queue, and none to a FIFO queue', () => {
    const patterns = rules.filter(({ Properties }) => !Properties.ScheduleExpression);
    const routed = patterns.map(({ Properties: { EventPattern, Targets } }) => {
      assert.deepEqual(Object.keys(EventPattern ?? {}), ['source']);
      assert.equal(Targets.length, 1);
      const queue = queues[Targets[0]?.Arn['Fn::GetAtt'][0] ?? ''];
      assert.ok(queue);
      assert.equal(queue.Properties.FifoQueue, undefined);
      return EventPattern?.source ?? [];
    });
    const known = new Set(Object.values(EVENTS).map(({ source }) => source));
    assert.deepEqual(routed.flat().sort(), [...known].sort());
  });

  it('can ask for a sweep each night, from the bus that has schedules', () => {
    const [scheduled, ...others] = rules.filter(({ Properties }) => Properties.ScheduleExpression);
    assert.equal(others.length, 0);
    const { State, ScheduleExpression, EventBusName, Targets = [] } = scheduled?.Properties ?? {};
    assert.equal(State, 'DISABLED');
    assert.deepEqual([ScheduleExpression, EventBusName], ['cron(0 2 * * ? *)', undefined]);
    const names = Targets.map(
      ({ Arn }) => queues[Arn['Fn::GetAtt'][0] ?? '']?.Properties.QueueName,
    );
    assert.deepEqual(names, ['operations']);
  });

  it('lets only its own rule or topic send to a queue', () => {
    const policies = Object.values(template.findResources('AWS::SQS::QueuePolicy'));
    const allowed = policies.flatMap((policy) =>
      (policy['Properties'].PolicyDocument.Statement as PolicyStatement[]).filter(
        ({ Effect }) => Effect === 'Allow',
      ),
    );
    assert.equal(allowed.length, rules.length + 2 * subscriptions.length);
    for (const { Condition, Principal } of allowed) {
      assert.deepEqual(Object.keys(Condition?.ArnEquals ?? {}), ['aws:SourceArn']);
      assert.notDeepEqual(Principal, { AWS: '*' });
    }
  });

  it('tells each team what concerns it, raw, by the attributes', () => {
    const told = subscriptions.map(({ Properties: { Endpoint, FilterPolicy, ...rest } }) => {
      assert.equal(rest.Protocol, 'sqs');
      assert.equal(rest.RawMessageDelivery, true);
      assert.equal(rest.FilterPolicyScope, undefined);
      const queue = queues[Endpoint['Fn::GetAtt'][0]];
      return [queue?.Properties.QueueName, FilterPolicy ?? 'everything'];
    });
    assert.deepEqual(Object.fromEntries(told), {
      'customers-notifications': { audience: ['customers'] },
      'support-notifications': { severity: ['warning', 'critical'] },
      'analytics-notifications': 'everything',
      'security-notifications': { audience: ['security'] },
    });
  });

  it('keeps what cannot be brought to a team in a DLQ of its own', () => {
    for (const { Properties } of subscriptions) {
      const queue = queues[Properties.Endpoint['Fn::GetAtt'][0]];
      const [dlqId] = Properties.RedrivePolicy.deadLetterTargetArn['Fn::GetAtt'];
      const dlq = queues[dlqId];
      assert.equal(dlq?.Properties.QueueName, `${queue?.Properties.QueueName}-dlq`);
      assert.equal(dlq?.Properties.MessageRetentionPeriod, 14 * 86_400);
    }
  });

  it('keeps the tables when the stack goes, and their past', () => {
    template.allResources('AWS::DynamoDB::Table', {
      DeletionPolicy: 'Retain',
      Properties: {
        BillingMode: 'PAY_PER_REQUEST',
        PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
      },
    });
    template.resourceCountIs('AWS::DynamoDB::Table', 7);
  });

  it('lists orders by customer, state and day, and returns by order, each by time', () => {
    const index = (name: string, partitionKey: string, sortKey: string) =>
      Match.objectLike({
        IndexName: name,
        KeySchema: [
          { AttributeName: partitionKey, KeyType: 'HASH' },
          { AttributeName: sortKey, KeyType: 'RANGE' },
        ],
      });
    template.hasResourceProperties('AWS::DynamoDB::Table', {
      KeySchema: [{ AttributeName: 'orderKey', KeyType: 'HASH' }],
      GlobalSecondaryIndexes: [
        index('byCustomer', 'customerId', 'placedAt'),
        index('byState', 'state', 'placedAt'),
        index('byDay', 'placedOn', 'placedAt'),
      ],
    });
    template.hasResourceProperties('AWS::DynamoDB::Table', {
      KeySchema: [{ AttributeName: 'returnKey', KeyType: 'HASH' }],
      GlobalSecondaryIndexes: [index('byOrder', 'orderKey', 'requestedAt')],
    });
    template.hasResourceProperties('AWS::DynamoDB::Table', {
      KeySchema: [
        { AttributeName: 'sellerId', KeyType: 'HASH' },
        { AttributeName: 'placed', KeyType: 'RANGE' },
      ],
    });
  });

  it('holds in the indexes of orders what a list shows', () => {
    const tables = Object.values(template.findResources('AWS::DynamoDB::Table')) as TableResource[];
    const indexes = tables.flatMap(({ Properties }) => Properties.GlobalSecondaryIndexes ?? []);
    const included = indexes.flatMap(({ Projection, KeySchema }) => {
      const keys = KeySchema.map(({ AttributeName }) => AttributeName);
      const names = Projection.NonKeyAttributes ?? [];
      // AWS refuses what is named twice.
      assert.equal(new Set([...keys, ...names]).size, keys.length + names.length);
      return Projection.ProjectionType === 'INCLUDE' ? [new Set([...keys, ...names])] : [];
    });
    assert.equal(included.length, 3);
    for (const names of included) {
      for (const name of [...ORDER_SUMMARY, 'placedAt']) assert.ok(names.has(name), name);
    }
  });

  it('forgets idempotency keys by themselves, and nothing else', () => {
    const tables = Object.values(template.findResources('AWS::DynamoDB::Table')) as TableResource[];
    const forgetful = tables.filter(({ Properties }) => Properties.TimeToLiveSpecification);
    assert.equal(forgetful.length, 1);
    assert.deepEqual(forgetful[0]?.Properties.KeySchema, [
      { AttributeName: 'key', KeyType: 'HASH' },
    ]);
    assert.deepEqual(forgetful[0]?.Properties.TimeToLiveSpecification, {
      AttributeName: 'expiresAt',
      Enabled: true,
    });
  });

  it('names its outputs as the local stack reads them, and wants no bootstrapped account', () => {
    assert.deepEqual(Object.keys(template.findOutputs('*')).sort(), [...OUTPUTS].sort());
    assert.deepEqual(template.findParameters('*'), {});
  });
});
