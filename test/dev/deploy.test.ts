import assert from 'node:assert/strict';
import { DescribeTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { PublishCommand, SNSClient } from '@aws-sdk/client-sns';
import {
  GetQueueAttributesCommand,
  type Message,
  ReceiveMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { type AwsConfig, deploy } from '../../dev/deploy.ts';
import { OUTPUTS, type Outputs, type StackTemplate, synthesise } from '../../infra/app.ts';
import { SOURCES } from '../../src/contracts/events.ts';
import { awsAccount, eventually } from '../support/servers.ts';

describe('deploy', () => {
  let account: AwsConfig;
  let sqs: SQSClient;
  let templates: readonly StackTemplate[];
  let outputs: Outputs;

  before(async () => {
    account = awsAccount();
    sqs = new SQSClient(account);
    templates = synthesise();
    outputs = await deploy(account, templates);
  });

  async function receive(queueUrl: string): Promise<Message> {
    return eventually(async () => {
      const { Messages } = await sqs.send(
        new ReceiveMessageCommand({ QueueUrl: queueUrl, WaitTimeSeconds: 1 }),
      );
      return Messages?.[0];
    });
  }

  it('answers every output, with URLs at the endpoint that was given', () => {
    for (const name of OUTPUTS) assert.ok(outputs[name], name);
    assert.equal(new URL(outputs.OrdersQueueUrl).origin, account.endpoint);
    assert.match(outputs.PaymentsFifoDlqUrl, /\/payments-dlq\.fifo$/);
  });

  it('goes on with what is there when run again, and adds what is new', async () => {
    assert.deepEqual(await deploy(account, templates), outputs);

    const bare = awsAccount();
    const without = (entries: object = {}) =>
      Object.fromEntries(Object.entries(entries).filter(([name]) => !name.startsWith('Support')));
    const poorer = templates.map(({ name, template }): StackTemplate => {
      const { Resources, Outputs } = structuredClone(template) as Record<string, object>;
      return { name, template: { Resources: without(Resources), Outputs: without(Outputs) } };
    });
    await assert.rejects(deploy(bare, poorer), /lack the outputs SupportQueueUrl/);
    const added = await deploy(bare, templates);
    assert.match(added.SupportQueueUrl, /support-notifications$/);
  });

  it('makes what it is told to: queues under a key with a DLQ that keeps longer, tables that stay', async () => {
    const attributesOf = async (QueueUrl: string) => {
      const command = new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['All'] });
      return (await sqs.send(command)).Attributes ?? {};
    };
    const queue = await attributesOf(outputs.OrdersQueueUrl);
    const dlq = await attributesOf(outputs.OrdersDlqUrl);
    assert.ok(queue['KmsMasterKeyId']);
    assert.equal(queue['KmsMasterKeyId'], dlq['KmsMasterKeyId']);
    assert.ok(Number(dlq['MessageRetentionPeriod']) > Number(queue['MessageRetentionPeriod']));
    const { deadLetterTargetArn } = JSON.parse(queue['RedrivePolicy'] ?? '{}');
    assert.equal(deadLetterTargetArn, dlq['QueueArn']);
    assert.match(queue['Policy'] ?? '', /aws:SecureTransport/);
    const fifo = await attributesOf(outputs.PaymentsFifoQueueUrl);
    assert.equal(fifo['FifoQueue'], 'true');

    const { Table } = await new DynamoDBClient(account).send(
      new DescribeTableCommand({ TableName: outputs.OrdersTable }),
    );
    assert.equal(Table?.DeletionProtectionEnabled, true);
  });

  it('brings an event from the bus to the queue of its source, whatever its type', async () => {
    const client = new EventBridgeClient(account);
    const { FailedEntryCount } = await client.send(
      new PutEventsCommand({
        Entries: [
          {
            EventBusName: outputs.EventBusName,
            Source: SOURCES.storefront,
            DetailType: 'NobodyKnows',
            Detail: '{"orderId":"1"}',
          },
        ],
      }),
    );
    assert.equal(FailedEntryCount, 0);
    const body = JSON.parse((await receive(outputs.OrdersQueueUrl)).Body ?? '');
    assert.equal(body['detail-type'], 'NobodyKnows');
  });

  it('brings support what its filter lets through, as it was published', async () => {
    const client = new SNSClient(account);
    for (const severity of ['info', 'warning']) {
      await client.send(
        new PublishCommand({
          TopicArn: outputs.NotificationsTopicArn,
          Message: `it is ${severity}`,
          MessageAttributes: { severity: { DataType: 'String', StringValue: severity } },
        }),
      );
    }
    assert.equal((await receive(outputs.SupportQueueUrl)).Body, 'it is warning');
  });
});
