import assert from 'node:assert/strict';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { SNSClient, SubscribeCommand } from '@aws-sdk/client-sns';
import {
  CreateQueueCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { DynamoDBDocumentClient, PutCommand } from '@aws-sdk/lib-dynamodb';
import { App, DefaultStackSynthesizer, type IStackSynthesizer } from 'aws-cdk-lib';
import { Match, type Template } from 'aws-cdk-lib/assertions';
import { deploy } from '../../dev/deploy.ts';
import { DataStack } from '../../infra/dataStack.ts';
import { MessagingStack } from '../../infra/messagingStack.ts';
import { readSettings } from '../../infra/settings.ts';
import { StreamStack } from '../../infra/streamStack.ts';
import { orderItem } from '../../src/contracts/orderItems.ts';
import { orderRow } from '../support/orderRow.ts';
import { awsAccount, eventually } from '../support/servers.ts';
import { EXAMPLE, exampleTemplates } from '../support/templates.ts';

interface PipeResource {
  readonly Properties: { readonly TargetParameters: { readonly InputTemplate: string } };
}

describe("the changes of orders' states for consumers outside", function () {
  this.timeout(120_000);

  describe('as declared', () => {
    let template: Template;

    before(() => {
      const found = exampleTemplates().get('waybill-stream');
      assert.ok(found);
      template = found;
    });

    it('come from the stream from its first record on, and none is lost without a trace', () => {
      template.hasResourceProperties('AWS::Pipes::Pipe', {
        SourceParameters: {
          FilterCriteria: { Filters: [{ Pattern: '{"eventName":["INSERT","MODIFY"]}' }] },
          DynamoDBStreamParameters: {
            StartingPosition: 'TRIM_HORIZON',
            // SNS takes no more in one call.
            BatchSize: 10,
            OnPartialBatchItemFailure: 'AUTOMATIC_BISECT',
            // The stream itself forgets after 24 h.
            MaximumRecordAgeInSeconds: 6 * 3_600,
            DeadLetterConfig: Match.objectLike({}),
          },
        },
      });
    });

    it('say of an order which it is and how it stands, and nothing of customer, goods and money', () => {
      const [pipe] = Object.values(template.findResources('AWS::Pipes::Pipe')) as PipeResource[];
      const { InputTemplate = '' } = pipe?.Properties.TargetParameters ?? {};
      const item: Record<string, unknown> = { ...orderItem(orderRow({ revision: 7 })) };
      const filled = InputTemplate.replaceAll(
        /<\$\.dynamodb\.NewImage\.(\w+)\.([SN])>/g,
        (_, name: string, type: string) => {
          assert.equal(typeof item[name], type === 'S' ? 'string' : 'number', name);
          return String(item[name]);
        },
      );
      const { orderKey, channel, orderId, state, version, revision, placedAt } = item;
      assert.deepEqual(JSON.parse(filled), {
        orderKey,
        channel,
        orderId,
        state,
        version,
        revision,
        placedAt,
      });
    });

    it('may be subscribed to by queues of the accounts that are named, and of no other', () => {
      template.hasResourceProperties('AWS::SNS::TopicPolicy', {
        PolicyDocument: {
          Statement: Match.arrayWith([
            Match.objectLike({
              Effect: 'Allow',
              Action: 'sns:Subscribe',
              Principal: { AWS: Match.objectLike({}) },
              Condition: { StringEquals: { 'sns:Protocol': 'sqs' } },
            }),
          ]),
        },
      });
      const text = JSON.stringify(template.findResources('AWS::SNS::TopicPolicy'));
      for (const account of readSettings(EXAMPLE).consumerAccounts)
        assert.ok(text.includes(account));
    });

    it('are carried by a role that may do that alone', () => {
      template.resourceCountIs('AWS::IAM::Policy', 0);
      template.resourceCountIs('AWS::IAM::Role', 1);
      const actions = (...names: string[]) =>
        Match.objectLike({
          Effect: 'Allow',
          Action: names.length === 1 ? names[0] : names,
          Resource: Match.objectLike({}),
        });
      template.hasResourceProperties('AWS::IAM::Role', {
        AssumeRolePolicyDocument: {
          Statement: [
            Match.objectLike({
              Principal: { Service: 'pipes.amazonaws.com' },
              Condition: {
                StringEquals: Match.objectLike({}),
                ArnEquals: Match.objectLike({}),
              },
            }),
          ],
        },
        ManagedPolicyArns: Match.absent(),
        Policies: [
          {
            PolicyName: 'Pipe',
            PolicyDocument: {
              Version: '2012-10-17',
              Statement: [
                actions(
                  'dynamodb:DescribeStream',
                  'dynamodb:GetRecords',
                  'dynamodb:GetShardIterator',
                  'dynamodb:ListStreams',
                ),
                actions('kms:Decrypt'),
                actions('sns:Publish'),
                actions('sqs:SendMessage'),
                actions('kms:GenerateDataKey', 'kms:Decrypt'),
              ],
            },
          },
        ],
      });
    });
  });

  it("come from the orders' table to a queue that is subscribed", async () => {
    const account = awsAccount();
    const app = new App({ builtinCloudFormationValidation: false });
    const props = {
      synthesizer: new DefaultStackSynthesizer({
        generateBootstrapVersionRule: false,
      }) as IStackSynthesizer,
    };
    const data = new DataStack(app, 'data', props);
    const messaging = new MessagingStack(app, 'messaging', props);
    new StreamStack(app, 'stream', {
      ...props,
      orders: data.tables.Orders,
      ordersKey: data.key,
      messagingKey: messaging.key,
      consumerAccounts: [],
    });
    const { stacks } = app.synth();
    const templates = stacks.map(({ stackName, template }) => ({
      name: stackName,
      template: template as object,
    }));
    const { OrdersTable, NotificationsTopicArn } = await deploy(account, templates);

    const sqs = new SQSClient(account);
    const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: 'consumer' }));
    const { Attributes } = await sqs.send(
      new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['QueueArn'] }),
    );
    await new SNSClient(account).send(
      new SubscribeCommand({
        TopicArn: NotificationsTopicArn.replace('order-notifications', 'order-changes'),
        Protocol: 'sqs',
        Endpoint: Attributes?.QueueArn,
      }),
    );
    const item = orderItem(orderRow());
    await DynamoDBDocumentClient.from(new DynamoDBClient(account)).send(
      new PutCommand({ TableName: OrdersTable, Item: item }),
    );
    const message = await eventually(
      async () => {
        const { Messages } = await sqs.send(
          new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 1 }),
        );
        return Messages?.[0];
      },
      { within: 60_000 },
    );
    // The emulator publishes the whole record: it knows no input template.
    assert.match(message.Body ?? '', new RegExp(item.orderKey));
  });
});
