import { Duration, type Stack, Validations } from 'aws-cdk-lib';
import type { IRuleRef, IRuleTarget, RuleTargetConfig } from 'aws-cdk-lib/aws-events';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IKey, Key } from 'aws-cdk-lib/aws-kms';
import {
  Subscription,
  SubscriptionProtocol,
  type SubscriptionOptions,
  type Topic,
} from 'aws-cdk-lib/aws-sns';
import { Queue, QueueEncryption, type QueueProps } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';

/** A queue and where goes what could not be brought to it, or what nobody could take from it. */
export interface QueuePair {
  readonly queue: Queue;
  readonly dlq: Queue;
}

// A standard queue's message keeps its age when it is moved: a DLQ that kept no longer would lose it.
const DLQ_RETENTION = Duration.days(14);

/** A queue under a key of ours, which takes nothing that came in the clear. */
export function encryptedQueue(scope: Construct, id: string, key: IKey, props: QueueProps): Queue {
  return new Queue(scope, id, {
    ...props,
    encryption: QueueEncryption.KMS,
    encryptionMasterKey: key,
    enforceSSL: true,
  });
}

/** A DLQ, which keeps messages as long as SQS can. */
export function deadLetterQueue(
  scope: Construct,
  id: string,
  key: IKey,
  props: Pick<QueueProps, 'queueName' | 'fifo'>,
): Queue {
  const dlq = encryptedQueue(scope, id, key, { ...props, retentionPeriod: DLQ_RETENTION });
  Validations.of(dlq).acknowledge({
    id: 'AwsSolutions-SQS3',
    reason: 'It is a DLQ; cdk-nag does not see those of rules, subscriptions and pipes',
  });
  return dlq;
}

/** The most that EventBridge allows: what a queue cannot take for a day goes to its DLQ. */
export const RETRIES = { maxEventAge: Duration.hours(24), retryAttempts: 185 } as const;

/** How long EventBridge tries to deliver: not older than `maxEventAge`, not more often than `retryAttempts`. */
export interface Retries {
  readonly maxEventAge: Duration;
  readonly retryAttempts: number;
}

/**
 * A queue as a rule's target. CDK's own leaves `aws:SourceArn` out where the queue is encrypted, as the key's policy
 * would name the rule, the rule its queue and the queue its key. Here the queue's policy alone names the rule; the
 * key's is `letServicesUse`.
 */
export class QueueTarget implements IRuleTarget {
  readonly #pair: QueuePair;
  readonly #retries: Retries;

  constructor(pair: QueuePair, retries: Retries = RETRIES) {
    this.#pair = pair;
    this.#retries = retries;
  }

  bind({ ruleRef: { ruleArn } }: IRuleRef): RuleTargetConfig {
    const { queue, dlq } = this.#pair;
    letSend(queue, 'events.amazonaws.com', ruleArn);
    letSend(dlq, 'events.amazonaws.com', ruleArn);
    return {
      arn: queue.queueArn,
      deadLetterConfig: { arn: dlq.queueArn },
      retryPolicy: {
        maximumEventAgeInSeconds: this.#retries.maxEventAge.toSeconds(),
        maximumRetryAttempts: this.#retries.retryAttempts,
      },
    };
  }
}

/** Brings what a topic publishes to a queue as it was published, and to its DLQ what SNS cannot bring there. */
export function subscribe(
  topic: Topic,
  { queue, dlq }: QueuePair,
  options: Pick<SubscriptionOptions, 'filterPolicy'>,
): void {
  const subscription = new Subscription(queue, 'Subscription', {
    ...options,
    topic,
    protocol: SubscriptionProtocol.SQS,
    endpoint: queue.queueArn,
    rawMessageDelivery: true,
    deadLetterQueue: dlq,
  });
  const policy = letSend(queue, 'sns.amazonaws.com', topic.topicArn);
  // Without it what is published in between is refused by the queue.
  if (policy) subscription.node.addDependency(policy);
}

/** Lets one rule or topic send to a queue, and nothing else of its service. */
export function letSend(queue: Queue, service: string, sourceArn: string) {
  return queue.addToResourcePolicy(
    new PolicyStatement({
      principals: [new ServicePrincipal(service)],
      actions: ['sqs:SendMessage'],
      resources: [queue.queueArn],
      conditions: { ArnEquals: { 'aws:SourceArn': sourceArn } },
    }),
  ).policyDependable;
}

/**
 * Lets services of this account encrypt what they send to queues of this key: EventBridge's rules, and one topic. Which
 * rule may send to which queue is in the queue's own policy: the key's names none, or each would need the other first.
 */
export function letServicesUse(key: Key, stack: Stack, topicName: string): void {
  const topicArn = stack.formatArn({ service: 'sns', resource: topicName });
  const services = {
    'events.amazonaws.com': {},
    'sns.amazonaws.com': { ArnEquals: { 'aws:SourceArn': topicArn } },
  };
  for (const [service, conditions] of Object.entries(services)) {
    key.addToResourcePolicy(
      new PolicyStatement({
        principals: [new ServicePrincipal(service)],
        actions: ['kms:GenerateDataKey', 'kms:Decrypt'],
        // A key's policy speaks of that key alone.
        resources: ['*'],
        conditions: { StringEquals: { 'aws:SourceAccount': stack.account }, ...conditions },
      }),
    );
  }
}
