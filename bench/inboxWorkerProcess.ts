import { fileURLToPath } from 'node:url';
import { NativeConnection, Worker } from '@temporalio/worker';
import { createLogger } from '../src/platform/logger.ts';
import { createTelemetry } from '../src/platform/telemetry.ts';
import { installRuntime } from '../src/platform/worker.ts';
import { bundleWorkflows } from '../src/platform/workflowBundle.ts';
import { serveJob } from './child.ts';
import type { InboxWorkerJob } from './job.ts';

const told = Promise.withResolvers<void>();

serveJob<InboxWorkerJob, undefined>(
  async ({ temporal, taskQueue, keepsWorkflows }, parent) => {
    installRuntime(createLogger({ process: 'worker', level: 'error' }));
    const connection = await NativeConnection.connect({ address: temporal });
    const worker = await Worker.create({
      connection,
      taskQueue,
      workflowBundle: await bundleWorkflows(
        fileURLToPath(new URL('inboxWorkflow.ts', import.meta.url)),
      ),
      plugins: [createTelemetry()],
      ...(!keepsWorkflows && { maxCachedWorkflows: 0 }),
    });
    const running = worker.run();
    parent.ready();
    await Promise.race([told.promise, running]);
    worker.shutdown();
    await running;
    await connection.close();
    return undefined;
  },
  () => told.resolve(),
);
