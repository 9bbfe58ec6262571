import { SQSClient } from '@aws-sdk/client-sqs';
import { AWS_DEADLINES } from '../contracts/awsDeadlines.ts';

// Region, endpoint, credentials and retries come from the AWS SDK's own variables, which it reads itself.

export function createSqs(): SQSClient {
  return new SQSClient(AWS_DEADLINES);
}
