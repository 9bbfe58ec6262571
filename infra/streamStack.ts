import { Duration, Stack, type StackProps } from 'aws-cdk-lib';
import type { Table } from 'aws-cdk-lib/aws-dynamodb';
import {
  AccountPrincipal,
  PolicyDocument,
  PolicyStatement,
  Role,
  ServicePrincipal,
} from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { CfnPipe } from 'aws-cdk-lib/aws-pipes';
import { Topic } from 'aws-cdk-lib/aws-sns';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import type { OrderItem } from '../src/contracts/orderItems.ts';
import { deadLetterQueue } from './delivery.ts';

export interface StreamStackProps extends StackProps {
  /** Of the orders, with a stream that shows new images. */
  readonly orders: Table;
  /** What the table and so its stream is encrypted with. */
  readonly ordersKey: IKey;
  /** What topic and DLQ are encrypted with. */
  readonly messagingKey: IKey;
  /** Whose queues may be subscribed to the topic, besides this account's. */
  readonly consumerAccounts: readonly string[];
}

const PIPE = 'waybill-order-changes';
/** SNS takes ten messages a call, and a pipe reads no more at once than its target takes. */
const BATCH = 10;
/** The stream keeps a record for 24 h: what cannot be published goes to the DLQ well before. */
const RECORD_AGE = Duration.hours(6);

/**
 * What consumers outside are told of a change, by the type that DynamoDB stores it in. Nothing of the customer, the
 * goods or the money: whoever may see those asks the API.
 */
const PUBLISHED = {
  orderKey: 'S',
  channel: 'S',
  orderId: 'S',
  state: 'S',
  version: 'N',
  revision: 'N',
  placedAt: 'S',
} as const satisfies Partial<Record<keyof OrderItem, 'S' | 'N'>>;

/**
 * Each change of an order's row goes from the table's stream to a topic for consumers outside the service. It can be
 * published twice or out of order: `revision` grows with each change.
 */
export class StreamStack extends Stack {
  readonly changes: Topic;
  /** Which records of the stream could not be published: where they are in it, not what they said. */
  readonly dlq: Queue;

  constructor(
    scope: Construct,
    id: string,
    { orders, ordersKey, messagingKey, consumerAccounts, ...props }: StreamStackProps,
  ) {
    super(scope, id, props);

    this.changes = this.topic(messagingKey, consumerAccounts);
    this.dlq = deadLetterQueue(this, 'Dlq', messagingKey, { queueName: 'order-changes-dlq' });
    const stream = orders.tableStreamArn;
    if (stream === undefined) throw new Error(`${orders.node.path} has no stream`);
    this.pipe(stream, this.role(stream, ordersKey, messagingKey));
  }

  private topic(key: IKey, consumerAccounts: readonly string[]): Topic {
    const topic = new Topic(this, 'Changes', {
      topicName: 'order-changes',
      masterKey: key,
      enforceSSL: true,
    });
    if (consumerAccounts.length > 0) {
      topic.addToResourcePolicy(
        new PolicyStatement({
          principals: consumerAccounts.map((account) => new AccountPrincipal(account)),
          actions: ['sns:Subscribe'],
          resources: [topic.topicArn],
          conditions: { StringEquals: { 'sns:Protocol': 'sqs' } },
        }),
      );
    }
    return topic;
  }

  private pipe(stream: string, role: Role): void {
    new CfnPipe(this, 'Pipe', {
      name: PIPE,
      description: "Changes of orders' states, for consumers outside",
      roleArn: role.roleArn,
      source: stream,
      sourceParameters: {
        // What a restore or an operator takes away is no change of state.
        filterCriteria: {
          filters: [{ pattern: JSON.stringify({ eventName: ['INSERT', 'MODIFY'] }) }],
        },
        dynamoDbStreamParameters: {
          startingPosition: 'TRIM_HORIZON',
          batchSize: BATCH,
          maximumBatchingWindowInSeconds: 1,
          maximumRecordAgeInSeconds: RECORD_AGE.toSeconds(),
          maximumRetryAttempts: -1,
          onPartialBatchItemFailure: 'AUTOMATIC_BISECT',
          deadLetterConfig: { arn: this.dlq.queueArn },
        },
      },
      target: this.changes.topicArn,
      targetParameters: { inputTemplate: inputTemplate() },
    });
  }

  /** The pipe's alone: reads that stream, writes that topic and that DLQ. */
  private role(stream: string, ordersKey: IKey, messagingKey: IKey): Role {
    const pipeArn = this.formatArn({ service: 'pipes', resource: 'pipe', resourceName: PIPE });
    const may = (actions: string[], resource: string) =>
      new PolicyStatement({ actions, resources: [resource] });
    return new Role(this, 'Role', {
      description: `What the pipe ${PIPE} may`,
      assumedBy: new ServicePrincipal('pipes.amazonaws.com', {
        conditions: {
          StringEquals: { 'aws:SourceAccount': this.account },
          ArnEquals: { 'aws:SourceArn': pipeArn },
        },
      }),
      // Inline, so that the pipe is not made before its role may do anything.
      inlinePolicies: {
        Pipe: new PolicyDocument({
          statements: [
            may(
              [
                'dynamodb:DescribeStream',
                'dynamodb:GetRecords',
                'dynamodb:GetShardIterator',
                'dynamodb:ListStreams',
              ],
              stream,
            ),
            may(['kms:Decrypt'], ordersKey.keyArn),
            may(['sns:Publish'], this.changes.topicArn),
            may(['sqs:SendMessage'], this.dlq.queueArn),
            may(['kms:GenerateDataKey', 'kms:Decrypt'], messagingKey.keyArn),
          ],
        }),
      },
    });
  }
}

/** JSON with the paths of the values in place of them; texts are in quotes, numbers are not. */
function inputTemplate(): string {
  const fields = Object.entries(PUBLISHED).map(([name, type]) => {
    const path = `<$.dynamodb.NewImage.${name}.${type}>`;
    return `"${name}": ${type === 'S' ? `"${path}"` : path}`;
  });
  return `{${fields.join(', ')}}`;
}
