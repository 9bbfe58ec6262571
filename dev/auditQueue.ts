import { SNSClient, SubscribeCommand } from '@aws-sdk/client-sns';
import { CreateQueueCommand, GetQueueAttributesCommand, SQSClient } from '@aws-sdk/client-sqs';
import { type AwsConfig, reachable } from './deploy.ts';

const QUEUE_NAME = 'audit-notifications';

/** Makes the queue that gets every notification, for the local audit alone, unless it is there; answers its URL. */
export async function createAuditQueue(config: AwsConfig, topicArn: string): Promise<string> {
  const sqs = new SQSClient(config);
  const sns = new SNSClient(config);
  try {
    const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: QUEUE_NAME }));
    const { Attributes } = await sqs.send(
      new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['QueueArn'] }),
    );
    await sns.send(
      new SubscribeCommand({
        TopicArn: topicArn,
        Protocol: 'sqs',
        Endpoint: Attributes?.QueueArn,
        Attributes: { RawMessageDelivery: 'true' },
      }),
    );
    return reachable(QueueUrl ?? '', config.endpoint);
  } finally {
    sqs.destroy();
    sns.destroy();
  }
}
