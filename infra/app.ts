import { App, DefaultStackSynthesizer, type IStackSynthesizer, type StackProps } from 'aws-cdk-lib';
import { ArchiveStack } from './archiveStack.ts';
import { AuditStack } from './auditStack.ts';
import { ComputeStack } from './computeStack.ts';
import { DataStack, type DataStackProps } from './dataStack.ts';
import { EdgeStack } from './edgeStack.ts';
import { MessagingStack } from './messagingStack.ts';
import { ObservabilityStack } from './observabilityStack.ts';
import { SecretsStack } from './secretsStack.ts';
import type { Settings } from './settings.ts';
import { StreamStack } from './streamStack.ts';

/** The names of the local stacks' outputs. */
export const OUTPUTS = [
  'EventBusName',
  'OrdersQueueUrl',
  'OrdersDlqUrl',
  'PaymentsQueueUrl',
  'PaymentsDlqUrl',
  'FulfilmentQueueUrl',
  'FulfilmentDlqUrl',
  'ReturnsQueueUrl',
  'ReturnsDlqUrl',
  'InventoryQueueUrl',
  'InventoryDlqUrl',
  'OperationsQueueUrl',
  'OperationsDlqUrl',
  'PaymentsFifoQueueUrl',
  'PaymentsFifoDlqUrl',
  'NotificationsTopicArn',
  'CustomersQueueUrl',
  'CustomersDlqUrl',
  'SupportQueueUrl',
  'SupportDlqUrl',
  'AnalyticsQueueUrl',
  'AnalyticsDlqUrl',
  'SecurityQueueUrl',
  'SecurityDlqUrl',
  'OrdersTable',
  'SellersTable',
  'StockTable',
  'PaymentsTable',
  'ReturnsTable',
  'BackOrdersTable',
  'KeysTable',
] as const;

/** What the deployed stacks say of themselves: names, URLs and ARNs by output. */
export type Outputs = Readonly<Record<(typeof OUTPUTS)[number], string>>;

/** The stacks that the local service has too, by lifetime: each may use those before it. */
const STACKS = { data: 'waybill-data', messaging: 'waybill-messaging' } as const;

/** Everything, for one AWS account. */
export function createApp(settings: Settings): App {
  const { account, region, securityBusArn, consumerAccounts, operators } = settings;
  const app = new App({
    analyticsReporting: false,
    // Otherwise what CDK's own validation of the templates finds is a warning.
    context: { '@aws-cdk/core:validateAgainstDefaultRules': true },
  });
  const props: StackProps = { env: { account, region }, terminationProtection: true };
  const { data, messaging } = addLocalStacks(app, props);
  const { bus } = messaging;
  new ArchiveStack(app, 'waybill-archive', {
    ...props,
    description: 'Waybill: what is kept and known of its events',
    bus,
  });
  const audit = new AuditStack(app, 'waybill-audit', {
    ...props,
    description: 'Waybill: its events, for the security account',
    bus,
    key: messaging.key,
    securityBusArn,
  });
  const stream = new StreamStack(app, 'waybill-stream', {
    ...props,
    description: "Waybill: changes of orders' states, for consumers outside",
    orders: data.tables.Orders,
    ordersKey: data.key,
    messagingKey: messaging.key,
    consumerAccounts,
  });
  const { secrets } = new SecretsStack(app, 'waybill-secrets', {
    ...props,
    description: 'Waybill: what its processes show to others, and nobody else may see',
    key: data.key,
  });
  const { network, entrance } = new ComputeStack(app, 'waybill-compute', {
    ...props,
    description: 'Waybill: its processes',
    settings,
    secrets,
    resources: {
      tables: data.tables,
      queues: messaging.queues,
      bus,
      notifications: messaging.notifications,
      dataKey: data.key,
      messagingKey: messaging.key,
    },
  });
  new EdgeStack(app, 'waybill-edge', {
    ...props,
    description: 'Waybill: its API, from outside',
    vpc: network.vpc,
    listener: entrance.listener,
  });
  new ObservabilityStack(app, 'waybill-observability', {
    ...props,
    description: 'Waybill: what tells people how it is',
    watched: {
      sources: messaging.queues,
      audiences: { ...messaging.audienceQueues, Audit: audit, OrderChanges: stream },
      fifo: messaging.queues.PaymentsFifo.queue,
      loadBalancer: entrance.loadBalancer,
    },
    operators,
  });
  return app;
}

/** A stack's name and its CloudFormation template. */
export interface StackTemplate {
  readonly name: string;
  readonly template: object;
}

/** The stacks that the local service is made of, in the order of their deployment. */
export function synthesise(): readonly StackTemplate[] {
  // Validation takes two seconds of every start; `createApp` has the same stacks validated.
  const app = new App({ analyticsReporting: false, builtinCloudFormationValidation: false });
  addLocalStacks(app, {
    // Nobody reads it there, and the emulator keeps both images of each change in memory for a day: measured with 3,000
    // writes of 200 orders, 129 MiB instead of 11.
    stream: false,
    // The bootstrap version is an SSM parameter, which a machine without an AWS account has not.
    // (The cast: CDK's typings are not made for `exactOptionalPropertyTypes`.)
    synthesizer: new DefaultStackSynthesizer({
      generateBootstrapVersionRule: false,
    }) as IStackSynthesizer,
  });
  const assembly = app.synth();
  return [STACKS.data, STACKS.messaging].map((name) => ({
    name,
    template: assembly.getStackByName(name).template as object,
  }));
}

function addLocalStacks(app: App, { stream = true, ...props }: DataStackProps) {
  const data = new DataStack(app, STACKS.data, {
    ...props,
    stream,
    description: 'Waybill: what outlives every deployment',
  });
  const messaging = new MessagingStack(app, STACKS.messaging, {
    ...props,
    description: 'Waybill: what carries messages',
  });
  return { data, messaging };
}
