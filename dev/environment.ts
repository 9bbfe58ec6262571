import path from 'node:path';
import type { Environment } from '../src/platform/config.ts';
import type { AwsConfig } from './deploy.ts';
import type { StackOutputs } from './stack.ts';
import { NAMESPACE } from './temporal.ts';

/** Where the parts of a running stack are. */
export interface Addresses {
  /** `host:port` */
  readonly temporal: string;
  readonly aws: AwsConfig;
  /** The payment provider's sandbox, a URL. */
  readonly provider: string;
  /** On 127.0.0.1. */
  readonly apiPort: number;
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
 * AWS, Temporal or order service, and with where this one is.
 */
export function stackEnvironment(
  env: Environment,
  { temporal, aws, provider, apiPort }: Addresses,
  outputs: StackOutputs,
): Environment {
  const neutral = Object.entries(env).filter(([name]) => !/^(AWS|TEMPORAL|WAYBILL)_/.test(name));
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
    WAYBILL_STOCK_TABLE: outputs.StockTable,
    WAYBILL_PAYMENTS_TABLE: outputs.PaymentsTable,
    WAYBILL_NOTIFICATIONS_TOPIC_ARN: outputs.NotificationsTopicArn,
    WAYBILL_EVENT_BUS_NAME: outputs.EventBusName,
    WAYBILL_QUEUE_URLS: [
      outputs.OrdersQueueUrl,
      outputs.PaymentsQueueUrl,
      outputs.PaymentsFifoQueueUrl,
      outputs.FulfilmentQueueUrl,
    ].join(','),
    WAYBILL_STRIPE_BASE_URL: provider,
    WAYBILL_STRIPE_API_KEY: 'sk_test_local',
    WAYBILL_API_HOST: '127.0.0.1',
    WAYBILL_API_PORT: String(apiPort),
  };
}
