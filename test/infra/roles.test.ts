import assert from 'node:assert/strict';
import type { Stack } from 'aws-cdk-lib';
import type { DataStack } from '../../infra/dataStack.ts';
import type { MessagingStack } from '../../infra/messagingStack.ts';
import { PROCESS_NAMES, type ProcessName } from '../../infra/processes.ts';
import { permissionsOf, type Permissions } from '../support/policies.ts';
import { exampleOn, exampleTemplate, type Platform } from '../support/templates.ts';

/** Actions on what they are asked of; a resource is a path such as `table Orders`, `queue Orders`, `dlq Orders`. */
type Asked = Readonly<Record<string, readonly string[]>>;

const SOURCES = [
  'Orders',
  'Payments',
  'Fulfilment',
  'Returns',
  'Inventory',
  'Operations',
  'PaymentsFifo',
] as const;
const TABLES = ['Orders', 'Sellers', 'Stock', 'Payments', 'Returns', 'BackOrders', 'Keys'] as const;
const queues = SOURCES.map((name) => `queue ${name}`);
const dlqs = SOURCES.map((name) => `dlq ${name}`);
const tables = TABLES.map((name) => `table ${name}`);
const workerTables = tables.filter((name) => name !== 'table Keys');

/** What the code of each process calls. */
const NEEDED: Readonly<Record<ProcessName, Asked>> = {
  worker: {
    'dynamodb:DescribeTable': workerTables,
    'dynamodb:GetItem': ['table Orders', 'table Stock', 'table Payments', 'table BackOrders'],
    'dynamodb:BatchGetItem': ['table Stock'],
    'dynamodb:PutItem': workerTables,
    'dynamodb:UpdateItem': ['table Stock', 'table Payments', 'table BackOrders'],
    'dynamodb:DeleteItem': ['table BackOrders'],
    'dynamodb:Query': ['table Payments', 'table BackOrders'],
    'dynamodb:Scan': ['table Orders', 'table Stock', 'table Payments', 'table Returns'],
    'sns:Publish': ['topic'],
    'kms:GenerateDataKey through sns': ['messaging key'],
    'events:PutEvents': ['bus'],
    'sqs:GetQueueAttributes': queues,
    'sqs:GetQueueUrl': dlqs,
    'sqs:ReceiveMessage': dlqs,
    'sqs:ChangeMessageVisibility': dlqs,
    'kms:Decrypt through dynamodb': ['data key'],
    'kms:Decrypt through sqs': ['messaging key'],
    'kms:GenerateDataKey through sqs': ['messaging key'],
    'xray:PutTraceSegments': ['anything'],
    'logs:PutLogEvents': ['metrics'],
  },
  bridge: {
    'sqs:ReceiveMessage': queues,
    'sqs:DeleteMessage': queues,
    'sqs:ChangeMessageVisibility': queues,
    'sqs:GetQueueAttributes': queues,
    'sqs:GetQueueUrl': dlqs,
    'sqs:SendMessage': dlqs,
    'kms:Decrypt through sqs': ['messaging key'],
    'kms:GenerateDataKey through sqs': ['messaging key'],
    'xray:PutTraceSegments': ['anything'],
    'logs:PutLogEvents': ['metrics'],
  },
  api: {
    'dynamodb:DescribeTable': ['table Orders', 'table Sellers', 'table Returns', 'table Keys'],
    'dynamodb:GetItem': ['table Orders', 'table Returns'],
    'dynamodb:BatchGetItem': ['table Orders'],
    'dynamodb:Query': [
      'table Sellers',
      'index Orders/byCustomer',
      'index Orders/byState',
      'index Orders/byDay',
      'index Returns/byOrder',
    ],
    'dynamodb:PutItem': ['table Keys'],
    'sqs:SendMessage': ['queue Orders', 'queue PaymentsFifo'],
    'kms:Decrypt through dynamodb': ['data key'],
    'kms:Decrypt through sqs': ['messaging key'],
    'kms:GenerateDataKey through sqs': ['messaging key'],
    'xray:PutTraceSegments': ['anything'],
    'logs:PutLogEvents': ['metrics'],
  },
};

/** What would do harm, and what belongs to another process. */
const FORBIDDEN: Readonly<Record<ProcessName, Asked>> = {
  worker: {
    'dynamodb:GetItem': ['table Keys'],
    'dynamodb:DeleteItem': tables.filter((name) => name !== 'table BackOrders'),
    'dynamodb:Scan': ['table Sellers', 'table BackOrders', 'table Keys'],
    // Others take what the bridge is to take, or lose what was parked.
    'sqs:ReceiveMessage': queues,
    'sqs:DeleteMessage': [...queues, ...dlqs],
    'sqs:SendMessage': [...queues, ...dlqs],
  },
  bridge: {
    ...Object.fromEntries(
      ['GetItem', 'Query', 'Scan', 'PutItem', 'UpdateItem', 'DeleteItem', 'DescribeTable'].map(
        (action) => [`dynamodb:${action}`, tables],
      ),
    ),
    'sqs:SendMessage': queues,
    'sqs:ReceiveMessage': dlqs,
    'sqs:DeleteMessage': dlqs,
    'sns:Publish': ['topic'],
    'events:PutEvents': ['bus'],
    'kms:Decrypt through dynamodb': ['data key'],
    'kms:Decrypt through sns': ['messaging key'],
  },
  api: {
    'dynamodb:PutItem': tables.filter((name) => name !== 'table Keys'),
    'dynamodb:UpdateItem': tables,
    'dynamodb:DeleteItem': tables,
    'dynamodb:Scan': tables,
    'dynamodb:GetItem': ['table Stock', 'table Payments', 'table BackOrders', 'table Keys'],
    'sqs:SendMessage': queues.filter((name) => !/ (Orders|PaymentsFifo)$/.test(name)),
    'sqs:ReceiveMessage': [...queues, ...dlqs],
    'sqs:DeleteMessage': [...queues, ...dlqs],
    'sns:Publish': ['topic'],
    'events:PutEvents': ['bus'],
  },
};

/** What no process may do to anything. */
const FORBIDDEN_TO_ALL = [
  'dynamodb:CreateTable',
  'dynamodb:DeleteTable',
  'dynamodb:UpdateTable',
  'dynamodb:UpdateTimeToLive',
  'dynamodb:DeleteBackup',
  'dynamodb:ExportTableToPointInTime',
  'sqs:PurgeQueue',
  'sqs:DeleteQueue',
  'sqs:SetQueueAttributes',
  'sqs:AddPermission',
  'sns:DeleteTopic',
  'sns:SetTopicAttributes',
  'sns:Subscribe',
  'events:DeleteRule',
  'events:PutRule',
  'events:DeleteEventBus',
  // By itself, past the service that the key is for.
  'kms:Decrypt',
  'kms:GenerateDataKey',
  'kms:ScheduleKeyDeletion',
  'kms:DisableKey',
  'kms:CreateGrant',
  'kms:PutKeyPolicy',
  'logs:DeleteLogGroup',
  'iam:PassRole',
  'iam:CreateUser',
  'iam:AttachRolePolicy',
  'sts:AssumeRole',
  's3:PutObject',
  's3:DeleteObject',
  'ecs:UpdateService',
  'ec2:TerminateInstances',
  'secretsmanager:PutSecretValue',
  'secretsmanager:DeleteSecret',
];

for (const on of ['fargate', 'ec2'] as const satisfies Platform[]) {
  describe(`the role of each process on ${on}`, () => {
    let things: ReadonlyMap<string, unknown>;
    let roles: Readonly<Record<ProcessName, Permissions>>;

    before(function () {
      this.timeout(120_000);
      const { node } = exampleOn(on).app;
      const compute = node.findChild('waybill-compute') as Stack;
      const template = exampleTemplate('waybill-compute', on);
      things = thingsOf(compute, {
        data: node.findChild('waybill-data') as DataStack,
        messaging: node.findChild('waybill-messaging') as MessagingStack,
      });
      const [roleId] = Object.keys(
        template.findResources('AWS::Logs::LogGroup', {
          Properties: { LogGroupName: '/waybill/metrics' },
        }),
      );
      (things as Map<string, unknown>).set('metrics', { 'Fn::GetAtt': [roleId, 'Arn'] });
      const ids = Object.keys(template.findResources('AWS::IAM::Role'));
      roles = Object.fromEntries(
        PROCESS_NAMES.map((name) => {
          const pattern = new RegExp(on === 'fargate' ? `${name}TaskTaskRole` : `${name}Role`);
          const [id = '', ...others] = ids.filter((each) => pattern.test(each));
          assert.deepEqual(others, []);
          return [name, permissionsOf(template, id)];
        }),
      ) as Record<ProcessName, Permissions>;
    });

    const find = (name: string) => {
      const thing = things.get(name);
      assert.ok(thing !== undefined, name);
      return thing;
    };

    for (const name of PROCESS_NAMES) {
      it(`lets ${name} do what its code does`, () => {
        for (const [action, on_] of Object.entries(NEEDED[name])) {
          for (const resource of on_) {
            assert.ok(roles[name].allows(action, find(resource)), `${action} on ${resource}`);
          }
        }
      });

      it(`does not let ${name} do what is another's, or does harm`, () => {
        const forbidden = Object.entries(FORBIDDEN[name]).flatMap(([action, some]) =>
          some.map((resource) => [action, resource] as const),
        );
        const everywhere = FORBIDDEN_TO_ALL.flatMap((action) =>
          [...things.keys()].map((resource) => [action, resource] as const),
        );
        const allowed = [...forbidden, ...everywhere].filter(([action, resource]) =>
          roles[name].allows(action, find(resource)),
        );
        assert.deepEqual(allowed, []);
      });

      it(`names each action of ${name}, and each resource but X-Ray's`, () => {
        const { allowed } = roles[name];
        assert.ok(allowed.length > 0);
        for (const { action } of allowed) assert.doesNotMatch(action, /\*|^iam:|^sts:/);
        const wide = allowed.filter(({ resource }) => resource.includes('*'));
        const actions = new Set(wide.map(({ action }) => action));
        const ofInstances = on === 'ec2' ? ['autoscaling:CompleteLifecycleAction'] : [];
        assert.deepEqual([...actions].toSorted(), [
          ...ofInstances,
          'xray:PutTelemetryRecords',
          'xray:PutTraceSegments',
        ]);
      });

      it(`lets ${name} do nothing of AWS's data that is not asked for here`, () => {
        const needed = new Set(Object.keys(NEEDED[name]));
        const own = roles[name].allowed.filter(({ action }) =>
          /^(dynamodb|sqs|sns|events):/.test(action),
        );
        assert.deepEqual(
          own.filter(({ action }) => !needed.has(action)),
          [],
        );
      });
    }
  });
}

/** Everything that an action may be asked of, by name, as the stack of the processes refers to it. */
function thingsOf(
  compute: Stack,
  { data, messaging }: { readonly data: DataStack; readonly messaging: MessagingStack },
): ReadonlyMap<string, unknown> {
  const named = (name: string, arn: string) => [name, compute.resolve(arn) as unknown] as const;
  return new Map([
    ...TABLES.map((name) => named(`table ${name}`, data.tables[name].tableArn)),
    ...['byCustomer', 'byState', 'byDay'].map((index) =>
      named(`index Orders/${index}`, `${data.tables.Orders.tableArn}/index/${index}`),
    ),
    named('index Returns/byOrder', `${data.tables.Returns.tableArn}/index/byOrder`),
    ...SOURCES.map((name) => named(`queue ${name}`, messaging.queues[name].queue.queueArn)),
    ...SOURCES.map((name) => named(`dlq ${name}`, messaging.queues[name].dlq.queueArn)),
    named('topic', messaging.notifications.topicArn),
    named('bus', messaging.bus.eventBusArn),
    named('data key', data.key.keyArn),
    named('messaging key', messaging.key.keyArn),
    named('anything', 'arn:aws:any:::thing'),
  ]);
}
