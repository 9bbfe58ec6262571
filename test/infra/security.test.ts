import assert from 'node:assert/strict';
import { exampleTemplates, type Resource } from '../support/templates.ts';

interface Statement {
  readonly Effect: 'Allow' | 'Deny';
  readonly Principal?: unknown;
  readonly Action: string | readonly string[];
  readonly Resource?: unknown;
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

interface Target {
  readonly Arn: unknown;
  readonly RoleArn?: unknown;
  readonly DeadLetterConfig?: { readonly Arn: unknown };
  readonly RetryPolicy?: {
    readonly MaximumEventAgeInSeconds: number;
    readonly MaximumRetryAttempts: number;
  };
}

/** A resource with where it is, `stack/id`. */
interface Placed extends Resource {
  readonly at: string;
  readonly properties: Readonly<Record<string, unknown>>;
}

const IN_THE_CLEAR = { Bool: { 'aws:SecureTransport': 'false' } };

describe('all stacks of an account', function () {
  this.timeout(120_000);

  let resources: Placed[];

  before(() => {
    resources = [...exampleTemplates()].flatMap(([stack, template]) =>
      Object.entries(template.toJSON()['Resources'] as Record<string, Resource>).map(
        ([id, resource]) => ({
          ...resource,
          at: `${stack}/${id}`,
          properties: resource.Properties ?? {},
        }),
      ),
    );
  });

  /** Those of a type: at least one, or the test would hold nothing. */
  function all(type: string): Placed[] {
    const found = resources.filter(({ Type }) => Type === type);
    assert.ok(found.length > 0, type);
    return found;
  }

  /** The resource that a reference of the same stack means. */
  function referred(from: Placed, reference: unknown): Placed {
    const { 'Fn::GetAtt': [attributeOf] = [], Ref: ref } = reference as {
      'Fn::GetAtt'?: readonly string[];
      Ref?: string;
    };
    const [stack] = from.at.split('/');
    const found = resources.find(({ at }) => at === `${stack}/${ref ?? attributeOf}`);
    assert.ok(found, `${from.at}: ${JSON.stringify(reference)}`);
    return found;
  }

  function statementsOf(value: unknown): Statement[] {
    return (value as { readonly Statement: Statement[] } | undefined)?.Statement ?? [];
  }

  /** The statements of the policies of this type about a resource. */
  function policyOf(resource: Placed, type: string, property: 'Queues' | 'Topics'): Statement[] {
    return all(type)
      .filter(
        (policy) =>
          policy.at.split('/')[0] === resource.at.split('/')[0] &&
          (policy.properties[property] as unknown[]).some(
            (reference) => referred(policy, reference) === resource,
          ),
      )
      .flatMap(({ properties }) => statementsOf(properties['PolicyDocument']));
  }

  function deniesTheClear(statements: readonly Statement[]): boolean {
    return statements.some(
      ({ Effect, Principal, Condition }) =>
        Effect === 'Deny' &&
        ['*', '{"AWS":"*"}'].includes(
          typeof Principal === 'string' ? Principal : JSON.stringify(Principal),
        ) &&
        JSON.stringify(Condition) === JSON.stringify(IN_THE_CLEAR),
    );
  }

  it('take nothing in the clear, neither queues nor topics nor tables', () => {
    for (const queue of all('AWS::SQS::Queue')) {
      assert.ok(deniesTheClear(policyOf(queue, 'AWS::SQS::QueuePolicy', 'Queues')), queue.at);
    }
    for (const topic of all('AWS::SNS::Topic')) {
      assert.ok(deniesTheClear(policyOf(topic, 'AWS::SNS::TopicPolicy', 'Topics')), topic.at);
    }
    for (const table of all('AWS::DynamoDB::Table')) {
      const { PolicyDocument } = (table.properties['ResourcePolicy'] ?? {}) as {
        PolicyDocument?: unknown;
      };
      assert.ok(deniesTheClear(statementsOf(PolicyDocument)), table.at);
    }
  });

  it('keep everything under keys of the account, which are renewed and outlive their stack', () => {
    for (const type of ['AWS::SQS::Queue', 'AWS::SNS::Topic'] as const) {
      for (const { at, properties } of all(type)) assert.ok(properties['KmsMasterKeyId'], at);
    }
    for (const { at, properties } of all('AWS::DynamoDB::Table')) {
      const { SSEType, KMSMasterKeyId } = properties['SSESpecification'] as Record<string, unknown>;
      assert.equal(SSEType, 'KMS', at);
      assert.ok(KMSMasterKeyId, at);
    }
    for (const { at, properties } of all('AWS::Events::Archive')) {
      assert.ok(properties['KmsKeyIdentifier'], at);
    }
    for (const { at, properties, DeletionPolicy } of all('AWS::KMS::Key')) {
      assert.equal(properties['EnableKeyRotation'], true, at);
      assert.equal(DeletionPolicy, 'Retain', at);
    }
  });

  it("let nobody in by a wildcard, and a service only on this account's behalf", () => {
    let services = 0;
    for (const { at, properties } of resources) {
      const documents = ['PolicyDocument', 'KeyPolicy', 'AssumeRolePolicyDocument'] as const;
      for (const name of documents) {
        for (const { Effect, Principal, Action, Condition = {} } of statementsOf(
          properties[name],
        )) {
          if (Effect !== 'Allow' || Principal === undefined) continue;
          const text = JSON.stringify(Principal);
          assert.doesNotMatch(text, /"\*"/, at);
          // EventBridge looks at an archive's key without saying for whom: it learns nothing of what is in it.
          if (Action === 'kms:DescribeKey') continue;
          if (/"(events|sns|pipes)\.amazonaws\.com"/.test(text)) {
            services += 1;
            const keys = Object.values(Condition).flatMap((one) => Object.keys(one));
            assert.ok(
              keys.some((key) =>
                /^(aws:Source(Account|Arn)|kms:EncryptionContext:aws:events:event-bus:arn)$/.test(
                  key,
                ),
              ),
              `${at}: ${text}`,
            );
          }
        }
      }
    }
    assert.ok(services > 20, `${services} statements`);
  });

  it('let a service send to a queue only for the rule, topic or pipe that is named', () => {
    const allowed = all('AWS::SQS::QueuePolicy').flatMap(({ at, properties }) =>
      statementsOf(properties['PolicyDocument'])
        .filter(({ Effect }) => Effect === 'Allow')
        .map((statement) => ({ at, ...statement })),
    );
    assert.ok(allowed.length > 0);
    for (const { at, Action, Condition } of allowed) {
      assert.equal(Action, 'sqs:SendMessage', at);
      assert.deepEqual(Object.keys(Condition?.['ArnEquals'] ?? {}), ['aws:SourceArn'], at);
    }
  });

  it('try each rule for a while, and keep what could not be delivered where the rule may put it', () => {
    for (const rule of all('AWS::Events::Rule')) {
      const targets = rule.properties['Targets'] as readonly Target[];
      assert.ok(targets.length > 0, rule.at);
      for (const { Arn, DeadLetterConfig, RetryPolicy } of targets) {
        assert.ok((RetryPolicy?.MaximumEventAgeInSeconds ?? 0) >= 3_600, rule.at);
        assert.equal(RetryPolicy?.MaximumRetryAttempts, 185, rule.at);
        const dlq = referred(rule, DeadLetterConfig?.Arn);
        assert.equal(dlq.Type, 'AWS::SQS::Queue', rule.at);
        assert.notDeepEqual(DeadLetterConfig?.Arn, Arn, rule.at);
        const lets = policyOf(dlq, 'AWS::SQS::QueuePolicy', 'Queues').filter(
          ({ Effect, Condition }) =>
            Effect === 'Allow' &&
            JSON.stringify(Condition).includes(`"Fn::GetAtt":["${rule.at.split('/')[1]}","Arn"]`),
        );
        assert.equal(lets.length, 1, rule.at);
      }
    }
  });

  it('have no rule that targets a FIFO queue', () => {
    for (const rule of all('AWS::Events::Rule')) {
      for (const { Arn } of rule.properties['Targets'] as readonly Target[]) {
        if (typeof Arn === 'string') continue;
        assert.equal(referred(rule, Arn).properties['FifoQueue'], undefined, rule.at);
      }
    }
  });

  it('move what cannot be taken to a DLQ that keeps it longer', () => {
    for (const queue of all('AWS::SQS::Queue')) {
      const { RedrivePolicy, MessageRetentionPeriod } = queue.properties as {
        RedrivePolicy?: { deadLetterTargetArn: unknown };
        MessageRetentionPeriod: number;
      };
      assert.ok(MessageRetentionPeriod > 0, queue.at);
      if (!RedrivePolicy) continue;
      const dlq = referred(queue, RedrivePolicy.deadLetterTargetArn);
      assert.ok(
        Number(dlq.properties['MessageRetentionPeriod']) > MessageRetentionPeriod,
        queue.at,
      );
    }
    for (const subscription of all('AWS::SNS::Subscription')) {
      // An alarm that no mail brings is on the dashboard all the same.
      if (subscription.properties['Protocol'] === 'email') continue;
      const { deadLetterTargetArn } = subscription.properties['RedrivePolicy'] as {
        deadLetterTargetArn: unknown;
      };
      assert.equal(
        referred(subscription, deadLetterTargetArn).properties['MessageRetentionPeriod'],
        14 * 86_400,
        subscription.at,
      );
    }
  });

  it('do not lose the tables, nor their past', () => {
    for (const { at, properties, DeletionPolicy } of all('AWS::DynamoDB::Table')) {
      assert.equal(DeletionPolicy, 'Retain', at);
      assert.equal(properties['DeletionProtectionEnabled'], true, at);
      assert.deepEqual(
        properties['PointInTimeRecoverySpecification'],
        { PointInTimeRecoveryEnabled: true },
        at,
      );
    }
  });
});
