import { SQSClient } from '@aws-sdk/client-sqs';
import { Client, Connection } from '@temporalio/client';
import { bridge } from '../src/bridges/index.ts';
import { createLogger } from '../src/platform/logger.ts';
import { serveJob } from './child.ts';
import type { CarryJob, CarryResult } from './job.ts';
import { createMeter } from './meter.ts';
import { benchRoutes } from './routes.ts';

let finish: () => void = () => undefined;

serveJob<CarryJob, CarryResult>(
  async (job, parent) => {
    const meter = createMeter(job, parent);
    ({ finish } = meter);
    const sqs = new SQSClient(job.aws);
    meter.watchSqs(sqs);
    const connection = await Connection.connect({
      address: job.temporal,
      interceptors: [meter.interceptor],
    });
    meter.watchStarts(connection);
    const stopping = new AbortController();
    const running = bridge({
      queueUrls: [job.queueUrl],
      routes: benchRoutes(job.load),
      sqs,
      client: new Client({ connection }),
      logger: createLogger({ process: 'bridge', level: 'warn' }),
      graceSeconds: 5,
    }).run(stopping.signal);
    const tooSoon = running.then(() => {
      throw new Error('the bridge ended before its run was over');
    });
    const result = await Promise.race([meter.finished, tooSoon]);
    stopping.abort();
    await running;
    await connection.close();
    return result;
  },
  () => finish(),
);
