import {
  DescribeTableCommand,
  DynamoDBClient,
  ResourceNotFoundException,
} from '@aws-sdk/client-dynamodb';
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { SNSClient } from '@aws-sdk/client-sns';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { AWS_DEADLINES } from '../contracts/awsDeadlines.ts';
import { UserError } from './errors.ts';

// Region, endpoint, credentials and retries come from the AWS SDK's own variables, which it reads itself.

export function createEventBridge(): EventBridgeClient {
  return new EventBridgeClient(AWS_DEADLINES);
}

export function createSns(): SNSClient {
  return new SNSClient(AWS_DEADLINES);
}

/** Items as plain objects; a field that is undefined is left out. */
export function createTables(): DynamoDBDocumentClient {
  return DynamoDBDocumentClient.from(new DynamoDBClient(AWS_DEADLINES), {
    marshallOptions: { removeUndefinedValues: true },
  });
}

/**
 * Asks for tables at the start of a process: what is wrong with the access to AWS is better known now than in
 * the middle of an order.
 *
 * @throws UserError when one does not exist; what the AWS SDK throws when it cannot be asked.
 */
export async function assertTables(
  tables: DynamoDBDocumentClient,
  names: readonly string[],
): Promise<void> {
  for (const TableName of names) {
    await tables.send(new DescribeTableCommand({ TableName })).catch((cause: unknown) => {
      if (!(cause instanceof ResourceNotFoundException)) throw cause;
      throw new UserError(
        `AWS has no table ${TableName}`,
        'check the WAYBILL_*_TABLE variables, and AWS_REGION and AWS_ENDPOINT_URL',
        { cause },
      );
    });
  }
}
