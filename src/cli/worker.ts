import { Worker, type WorkerOptions } from '@temporalio/worker';
import { createActivities } from '../activities/byTaskQueue.ts';
import {
  DEPLOYMENT,
  ORDERS_TASK_QUEUE,
  PARTNERS_TASK_QUEUE,
  PAYMENTS_TASK_QUEUE,
} from '../contracts/taskQueues.ts';
import { assertTables, createEventBridge, createSns, createTables } from '../platform/aws.ts';
import { loadConfig } from '../platform/config.ts';
import { serveHealth } from '../platform/health.ts';
import { createLogger } from '../platform/logger.ts';
import { startTelemetry } from '../platform/otlp.ts';
import { createStripe } from '../platform/stripe.ts';
import { createTelemetry } from '../platform/telemetry.ts';
import { assertAnswers } from '../platform/temporal.ts';
import { connectWorker, installRuntime } from '../platform/worker.ts';
import { bundleWorkflows } from '../platform/workflowBundle.ts';
import { aborted, endTelemetry, stopSignal } from './process.ts';
import { auditInThread } from './sweepAudit.ts';

/**
 * What a worker has in hand at once, of each kind. What it has taken is past Temporal's fair shares: a burst of one seller
 * would fill a hundred slots, and another seller's task, though the next to be taken, would share the CPU with them all.
 */
const SLOTS = {
  maxConcurrentWorkflowTaskExecutions: 20,
  maxConcurrentActivityTaskExecutions: 20,
} as const;

/**
 * One of ten polls asks for orders that this worker has not begun. A worker's own (sticky) queue knows no turns: the fewer
 * orders it has begun, the fewer stand before the next step of another seller's.
 */
const FEW_BEGINNINGS = { nonStickyToStickyPollRatio: 0.1 } as const;

/** Runs the workflows and the activities of all task queues until the process is told to stop. */
export async function runWorker(): Promise<void> {
  const config = loadConfig('worker');
  const logger = createLogger({ process: 'worker', level: config.logLevel });
  const stopping = stopSignal(logger);
  const telemetry = await startTelemetry('worker', logger);
  installRuntime(logger, telemetry.coreMetrics);
  const health = await serveHealth({
    ...config,
    stopping,
    onListening: (url) => logger.info({ url }, 'health'),
  });
  const { connection, namespace } = await connectWorker();
  const tables = createTables();
  const { ordersTable, sellersTable, stockTable, backOrdersTable } = config;
  const { paymentsTable, returnsTable } = config;
  await assertTables(tables, [
    ordersTable,
    sellersTable,
    stockTable,
    backOrdersTable,
    paymentsTable,
    returnsTable,
  ]);

  const shared: Pick<WorkerOptions, 'connection' | 'namespace'> & Partial<WorkerOptions> = {
    connection,
    namespace,
    plugins: [createTelemetry(telemetry.spans)],
    shutdownGraceTime: `${config.graceSeconds}s`,
    shutdownForceTime: `${config.graceSeconds + 5}s`,
    ...(config.buildId !== undefined && {
      workerDeploymentOptions: {
        version: { deploymentName: DEPLOYMENT, buildId: config.buildId },
        useWorkerVersioning: true,
        defaultVersioningBehavior: 'AUTO_UPGRADE',
      },
    }),
  };
  const activities = createActivities({
    ...config,
    table: tables,
    sns: createSns(),
    eventBridge: createEventBridge(),
    audit: auditInThread,
    stripe: createStripe({ apiKey: config.stripeApiKey, baseUrl: config.stripeBaseUrl }),
  });
  const orders = await Worker.create({
    ...shared,
    ...SLOTS,
    ...FEW_BEGINNINGS,
    taskQueue: ORDERS_TASK_QUEUE,
    workflowBundle: config.workflowBundle
      ? { codePath: config.workflowBundle }
      : await bundleWorkflows(),
    activities: activities.orders,
  });
  const ofActivities = async (taskQueue: string, ofQueue: object) =>
    await Worker.create({
      ...shared,
      maxConcurrentActivityTaskExecutions: SLOTS.maxConcurrentActivityTaskExecutions,
      taskQueue,
      activities: ofQueue,
    });
  const workers = [
    orders,
    await ofActivities(PAYMENTS_TASK_QUEUE, activities.payments),
    await ofActivities(PARTNERS_TASK_QUEUE, activities.partners),
  ];

  void aborted(stopping).then(() => {
    for (const worker of workers) worker.shutdown();
  });
  health.readyWhen(async () => {
    for (const worker of workers) {
      const state = worker.getState();
      if (state !== 'RUNNING') {
        throw new Error(`the worker of task queue ${worker.options.taskQueue} is ${state}`);
      }
    }
    await assertAnswers(connection);
  });
  logger.info('ready');
  await Promise.all(workers.map((worker) => worker.run()));
  await connection.close();
  await endTelemetry(telemetry);
}
