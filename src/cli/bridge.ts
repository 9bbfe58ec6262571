import { bridge, QueueUnfitError } from '../bridges/index.ts';
import { operationsRoutes } from '../bridges/operationsRoutes.ts';
import { orderRoutes } from '../bridges/orderRoutes.ts';
import { loadConfig } from '../platform/config.ts';
import { UserError } from '../platform/errors.ts';
import { serveHealth } from '../platform/health.ts';
import { createLogger } from '../platform/logger.ts';
import { startTelemetry } from '../platform/otlp.ts';
import { createSqs } from '../platform/sqs.ts';
import { assertAnswers, connectTemporal } from '../platform/temporal.ts';
import { endTelemetry, stopSignal } from './process.ts';

/** Carries what the queues deliver into the order service's workflows, until the process is told to stop. */
export async function runBridge(): Promise<void> {
  const config = loadConfig('bridge');
  const logger = createLogger({ process: 'bridge', level: config.logLevel });
  const stopping = stopSignal(logger);
  const telemetry = await startTelemetry('bridge', logger);
  const health = await serveHealth({
    ...config,
    stopping,
    onListening: (url) => logger.info({ url }, 'health'),
  });
  const { client, connection } = await connectTemporal({
    retries: false,
    plugins: telemetry.clientPlugins,
  });
  const carrying = bridge({
    queueUrls: config.queueUrls,
    routes: [
      ...orderRoutes({ ...config, earlySeconds: config.earlyLimitSeconds }),
      ...operationsRoutes(),
    ],
    sqs: createSqs(),
    client,
    logger,
    graceSeconds: config.graceSeconds,
  });
  health.readyWhen(async () => {
    const { state } = carrying;
    if (state === 'held') throw new Error('the breaker is open: Temporal takes nothing');
    if (state !== 'receiving') throw new Error(`the bridge is ${state}`);
    await assertAnswers(connection);
  });
  try {
    await carrying.run(stopping);
  } catch (cause) {
    if (!(cause instanceof QueueUnfitError)) throw cause;
    throw new UserError(cause.message, 'change the queue, or WAYBILL_QUEUE_URLS', { cause });
  } finally {
    await connection.close();
    await endTelemetry(telemetry);
  }
}
