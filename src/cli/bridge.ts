import { bridge } from '../bridges/index.ts';
import { orderRoutes } from '../bridges/orderRoutes.ts';
import { createSqs } from '../platform/aws.ts';
import { loadConfig } from '../platform/config.ts';
import { createLogger } from '../platform/logger.ts';
import { connectTemporal } from '../platform/temporal.ts';
import { stopSignal } from './process.ts';

/** Carries what the queues deliver into the order service's workflows, until the process is told to stop. */
export async function runBridge(): Promise<void> {
  const config = loadConfig('bridge');
  const logger = createLogger({ process: 'bridge', level: config.logLevel });
  const stopping = stopSignal(logger);
  const { client, connection } = await connectTemporal({ retries: false });
  await bridge({
    queueUrls: config.queueUrls,
    routes: orderRoutes({ policy: config.orderPolicy, earlySeconds: config.earlyLimitSeconds }),
    sqs: createSqs(),
    client,
    logger,
    graceSeconds: config.graceSeconds,
  }).run(stopping);
  await connection.close();
}
