import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { SNSClient } from '@aws-sdk/client-sns';
import { SQSClient } from '@aws-sdk/client-sqs';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';

// Region, endpoint, credentials and retries come from the AWS SDK's own variables, which it reads itself.

/** The SDK's defaults would wait for ever on a connection that has gone silent. A long poll takes up to 20 s. */
const DEADLINES = {
  requestHandler: {
    connectionTimeout: 5_000,
    requestTimeout: 30_000,
    throwOnRequestTimeout: true,
  },
};

export function createSqs(): SQSClient {
  return new SQSClient(DEADLINES);
}

export function createSns(): SNSClient {
  return new SNSClient(DEADLINES);
}

/** Items as plain objects; a field that is undefined is left out. */
export function createTables(): DynamoDBDocumentClient {
  return DynamoDBDocumentClient.from(new DynamoDBClient(DEADLINES), {
    marshallOptions: { removeUndefinedValues: true },
  });
}
