import { z } from 'zod';
import {
  DEFAULT_POLICY,
  DEFAULT_RESTOCK_POLICY,
  DEFAULT_RETURN_POLICY,
  type OrderPolicy,
  type RestockPolicy,
  type ReturnPolicy,
} from '../domain/policy.ts';
import { UserError } from './errors.ts';

/** Environment variables, as `process.env` holds them. An empty one counts as not set. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** The environment as it is now, for those who hand it on to processes of their own. */
export function readEnvironment(): Environment {
  return { ...process.env };
}

const resourceName = z
  .string()
  .min(1)
  .max(255)
  .meta({ description: 'a name of 1 to 255 characters' });
const seconds = (most: number) =>
  z.coerce
    .number()
    .int()
    .min(1)
    .max(most)
    .meta({ description: `whole seconds, 1 to ${most}` });
const port = z.coerce
  .number()
  .int()
  .min(0)
  .max(65_535)
  .meta({ description: 'a port, 0 (any free one) to 65535' });
const baseUrl = z.url({ protocol: /^https?$/ }).meta({ description: 'an http(s) URL' });

const ONE_YEAR_SECONDS = 31_536_000;
const limit = z.int().min(1).max(ONE_YEAR_SECONDS);
const limits = z.array(limit).max(10);
const orderPolicy = policy<OrderPolicy>(DEFAULT_POLICY, {
  paymentMethodWithinSeconds: limit,
  compensationRetrySeconds: limit,
  reviewWithinSeconds: limit,
  remindAfterSeconds: limits,
  backOrderWithinSeconds: limit,
  onLostParcel: z.enum(['reship', 'refund']),
  parcelBackWithinSeconds: limit,
});
const restockPolicy = policy<RestockPolicy>(DEFAULT_RESTOCK_POLICY, {
  supplierWithinSeconds: limit,
});
const returnPolicy = policy<ReturnPolicy>(DEFAULT_RETURN_POLICY, {
  goodsWithinSeconds: limit,
  remindAfterSeconds: limits,
  refundRetrySeconds: limit,
});

/** Time limits as JSON; what is not given is as in `defaults`. */
function policy<Policy extends object>(
  defaults: Policy,
  fields: Record<keyof Policy & string, z.ZodType>,
) {
  return z
    .string()
    .transform(parseJson)
    .pipe(z.strictObject(fields).partial())
    .transform((given): Policy => ({ ...defaults, ...given }))
    .meta({
      description: `a JSON object of any of ${Object.keys(fields).join(', ')}; seconds are whole, 1 to ${ONE_YEAR_SECONDS}`,
    });
}

/** Public keys fetched in the clear could be anybody's; on this machine alone that is no danger. */
const keySetUrl = z
  .url({ protocol: /^https?$/ })
  .refine((text) => {
    const { protocol, hostname } = new URL(text);
    return protocol === 'https:' || hostname === '127.0.0.1' || hostname === 'localhost';
  })
  .meta({ description: 'an https URL (http only on 127.0.0.1)' });

const queueUrl = (kind: 'FIFO' | 'standard') =>
  z
    .url({ protocol: /^https?$/ })
    .refine((url) => url.endsWith('.fifo') === (kind === 'FIFO'))
    .meta({ description: `the URL of an SQS ${kind} queue` });
const origins = commaList(
  z.string().regex(/^https?:\/\/[^/\s]+$/),
  'origins such as https://shop.example, separated by commas; none',
);
const topicArn = z.string().regex(/^arn:[^:]+:sns:[^:]+:[^:]+:[^:]+$/);

/** An empty list for an empty text. */
function commaList(entry: z.ZodString, description: string) {
  return z
    .string()
    .transform((list) =>
      list
        .split(',')
        .map((one) => one.trim())
        .filter((one) => one !== ''),
    )
    .pipe(z.array(entry))
    .meta({ description });
}

const queueUrls = z
  .string()
  .transform((list) => list.split(',').map((url) => url.trim()))
  .pipe(z.array(z.url({ protocol: /^https?$/ })).min(1))
  .meta({ description: 'URLs of SQS queues, separated by commas' });

/** Every variable of ours: its name, what it must be, and its default where it has one. */
const SETTINGS = {
  ordersTable: { variable: 'WAYBILL_ORDERS_TABLE', schema: resourceName },
  stockTable: { variable: 'WAYBILL_STOCK_TABLE', schema: resourceName },
  paymentsTable: { variable: 'WAYBILL_PAYMENTS_TABLE', schema: resourceName },
  /** Which orders have lines of which seller. */
  sellersTable: { variable: 'WAYBILL_SELLERS_TABLE', schema: resourceName },
  returnsTable: { variable: 'WAYBILL_RETURNS_TABLE', schema: resourceName },
  /** Which orders wait for which SKU. */
  backOrdersTable: { variable: 'WAYBILL_BACK_ORDERS_TABLE', schema: resourceName },
  /** The idempotency keys of orders whose ID the caller gave. */
  keysTable: { variable: 'WAYBILL_KEYS_TABLE', schema: resourceName },
  notificationsTopicArn: {
    variable: 'WAYBILL_NOTIFICATIONS_TOPIC_ARN',
    schema: topicArn.meta({ description: 'the ARN of an SNS topic' }),
  },
  eventBusName: { variable: 'WAYBILL_EVENT_BUS_NAME', schema: resourceName },
  queueUrls: { variable: 'WAYBILL_QUEUE_URLS', schema: queueUrls },
  orderPolicy: { variable: 'WAYBILL_ORDER_POLICY', schema: orderPolicy, fallback: '{}' },
  returnPolicy: { variable: 'WAYBILL_RETURN_POLICY', schema: returnPolicy, fallback: '{}' },
  restockPolicy: { variable: 'WAYBILL_RESTOCK_POLICY', schema: restockPolicy, fallback: '{}' },
  /** How long an event waits for its order to be placed, since it was first received. */
  earlyLimitSeconds: {
    variable: 'WAYBILL_EARLY_LIMIT_SECONDS',
    schema: seconds(43_200),
    fallback: '900',
  },
  stripeApiKey: {
    variable: 'WAYBILL_STRIPE_API_KEY',
    schema: z.string().min(1).meta({ description: 'an API key of Stripe' }),
    secret: true,
  },
  stripeBaseUrl: {
    variable: 'WAYBILL_STRIPE_BASE_URL',
    schema: baseUrl,
    fallback: 'https://api.stripe.com',
  },
  /** Where parcels are booked and cancelled: `PUT {url}/shipments/{reference}`. */
  carrierUrl: { variable: 'WAYBILL_CARRIER_URL', schema: baseUrl },
  /** Where stock is ordered: `PUT {url}/orders/{reference}`. */
  supplierUrl: { variable: 'WAYBILL_SUPPLIER_URL', schema: baseUrl },
  /** Where orders are scored for fraud: `POST {url}/scores`. */
  screeningUrl: { variable: 'WAYBILL_SCREENING_URL', schema: baseUrl },
  /** The secret by which Stripe signs its webhooks; without it none is taken. */
  stripeWebhookSecret: {
    variable: 'WAYBILL_STRIPE_WEBHOOK_SECRET',
    schema: z.string().min(1).optional().meta({ description: "a webhook's signing secret" }),
    secret: true,
  },
  /** What the API looks up with whose payment is disputed; needed where webhooks are taken. */
  stripeReadKey: {
    variable: 'WAYBILL_STRIPE_READ_KEY',
    schema: z
      .string()
      .min(1)
      .optional()
      .meta({ description: 'an API key of Stripe that may read payment intents' }),
    secret: true,
  },
  /** Where events about payments go that reach the API. */
  paymentsQueueUrl: { variable: 'WAYBILL_PAYMENTS_QUEUE_URL', schema: queueUrl('FIFO') },
  /** Where all other events go that reach the API. */
  ingressQueueUrl: { variable: 'WAYBILL_INGRESS_QUEUE_URL', schema: queueUrl('standard') },
  /** The topics whose HTTP subscriptions are taken; none by default. */
  snsTopicArns: {
    variable: 'WAYBILL_SNS_TOPIC_ARNS',
    schema: commaList(topicArn, 'ARNs of SNS topics, separated by commas; none'),
    fallback: '',
  },
  oidcIssuer: { variable: 'WAYBILL_OIDC_ISSUER', schema: baseUrl },
  oidcAudience: { variable: 'WAYBILL_OIDC_AUDIENCE', schema: resourceName },
  oidcKeySetUrl: { variable: 'WAYBILL_OIDC_JWKS_URL', schema: keySetUrl },
  /** Whose pages may call the API from a browser; nobody's by default. */
  apiOrigins: { variable: 'WAYBILL_API_ORIGINS', schema: origins, fallback: '' },
  /** Per caller and process. */
  apiRequestsPerMinute: {
    variable: 'WAYBILL_API_REQUESTS_PER_MINUTE',
    schema: z.coerce
      .number()
      .int()
      .min(1)
      .max(1_000_000)
      .meta({ description: 'a whole number, 1 to 1000000' }),
    fallback: '600',
  },
  /** Whether anybody may read the API's documentation at `/docs`. */
  apiDocs: {
    variable: 'WAYBILL_API_DOCS',
    schema: z.enum(['on', 'off']).meta({ description: 'on or off' }),
    fallback: 'off',
  },
  apiHost: { variable: 'WAYBILL_API_HOST', schema: resourceName, fallback: '127.0.0.1' },
  apiPort: { variable: 'WAYBILL_API_PORT', schema: port, fallback: '8080' },
  /** Where worker, bridge and api answer `GET /healthz` and `GET /readyz` to whoever watches over them. */
  healthHost: { variable: 'WAYBILL_HEALTH_HOST', schema: resourceName, fallback: '127.0.0.1' },
  /** Without it they do not. */
  healthPort: { variable: 'WAYBILL_HEALTH_PORT', schema: port.optional() },
  logLevel: {
    variable: 'WAYBILL_LOG_LEVEL',
    schema: z
      .enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal'])
      .meta({ description: 'trace, debug, info, warn, error or fatal' }),
    fallback: 'info',
  },
  /** A prebuilt bundle; without it the worker bundles the workflows at its start. */
  workflowBundle: {
    variable: 'WAYBILL_WORKFLOW_BUNDLE',
    schema: z.string().min(1).optional().meta({ description: 'the path of a file' }),
  },
  /** Makes the worker a versioned one. */
  buildId: {
    variable: 'WAYBILL_BUILD_ID',
    schema: resourceName.optional().meta({ description: 'a name of 1 to 255 characters' }),
  },
  /** How long a process that is told to stop waits for what is in flight. */
  graceSeconds: { variable: 'WAYBILL_GRACE_SECONDS', schema: seconds(110), fallback: '20' },
} as const satisfies Record<string, Setting>;

interface Setting {
  readonly variable: string;
  /** From the variable's text to its value; its description is what an error says was expected. */
  readonly schema: z.ZodType;
  /** The text that stands in for an absent variable. */
  readonly fallback?: string;
  /** Its value is never shown. */
  readonly secret?: boolean;
}

type SettingName = keyof typeof SETTINGS;

/** What each process needs; nothing else is looked at, so nothing else can stop it. */
const PROCESSES = {
  worker: [
    'ordersTable',
    'sellersTable',
    'stockTable',
    'paymentsTable',
    'returnsTable',
    'backOrdersTable',
    'notificationsTopicArn',
    'eventBusName',
    'screeningUrl',
    'carrierUrl',
    'supplierUrl',
    'stripeApiKey',
    'stripeBaseUrl',
    // Those that the nightly audit looks into.
    'queueUrls',
    'workflowBundle',
    'buildId',
    'healthHost',
    'healthPort',
    'graceSeconds',
    'logLevel',
  ],
  routes: ['orderPolicy', 'returnPolicy', 'restockPolicy', 'earlyLimitSeconds'],
  queues: ['queueUrls'],
  bridge: [
    'queueUrls',
    'orderPolicy',
    'returnPolicy',
    'restockPolicy',
    'earlyLimitSeconds',
    'healthHost',
    'healthPort',
    'graceSeconds',
    'logLevel',
  ],
  api: [
    'ordersTable',
    'sellersTable',
    'returnsTable',
    'keysTable',
    'orderPolicy',
    'returnPolicy',
    'stripeBaseUrl',
    'stripeReadKey',
    'stripeWebhookSecret',
    'paymentsQueueUrl',
    'ingressQueueUrl',
    'snsTopicArns',
    'oidcIssuer',
    'oidcAudience',
    'oidcKeySetUrl',
    'apiOrigins',
    'apiRequestsPerMinute',
    'apiDocs',
    'apiHost',
    'apiPort',
    'healthHost',
    'healthPort',
    'graceSeconds',
    'logLevel',
  ],
  orders: ['ordersTable', 'sellersTable', 'returnsTable'],
  tools: [
    'ordersTable',
    'sellersTable',
    'stockTable',
    'paymentsTable',
    'returnsTable',
    'eventBusName',
    'queueUrls',
    'orderPolicy',
    'returnPolicy',
    'restockPolicy',
    'earlyLimitSeconds',
    'stripeApiKey',
    'stripeBaseUrl',
    'logLevel',
  ],
} as const satisfies Record<string, readonly SettingName[]>;

export type ProcessName = keyof typeof PROCESSES;

/** What is in force for one process. */
export type Config<Process extends ProcessName = ProcessName> = {
  readonly [Name in (typeof PROCESSES)[Process][number]]: z.output<
    (typeof SETTINGS)[Name]['schema']
  >;
};

/**
 * Reads and validates what a process needs, once, at its start. The result is frozen.
 *
 * @throws UserError naming every variable that is wrong, what was expected and what came; a secret's value is
 * never part of it.
 */
export function loadConfig<Process extends ProcessName>(
  name: Process,
  env: Environment = process.env,
): Config<Process> {
  const config: Record<string, unknown> = {};
  const problems: string[] = [];
  for (const setting of PROCESSES[name]) {
    const { value, problem } = read(SETTINGS[setting], env);
    if (problem) problems.push(problem);
    else config[setting] = deepFreeze(value);
  }
  if (problems.length > 0) {
    throw new UserError(
      `${name} cannot start with this configuration: ${problems.join('; ')}`,
      'set these variables; `waybill config` shows what is in force',
    );
  }
  return Object.freeze(config) as Config<Process>;
}

/** The variables that a process reads; of these, those without which it cannot start. */
export function variablesOf(
  name: ProcessName,
  which: 'all' | 'required' = 'all',
): readonly string[] {
  return PROCESSES[name]
    .map((setting): Setting => SETTINGS[setting])
    .filter((setting) => which === 'all' || read(setting, {}).problem !== null)
    .map(({ variable }) => variable);
}

/** One line of what is in force. */
export interface ConfigLine {
  readonly variable: string;
  /** The text in force, masked where it is secret; null where there is none. */
  readonly text: string | null;
  readonly from: 'environment' | 'default' | 'not set';
  /** What is wrong with it; null where nothing is, or where it is not set and some process can do without. */
  readonly problem: string | null;
}

/** Everything in force: our own variables first, then those that the libraries of Temporal, AWS and OpenTelemetry read. */
export function describeConfig(env: Environment = process.env): readonly ConfigLine[] {
  const own = Object.values<Setting>(SETTINGS).map((setting): ConfigLine => {
    const given = textOf(setting.variable, env);
    const text = given ?? setting.fallback ?? null;
    return {
      variable: setting.variable,
      text: text === null ? null : setting.secret ? MASK : withoutPassword(text),
      from: given === undefined ? (text === null ? 'not set' : 'default') : 'environment',
      problem: text === null ? null : read(setting, env).problem,
    };
  });
  const foreign = Object.keys(env)
    .filter(
      (variable) => /^(TEMPORAL|AWS|OTEL)_/.test(variable) && textOf(variable, env) !== undefined,
    )
    .toSorted()
    .map((variable): ConfigLine => {
      const text = textOf(variable, env) ?? '';
      const shown = SHOWN_OF_OTHERS.test(variable) ? withoutPassword(text) : MASK;
      return { variable, text: shown, from: 'environment', problem: null };
    });
  return [...own, ...foreign];
}

const MASK = '********';

/** Only what is known to be harmless is shown: a list of what is secret would forget the next one. */
const SHOWN_OF_OTHERS =
  /^(TEMPORAL_(ADDRESS|NAMESPACE|PROFILE|CONFIG_FILE|TLS|TLS_SERVER_NAME|TLS_\w+_PATH|TLS_DISABLE_HOST_VERIFICATION)|AWS_(REGION|DEFAULT_REGION|PROFILE|ACCESS_KEY_ID|CONFIG_FILE|SHARED_CREDENTIALS_FILE|ROLE_ARN|ROLE_SESSION_NAME|ENDPOINT_URL\w*|MAX_ATTEMPTS|RETRY_MODE|EC2_METADATA_DISABLED)|OTEL_(SDK_DISABLED|SERVICE_NAME|RESOURCE_ATTRIBUTES|TRACES_EXPORTER|METRICS_EXPORTER|TRACES_SAMPLER|TRACES_SAMPLER_ARG|METRIC_EXPORT_INTERVAL|BSP_\w+|EXPORTER_OTLP_(TRACES_|METRICS_)?(ENDPOINT|PROTOCOL|TIMEOUT|COMPRESSION)))$/;

type Reading =
  | { readonly value: unknown; readonly problem: null }
  | { readonly value?: never; readonly problem: string };

function read(setting: Setting, env: Environment): Reading {
  const text = textOf(setting.variable, env) ?? setting.fallback;
  const result = setting.schema.safeParse(text);
  if (result.success) return { value: result.data, problem: null };
  const expected = setting.schema.meta()?.description ?? 'another value';
  return {
    problem: `${setting.variable}: expected ${expected}, received ${received(setting, text)}`,
  };
}

function received(setting: Setting, text: string | undefined): string {
  if (text === undefined) return 'nothing';
  if (setting.secret) return 'something else (it is secret, so not shown)';
  const shown = withoutPassword(text);
  return JSON.stringify(shown.length > 200 ? `${shown.slice(0, 200)}...` : shown);
}

function textOf(variable: string, env: Environment): string | undefined {
  return env[variable] === '' ? undefined : env[variable];
}

/** A URL may carry a password, as in `https://user:password@host/`. */
function withoutPassword(text: string): string {
  return text.replaceAll(/(:\/\/)[^/@\s]*@/g, `$1${MASK}@`);
}

function parseJson(text: string, context: z.RefinementCtx): unknown {
  try {
    return JSON.parse(text);
  } catch {
    context.addIssue({ code: 'custom', message: 'expected JSON' });
    return z.NEVER;
  }
}

function deepFreeze(value: unknown): unknown {
  if (typeof value === 'object' && value !== null) {
    Object.values(value).forEach(deepFreeze);
    Object.freeze(value);
  }
  return value;
}
