import { Client, Connection } from '@temporalio/client';
import { serveJob } from './child.ts';
import { startChild } from './children.ts';
import { now } from './clock.ts';
import { concurrently } from './concurrently.ts';
import { callWith } from './directCall.ts';
import { eventData } from './events.ts';
import type { BareJob, BareResult, DrainJob } from './job.ts';

/** One receive's worth. */
const BATCH = 10;

// What the service gives to whoever only calls it, while as many messages pass through the emulator.
serveJob<BareJob, BareResult>(async ({ temporal, aws, queueUrl, load, concurrency }) => {
  const connection = await Connection.connect({ address: temporal, interceptors: [] });
  const client = new Client({ connection });
  const call = async (index: number): Promise<void> => {
    const data = eventData(load, index);
    await callWith(client, load, data);
  };

  const job: DrainJob = { aws, queueUrl, messages: load.events };
  const drain = startChild<DrainJob, undefined>('drainProcess.ts', job);
  await drain.ready;
  const beganAt = now();
  const cpu = process.cpuUsage();
  let answered = 0;
  await concurrently(concurrency, load.events, async (index) => {
    await call(index);
    answered += 1;
    if (answered % BATCH === 0) drain.tell('take-ten');
  });
  const seconds = (now() - beganAt) / 1_000;
  const { user, system } = process.cpuUsage(cpu);
  const drained = drain.progress;
  await drain.result;
  await connection.close();
  return { seconds, cpuSeconds: (user + system) / 1e6, drained };
});
