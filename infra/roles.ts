import { Aws, Validations } from 'aws-cdk-lib';
import { type IGrantable, type IRole, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { ILogGroup } from 'aws-cdk-lib/aws-logs';
import { ORDER_INDEXES, RETURNS_BY_ORDER } from '../src/contracts/indexes.ts';
import type { TableName } from './dataStack.ts';
import type { SourceQueueName } from './messagingStack.ts';
import type { ProcessName, Resources } from './processes.ts';

/**
 * What each process may do with each table: what its code calls. A transaction needs the actions of its parts.
 * `DescribeTable`: asked of each table at start.
 */
const TABLE_ACTIONS: Readonly<
  Record<ProcessName, Partial<Record<TableName, readonly TableAction[]>>>
> = {
  worker: {
    // The nightly audit scans what it compares.
    Orders: ['DescribeTable', 'GetItem', 'PutItem', 'Scan'],
    Sellers: ['DescribeTable', 'PutItem'],
    Stock: ['DescribeTable', 'GetItem', 'BatchGetItem', 'PutItem', 'UpdateItem', 'Scan'],
    Payments: ['DescribeTable', 'GetItem', 'PutItem', 'UpdateItem', 'Query', 'Scan'],
    Returns: ['DescribeTable', 'PutItem', 'Scan'],
    BackOrders: ['DescribeTable', 'GetItem', 'PutItem', 'UpdateItem', 'DeleteItem', 'Query'],
  },
  bridge: {},
  api: {
    Orders: ['DescribeTable', 'GetItem', 'BatchGetItem'],
    Sellers: ['DescribeTable', 'Query'],
    Returns: ['DescribeTable', 'GetItem'],
    Keys: ['DescribeTable', 'PutItem'],
  },
};

type TableAction =
  | 'DescribeTable'
  | 'GetItem'
  | 'BatchGetItem'
  | 'PutItem'
  | 'UpdateItem'
  | 'DeleteItem'
  | 'Query'
  | 'Scan';

/** The indexes that a process queries, by table. */
const INDEXES: Readonly<Record<ProcessName, Partial<Record<TableName, readonly string[]>>>> = {
  worker: {},
  bridge: {},
  api: { Orders: Object.keys(ORDER_INDEXES), Returns: [RETURNS_BY_ORDER] },
};

/** The queues that the API puts events into. */
const INGRESS: readonly SourceQueueName[] = ['Orders', 'PaymentsFifo'];

/** What DynamoDB asks of whoever uses a table under a key of ours (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.usagenotes.html). */
const TABLE_KEY_ACTIONS = [
  'kms:Decrypt',
  'kms:DescribeKey',
  'kms:Encrypt',
  'kms:GenerateDataKey',
  'kms:ReEncryptFrom',
  'kms:ReEncryptTo',
];

/** Everything that one process may do, on named resources only. */
function statementsOf(
  name: ProcessName,
  resources: Resources,
  metrics: ILogGroup,
): readonly PolicyStatement[] {
  const { tables, dataKey, messagingKey } = resources;
  const statements = [
    ...Object.entries(TABLE_ACTIONS[name]).map(([table, actions]) =>
      allow(
        actions.map((action) => `dynamodb:${action}`),
        [tables[table as TableName].tableArn],
      ),
    ),
    ...Object.entries(INDEXES[name]).map(([table, indexes]) =>
      allow(
        ['dynamodb:Query'],
        indexes.map((index) => `${tables[table as TableName].tableArn}/index/${index}`),
      ),
    ),
    ...messagingOf(name, resources),
    through(
      name === 'worker' ? ['sqs', 'sns'] : ['sqs'],
      ['kms:Decrypt', 'kms:GenerateDataKey'],
      messagingKey,
    ),
    ...telemetryOf(metrics),
  ];
  if (name !== 'bridge') statements.push(through(['dynamodb'], TABLE_KEY_ACTIONS, dataKey));
  return statements;
}

function messagingOf(name: ProcessName, resources: Resources): PolicyStatement[] {
  const { queues, bus, notifications } = resources;
  const sources = Object.values(queues).map(({ queue }) => queue.queueArn);
  const dlqs = Object.values(queues).map(({ dlq }) => dlq.queueArn);
  switch (name) {
    case 'worker':
      return [
        allow(['sns:Publish'], [notifications.topicArn]),
        allow(['events:PutEvents'], [bus.eventBusArn]),
        // The audit counts what waits, and looks at what is parked without taking it.
        allow(['sqs:GetQueueAttributes'], sources),
        allow(['sqs:GetQueueUrl', 'sqs:ReceiveMessage', 'sqs:ChangeMessageVisibility'], dlqs),
      ];
    case 'bridge':
      return [
        allow(
          [
            'sqs:ReceiveMessage',
            'sqs:DeleteMessage',
            'sqs:ChangeMessageVisibility',
            'sqs:GetQueueAttributes',
          ],
          sources,
        ),
        allow(['sqs:GetQueueUrl', 'sqs:SendMessage'], dlqs),
      ];
    case 'api':
      return [
        allow(
          ['sqs:SendMessage'],
          INGRESS.map((queue) => queues[queue].queue.queueArn),
        ),
      ];
  }
}

/** The collector runs beside the process, in its role. */
function telemetryOf(metrics: ILogGroup): PolicyStatement[] {
  return [
    allow(['logs:CreateLogStream', 'logs:PutLogEvents'], [metrics.logGroupArn]),
    // X-Ray has no resources: AWS takes nothing but `*` here.
    allow(['xray:PutTraceSegments', 'xray:PutTelemetryRecords'], ['*']),
  ];
}

/** A key, as these services use it for the caller, and not by itself. */
function through(services: readonly string[], actions: string[], key: IKey): PolicyStatement {
  const statement = allow(actions, [key.keyArn]);
  const via = services.map((service) => `${service}.${Aws.REGION}.amazonaws.com`);
  statement.addCondition('StringEquals', { 'kms:ViaService': via });
  return statement;
}

function allow(actions: string[], resources: string[]): PolicyStatement {
  return new PolicyStatement({ actions, resources });
}

/** To whoever starts a process: its secrets, and no other's. */
export function grantSecrets(
  grantee: IGrantable,
  arns: readonly string[],
  { dataKey }: Pick<Resources, 'dataKey'>,
): void {
  const { grantPrincipal } = grantee;
  grantPrincipal.addToPrincipalPolicy(allow(['secretsmanager:GetSecretValue'], [...arns]));
  grantPrincipal.addToPrincipalPolicy(through(['secretsmanager'], ['kms:Decrypt'], dataKey));
}

/** What every role's policy is added to: an ECS task's, or an instance's. */
export function grantProcess(
  role: IRole,
  name: ProcessName,
  resources: Resources,
  metrics: ILogGroup,
): void {
  for (const statement of statementsOf(name, resources, metrics)) {
    role.addToPrincipalPolicy(statement);
  }
  Validations.of(role).acknowledge({
    id: 'AwsSolutions-IAM5[Resource::*]',
    reason: 'xray:PutTraceSegments and xray:PutTelemetryRecords alone: X-Ray has no resources',
  });
}
