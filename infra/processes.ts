import { Fn } from 'aws-cdk-lib';
import type { ITable } from 'aws-cdk-lib/aws-dynamodb';
import type { IEventBus } from 'aws-cdk-lib/aws-events';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import { variablesOf } from '../src/platform/config.ts';
import { UserError } from '../src/platform/errors.ts';
import type { TableName } from './dataStack.ts';
import type { SourceQueueName } from './messagingStack.ts';
import type { SecretName } from './secretsStack.ts';
import type { Settings } from './settings.ts';

/** The processes that run in AWS. What ECS runs and what EC2 runs is made from these declarations alone. */
export const PROCESS_NAMES = ['worker', 'bridge', 'api'] as const;

export type ProcessName = (typeof PROCESS_NAMES)[number];

/** What the processes use. */
export interface Resources {
  readonly tables: Readonly<Record<TableName, Pick<ITable, 'tableArn' | 'tableName'>>>;
  readonly queues: Readonly<
    Record<SourceQueueName, { readonly queue: IQueue; readonly dlq: IQueue }>
  >;
  readonly bus: Pick<IEventBus, 'eventBusArn' | 'eventBusName'>;
  readonly notifications: ITopic;
  readonly dataKey: IKey;
  readonly messagingKey: IKey;
}

export interface DeployedProcess {
  readonly name: ProcessName;
  /** CPU units of a Fargate task, 1,024 to a core. */
  readonly cpu: number;
  /** MiB of the whole task; what the process leaves is the collector's. */
  readonly taskMemory: number;
  /** MiB that the process itself may take. */
  readonly memory: number;
  /** What V8 may take of that, and how. */
  readonly nodeFlags: readonly string[];
  readonly stopping: Stopping;
  /** Where it answers `GET /healthz` and `GET /readyz`. */
  readonly healthPort: number;
  /** Of the tasks on demand and on Spot, in these shares, once `base` of them run on demand. */
  readonly onDemand: { readonly base: number; readonly share: number };
  readonly onSpot: { readonly share: number };
  /** By variable. */
  readonly environment: Readonly<Record<string, string>>;
  /** By variable: never in a template, a task definition or a unit. */
  readonly secrets: Readonly<Record<string, SecretName>>;
}

/** All in seconds, each more than the one before: what is in flight, what is given up, what is killed. */
export interface Stopping {
  /** WAYBILL_GRACE_SECONDS. */
  readonly grace: number;
  /** When the process itself ends what has not ended: 5 s later (worker), 2 s (bridge), at once (API). */
  readonly force: number;
  /** When ECS, or systemd, kills it: at most 120, on Fargate and after a Spot notice. */
  readonly kill: number;
}

/** In the folder of the release: `/app` in the image, `/opt/waybill` on an instance. */
const ENTRY = 'src/cli/main.ts';
const WORKFLOW_BUNDLE = 'workflow-bundle.js';

export const API_PORT = 8080;
const HEALTH_PORT = 8081;

/** Where the collector beside each process takes OTLP over HTTP. */
const COLLECTOR = 'http://127.0.0.1:4318';

/** The whole of what each process is told, for these settings. `home` is the folder of the release. */
export function declareProcesses(
  settings: Settings,
  resources: Resources,
  home: string,
): Readonly<Record<ProcessName, DeployedProcess>> {
  const { services, oidc, api, temporal } = settings;
  const { tables, queues, notifications, bus } = resources;
  const queueUrls = Fn.join(
    ',',
    Object.values(queues).map(({ queue }) => queue.queueUrl),
  );
  const common = (name: ProcessName, { grace }: Stopping) => ({
    NODE_ENV: 'production',
    AWS_REGION: settings.region,
    TEMPORAL_ADDRESS: temporal.address,
    TEMPORAL_NAMESPACE: temporal.namespace,
    OTEL_SERVICE_NAME: `waybill-${name}`,
    OTEL_EXPORTER_OTLP_ENDPOINT: COLLECTOR,
    // CloudWatch knows no running totals: of a histogram's, neither least nor greatest would be left.
    OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE: 'delta',
    // Twice in each period of the alarms: none is without.
    OTEL_METRIC_EXPORT_INTERVAL: '30000',
    // One event in ten, whole: X-Ray is paid by the trace.
    OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
    OTEL_TRACES_SAMPLER_ARG: '0.1',
    WAYBILL_GRACE_SECONDS: String(grace),
    WAYBILL_LOG_LEVEL: 'info',
  });
  const temporalSecrets = TEMPORAL_SECRETS[temporal.credentials];

  // An activity takes at most 20 s at the payment provider. Temporal's worker gives up 5 s past its grace.
  const workerStopping = { grace: 60, force: 65, kill: 80 };
  // What is in hand goes to Temporal within 10 s or back to SQS; giving back takes 2 s more.
  const bridgeStopping = { grace: 20, force: 22, kill: 40 };
  // An answer is waited for at most 25 s (`Prefer: wait`).
  const apiStopping = { grace: 35, force: 36, kill: 50 };

  return withVariables(settings.variables, {
    worker: {
      name: 'worker',
      cpu: 1_024,
      taskMemory: 3_072,
      memory: 2_816,
      nodeFlags: ['--max-old-space-size=2176'],
      stopping: workerStopping,
      healthPort: HEALTH_PORT,
      onDemand: { base: 1, share: 1 },
      onSpot: { share: 3 },
      environment: {
        ...common('worker', workerStopping),
        WAYBILL_ORDERS_TABLE: tables.Orders.tableName,
        WAYBILL_SELLERS_TABLE: tables.Sellers.tableName,
        WAYBILL_STOCK_TABLE: tables.Stock.tableName,
        WAYBILL_PAYMENTS_TABLE: tables.Payments.tableName,
        WAYBILL_RETURNS_TABLE: tables.Returns.tableName,
        WAYBILL_BACK_ORDERS_TABLE: tables.BackOrders.tableName,
        WAYBILL_NOTIFICATIONS_TOPIC_ARN: notifications.topicArn,
        WAYBILL_EVENT_BUS_NAME: bus.eventBusName,
        WAYBILL_SCREENING_URL: services.screeningUrl,
        WAYBILL_CARRIER_URL: services.carrierUrl,
        WAYBILL_SUPPLIER_URL: services.supplierUrl,
        WAYBILL_QUEUE_URLS: queueUrls,
        WAYBILL_WORKFLOW_BUNDLE: `${home}/${WORKFLOW_BUNDLE}`,
        WAYBILL_HEALTH_PORT: String(HEALTH_PORT),
      },
      secrets: { ...temporalSecrets, WAYBILL_STRIPE_API_KEY: 'StripeApiKey' },
    },
    bridge: {
      name: 'bridge',
      cpu: 512,
      taskMemory: 1_024,
      memory: 368,
      // docs/bridge.md: 88 MB for one queue, 32 more for each other; here are seven.
      nodeFlags: ['--max-old-space-size=280', '--max-semi-space-size=16'],
      stopping: bridgeStopping,
      healthPort: HEALTH_PORT,
      onDemand: { base: 0, share: 1 },
      onSpot: { share: 4 },
      environment: {
        ...common('bridge', bridgeStopping),
        WAYBILL_QUEUE_URLS: queueUrls,
        WAYBILL_HEALTH_PORT: String(HEALTH_PORT),
      },
      secrets: temporalSecrets,
    },
    api: {
      name: 'api',
      cpu: 512,
      taskMemory: 1_024,
      memory: 832,
      nodeFlags: ['--max-old-space-size=640'],
      stopping: apiStopping,
      healthPort: API_PORT,
      // Whoever waits for an answer should not lose it to a Spot notice.
      onDemand: { base: 0, share: 1 },
      onSpot: { share: 0 },
      environment: {
        ...common('api', apiStopping),
        WAYBILL_ORDERS_TABLE: tables.Orders.tableName,
        WAYBILL_SELLERS_TABLE: tables.Sellers.tableName,
        WAYBILL_RETURNS_TABLE: tables.Returns.tableName,
        WAYBILL_KEYS_TABLE: tables.Keys.tableName,
        WAYBILL_PAYMENTS_QUEUE_URL: queues.PaymentsFifo.queue.queueUrl,
        WAYBILL_INGRESS_QUEUE_URL: queues.Orders.queue.queueUrl,
        WAYBILL_OIDC_ISSUER: oidc.issuer,
        WAYBILL_OIDC_AUDIENCE: oidc.audience,
        WAYBILL_OIDC_JWKS_URL: oidc.keySetUrl,
        WAYBILL_API_ORIGINS: api.origins.join(','),
        WAYBILL_API_HOST: '0.0.0.0',
        WAYBILL_API_PORT: String(API_PORT),
      },
      secrets: {
        ...temporalSecrets,
        WAYBILL_STRIPE_READ_KEY: 'StripeReadKey',
        WAYBILL_STRIPE_WEBHOOK_SECRET: 'StripeWebhookSecret',
      },
    },
  });
}

/** Tells each process those of the variables that it reads. @throws UserError where the stacks say something else. */
function withVariables(
  variables: Settings['variables'],
  processes: Readonly<Record<ProcessName, DeployedProcess>>,
): Readonly<Record<ProcessName, DeployedProcess>> {
  const told = PROCESS_NAMES.map((name) => {
    const process = processes[name];
    const own = Object.entries(variables).filter(([variable]) =>
      variablesOf(name).includes(variable),
    );
    for (const [variable] of own) {
      if (!(variable in process.environment)) continue;
      throw new UserError(
        `variables.${variable}: expected a variable that the stacks leave open, received one that they set`,
        'leave it out',
      );
    }
    const environment = { ...process.environment, ...Object.fromEntries(own) };
    return [name, { ...process, environment }] as const;
  });
  return Object.fromEntries(told) as Record<ProcessName, DeployedProcess>;
}

/** What Temporal's own libraries read, by how a process shows who it is. */
const TEMPORAL_SECRETS = {
  'api-key': { TEMPORAL_API_KEY: 'TemporalApiKey' },
  mtls: {
    TEMPORAL_TLS_CLIENT_CERT_DATA: 'TemporalClientCertificate',
    TEMPORAL_TLS_CLIENT_KEY_DATA: 'TemporalClientKey',
  },
} as const satisfies Record<string, Readonly<Record<string, SecretName>>>;

/** The command that is the process, its executable first: no shell stands between it and a signal. */
export function commandOf({ name, nodeFlags }: DeployedProcess, node: string): string[] {
  return [node, ...nodeFlags, ENTRY, name];
}

/** The command that succeeds while the process is alive: one whose breaker is open is. */
export function healthCommandOf({ healthPort }: DeployedProcess, node: string): string[] {
  const ask = `fetch('http://127.0.0.1:${healthPort}/healthz', { signal: AbortSignal.timeout(4000) })`;
  return [node, '-e', `${ask}.then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))`];
}
