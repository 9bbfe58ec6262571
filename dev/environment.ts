import path from 'node:path';
import type { Environment } from '../src/platform/config.ts';
import { type AwsConfig, reachable } from './deploy.ts';
import type { StackOptions, StackOutputs } from './stack.ts';
import { NAMESPACE } from './temporal.ts';

/** What the local API's tokens are meant for. */
export const AUDIENCE = 'waybill';
/** By which the payment provider's sandbox signs its webhooks. */
const WEBHOOK_SECRET = 'whsec_local';

const FOREIGN = /^(AWS|TEMPORAL|WAYBILL)_|^OTEL_(?!EXPORTER_OTLP_TRACES_)/;
/** How often the processes tell of their metrics, in milliseconds. */
const METRICS_EVERY = 5_000;

/** Where the parts of a running stack are. */
export interface Addresses {
  /** `host:port` */
  readonly temporal: string;
  readonly aws: AwsConfig;
  /** The payment provider's sandbox, a URL. */
  readonly provider: string;
  /** The issuer of tokens, a URL. */
  readonly issuer: string;
  /** What takes the metrics of the processes, a URL. Default: nobody does. */
  readonly metrics?: string;
  /** On 127.0.0.1. */
  readonly apiPort: number;
}

/** The same parts, as far as something stands before them, where that is. */
export function addressesThrough(
  addresses: Addresses,
  { temporal, emulator, provider }: NonNullable<StackOptions['through']> = {},
): Addresses {
  const local = (port: number) => `http://127.0.0.1:${port}`;
  return {
    ...addresses,
    ...(temporal !== undefined && { temporal: `127.0.0.1:${temporal}` }),
    ...(emulator !== undefined && { aws: { ...addresses.aws, endpoint: local(emulator) } }),
    ...(provider !== undefined && { provider: local(provider) }),
  };
}

/** The same outputs with their queues at this endpoint: the emulator names its own port. */
export function outputsAt(outputs: StackOutputs, endpoint: string): StackOutputs {
  const entries = Object.entries(outputs).map(([name, value]) => [
    name,
    name.endsWith('Url') ? reachable(value, endpoint) : value,
  ]);
  return Object.fromEntries(entries) as StackOutputs;
}

/** The local AWS: a running emulator with the credentials that belong to it, or our own with any. */
export function awsOf(env: Environment, endpoint: string): AwsConfig {
  const own = env['AWS_ENDPOINT_URL'] ? env : {};
  return {
    endpoint,
    region: own['AWS_REGION'] || 'us-east-1',
    credentials: {
      accessKeyId: own['AWS_ACCESS_KEY_ID'] || 'test',
      secretAccessKey: own['AWS_SECRET_ACCESS_KEY'] || 'test',
    },
  };
}

/**
 * The environment of worker, bridge, api and tools: the surroundings' without what would lead them to another
 * AWS, Temporal or order service, and with where this one is. Traces go where the surroundings say, or nowhere.
 */
export function stackEnvironment(
  env: Environment,
  { temporal, aws, provider, issuer, metrics, apiPort }: Addresses,
  outputs: StackOutputs,
): Environment {
  const neutral = Object.entries(env).filter(([name]) => !FOREIGN.test(name));
  const temporalSettings = env['TEMPORAL_ADDRESS']
    ? Object.fromEntries(Object.entries(env).filter(([name]) => name.startsWith('TEMPORAL_')))
    : { TEMPORAL_CONFIG_FILE: path.resolve(import.meta.dirname, 'temporal.toml') };
  return {
    ...Object.fromEntries(neutral),
    ...temporalSettings,
    TEMPORAL_ADDRESS: temporal,
    TEMPORAL_NAMESPACE: NAMESPACE,
    AWS_ENDPOINT_URL: aws.endpoint,
    AWS_REGION: aws.region,
    AWS_ACCESS_KEY_ID: aws.credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: aws.credentials.secretAccessKey,
    WAYBILL_ORDERS_TABLE: outputs.OrdersTable,
    WAYBILL_SELLERS_TABLE: outputs.SellersTable,
    WAYBILL_STOCK_TABLE: outputs.StockTable,
    WAYBILL_PAYMENTS_TABLE: outputs.PaymentsTable,
    WAYBILL_RETURNS_TABLE: outputs.ReturnsTable,
    WAYBILL_BACK_ORDERS_TABLE: outputs.BackOrdersTable,
    WAYBILL_KEYS_TABLE: outputs.KeysTable,
    WAYBILL_NOTIFICATIONS_TOPIC_ARN: outputs.NotificationsTopicArn,
    WAYBILL_EVENT_BUS_NAME: outputs.EventBusName,
    WAYBILL_QUEUE_URLS: [
      outputs.OrdersQueueUrl,
      outputs.PaymentsQueueUrl,
      outputs.PaymentsFifoQueueUrl,
      outputs.FulfilmentQueueUrl,
      outputs.ReturnsQueueUrl,
      outputs.InventoryQueueUrl,
      outputs.OperationsQueueUrl,
    ].join(','),
    ...(metrics !== undefined && {
      OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: `${metrics}/v1/metrics`,
      OTEL_METRIC_EXPORT_INTERVAL: String(METRICS_EVERY),
    }),
    WAYBILL_STRIPE_BASE_URL: provider,
    WAYBILL_STRIPE_API_KEY: 'sk_test_local',
    WAYBILL_STRIPE_READ_KEY: 'sk_test_local_read',
    WAYBILL_STRIPE_WEBHOOK_SECRET: WEBHOOK_SECRET,
    WAYBILL_SCREENING_URL: `${provider}/screening`,
    WAYBILL_CARRIER_URL: `${provider}/carrier`,
    WAYBILL_SUPPLIER_URL: `${provider}/supplier`,
    WAYBILL_PAYMENTS_QUEUE_URL: outputs.PaymentsFifoQueueUrl,
    WAYBILL_INGRESS_QUEUE_URL: outputs.OrdersQueueUrl,
    WAYBILL_SNS_TOPIC_ARNS: outputs.NotificationsTopicArn,
    WAYBILL_OIDC_ISSUER: issuer,
    WAYBILL_OIDC_AUDIENCE: AUDIENCE,
    WAYBILL_OIDC_JWKS_URL: `${issuer}/jwks.json`,
    WAYBILL_API_DOCS: 'on',
    // What feeds this stack is one caller, in a hurry.
    WAYBILL_API_REQUESTS_PER_MINUTE: '100000',
    WAYBILL_API_HOST: '127.0.0.1',
    WAYBILL_API_PORT: String(apiPort),
  };
}
