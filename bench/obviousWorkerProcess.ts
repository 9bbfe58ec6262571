import { fileURLToPath } from 'node:url';
import { Worker } from '@temporalio/worker';
import { createScreeningActivities } from '../src/activities/screening.ts';
import { ORDERS_TASK_QUEUE, PAYMENTS_TASK_QUEUE } from '../src/contracts/taskQueues.ts';
import { createSns, createTables } from '../src/platform/aws.ts';
import { loadConfig } from '../src/platform/config.ts';
import { createLogger } from '../src/platform/logger.ts';
import { createStripe } from '../src/platform/stripe.ts';
import { createTelemetry } from '../src/platform/telemetry.ts';
import { connectWorker, installRuntime } from '../src/platform/worker.ts';
import { bundleWorkflows } from '../src/platform/workflowBundle.ts';
import { countCalls, reportCalls } from './callCounter.ts';
import { createObviousActivities, createObviousPaymentActivities } from './obviousActivities.ts';

// The obvious order's worker: made as ours is, of the same parts, with other workflows and activities.
reportCalls(countCalls());
const config = loadConfig('worker');
const logger = createLogger({ process: 'worker', level: config.logLevel });
installRuntime(logger);
const { connection, namespace } = await connectWorker();
const shared = { connection, namespace, plugins: [createTelemetry()] };
const orders = await Worker.create({
  ...shared,
  taskQueue: ORDERS_TASK_QUEUE,
  workflowBundle: await bundleWorkflows(fileURLToPath(new URL('obviousOrder.ts', import.meta.url))),
  activities: createObviousActivities({
    ...createScreeningActivities({ url: config.screeningUrl }),
    ...config,
    table: createTables(),
    sns: createSns(),
    topicArn: config.notificationsTopicArn,
  }),
});
const payments = await Worker.create({
  ...shared,
  taskQueue: PAYMENTS_TASK_QUEUE,
  activities: createObviousPaymentActivities(
    createStripe({ apiKey: config.stripeApiKey, baseUrl: config.stripeBaseUrl }),
  ),
});
process.once('SIGTERM', () => {
  orders.shutdown();
  payments.shutdown();
});
logger.info('ready');
await Promise.all([orders.run(), payments.run()]);
await connection.close();
