import assert from 'node:assert/strict';
import type { Template } from 'aws-cdk-lib/assertions';
import { EVENTS } from '../../src/contracts/events.ts';
import { localTemplate } from '../support/templates.ts';

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

interface PolicyStatement {
  readonly Effect: 'Allow' | 'Deny';
  readonly Principal: unknown;
  readonly Condition?: { readonly ArnEquals?: object };
}

describe('what carries messages', () => {
  let template: Template;
  let queues: Record<string, QueueResource>;
  let sources: [string, QueueResource][];
  let rules: RuleResource[];
  let subscriptions: SubscriptionResource[];

  before(() => {
    template = localTemplate('waybill-messaging');
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
    // To its queue, and to the DLQ.
    assert.equal(allowed.length, 2 * rules.length + 2 * subscriptions.length);
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
});
