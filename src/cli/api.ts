import type { FastifyInstance } from 'fastify';
import { createApi, type ApiDependencies } from '../api/app.ts';
import { createAuthenticate, remoteKeys } from '../api/authentication.ts';
import { createIdempotencyKeys } from '../api/idempotency.ts';
import { createIngressQueues } from '../api/ingressQueues.ts';
import { createOrderStore } from '../api/orderStore.ts';
import type { RetrieveIntent } from '../api/stripeEvents.ts';
import { createWatchedRows } from '../api/watchedRows.ts';
import { contentHash } from '../bridges/contentHash.ts';
import { startOnce } from '../bridges/index.ts';
import { parseJson } from '../bridges/json.ts';
import { assertTables, createTables } from '../platform/aws.ts';
import { loadConfig, type Config } from '../platform/config.ts';
import { UserError } from '../platform/errors.ts';
import { serveHealth } from '../platform/health.ts';
import { createLogger } from '../platform/logger.ts';
import { startTelemetry } from '../platform/otlp.ts';
import { createSqs } from '../platform/sqs.ts';
import { createStripe } from '../platform/stripe.ts';
import { assertAnswers, connectTemporal, type TemporalClient } from '../platform/temporal.ts';
import { aborted, endTelemetry, exitWithin, stopSignal } from './process.ts';

/** How long Stripe may take to say whose an intent is, in milliseconds. */
const STRIPE_DEADLINE = 5_000;

/** Serves the orders API until the process is told to stop. */
export async function runApi(): Promise<void> {
  const config = loadConfig('api');
  const logger = createLogger({ process: 'api', level: config.logLevel });
  const stopping = stopSignal(logger);
  const telemetry = await startTelemetry('api', logger);
  const health = await serveHealth({
    ...config,
    stopping,
    onListening: (url) => logger.info({ url }, 'health'),
  });
  const temporal = await connectTemporal({ retries: true, plugins: telemetry.clientPlugins });
  const table = createTables();
  const { ordersTable, sellersTable, returnsTable, keysTable } = config;
  await assertTables(table, [ordersTable, sellersTable, returnsTable, keysTable]);
  const orders = createOrderStore({ table, ordersTable, sellersTable, returnsTable });
  const app = await createApi({
    ...asConfigured(config),
    ...onTemporal(temporal),
    logger,
    parseJson,
    hash: contentHash,
    orders,
    keys: createIdempotencyKeys({ table, keysTable }),
    readRows: createWatchedRows({ table, ordersTable }),
  });
  const address = await listen(app, config.apiHost, config.apiPort);
  health.readyWhen(() => assertAnswers(temporal.connection));
  logger.info({ address }, 'ready');
  await aborted(stopping);
  exitWithin(config.graceSeconds);
  await app.close();
  await temporal.connection.close();
  await endTelemetry(telemetry);
}

function asConfigured(config: Config<'api'>) {
  return {
    orderPolicy: config.orderPolicy,
    returnPolicy: config.returnPolicy,
    authenticate: createAuthenticate({
      issuer: config.oidcIssuer,
      audience: config.oidcAudience,
      keys: remoteKeys(config.oidcKeySetUrl),
    }),
    protection: {
      origins: config.apiOrigins,
      requestsPerMinute: config.apiRequestsPerMinute,
    },
    docs: config.apiDocs === 'on',
    ingress: {
      enqueue: createIngressQueues({ sqs: createSqs(), ...config }),
      stripeWebhookSecret: config.stripeWebhookSecret,
      retrieveIntent: createRetrieveIntent(config),
      snsTopicArns: config.snsTopicArns,
      fetch,
    },
  } satisfies Partial<ApiDependencies>;
}

/** @throws UserError where Stripe's webhooks are taken, and nothing says whose payment a dispute is of */
function createRetrieveIntent(config: Config<'api'>): RetrieveIntent {
  const { stripeReadKey: apiKey, stripeBaseUrl: baseUrl, stripeWebhookSecret } = config;
  if (apiKey !== undefined) {
    const stripe = createStripe({ apiKey, baseUrl, timeoutMs: STRIPE_DEADLINE });
    return (id) => stripe.paymentIntents.retrieve(id);
  }
  if (stripeWebhookSecret === undefined) return async () => null;
  throw new UserError(
    'WAYBILL_STRIPE_WEBHOOK_SECRET is set without WAYBILL_STRIPE_READ_KEY',
    'set it to an API key of Stripe that may read payment intents: a dispute does not say of which order it is',
  );
}

function onTemporal({ client, connection }: TemporalClient) {
  return {
    temporal: client,
    startOnce: (start) => startOnce(client.workflow, start),
    checkTemporal: () => assertAnswers(connection),
  } satisfies Partial<ApiDependencies>;
}

async function listen(app: FastifyInstance, host: string, port: number): Promise<string> {
  try {
    return await app.listen({ host, port });
  } catch (cause) {
    const { code, syscall } = cause as NodeJS.ErrnoException;
    if (syscall !== 'listen' && syscall !== 'getaddrinfo') throw cause;
    throw new UserError(
      `the API cannot listen on ${host}:${port}: ${code}`,
      'set WAYBILL_API_HOST and WAYBILL_API_PORT to what is free',
      { cause },
    );
  }
}
