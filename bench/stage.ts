import { setTimeout as delay } from 'node:timers/promises';
import { SQSClient } from '@aws-sdk/client-sqs';
import { Client, Connection } from '@temporalio/client';
import { startChild } from './children.ts';
import { now } from './clock.ts';
import type { Load } from './events.ts';
import type {
  BareJob,
  BareResult,
  CarryJob,
  CarryResult,
  DrainJob,
  Endpoints,
  FeedJob,
} from './job.ts';
import { assertEmpty, type BenchQueue, createQueue, deleteQueue, sendEvents } from './queues.ts';
import { assertInInboxes, assertSignalled, assertStarted, startWorkflows } from './workflows.ts';

/** Who carries the events. */
export type Side = 'bridge' | 'naive x1' | 'naive x10';

export interface CarryOptions {
  /** How the events come. Default: they are all in the queue before anybody receives. */
  readonly pace?: FeedJob['pace'];
  readonly latency?: boolean;
}

/** How fast a queue was emptied. */
export interface Drained {
  readonly perSecond: number;
  /** Of all that emptied it together. */
  readonly cpuSeconds: number;
}

/** As the guide advises: V8 would rather take memory than time. */
const BRIDGE_MEMORY = ['--max-old-space-size=88', '--max-semi-space-size=16'];
/** One receive's worth. */
const BATCH = 10;
/** In milliseconds. */
const LOOK_EVERY = 10;

/** Runs the processes of the bench, one run after another, and checks after each that every event arrived once. */
export async function createStage(endpoints: Endpoints, bridgeArgv: readonly string[]) {
  const sqs = new SQSClient(endpoints.aws);
  const connection = await Connection.connect({ address: endpoints.temporal });
  const client = new Client({ connection });

  async function withQueue<Result>(
    name: string,
    work: (queue: BenchQueue) => Promise<Result>,
  ): Promise<Result> {
    const queue = await createQueue(sqs, name);
    const result = await work(queue);
    await deleteQueue(sqs, queue);
    return result;
  }

  function startSide(side: Side, job: Omit<CarryJob, 'consumers' | keyof Endpoints>) {
    const whole: CarryJob = { ...endpoints, ...job, consumers: side === 'naive x10' ? 10 : 1 };
    return side === 'bridge'
      ? startChild<CarryJob, CarryResult>('bridgeProcess.ts', whole, {
          execArgv: [...BRIDGE_MEMORY, ...bridgeArgv],
        })
      : startChild<CarryJob, CarryResult>('naiveProcess.ts', whole);
  }

  return {
    /** Has a side carry all events of a load. */
    async carry(
      side: Side,
      load: Load,
      { pace, latency = false }: CarryOptions = {},
    ): Promise<CarryResult> {
      if (load.operation !== 'start') await startWorkflows(client, load);
      const result = await withQueue(load.name, async (queue) => {
        if (!pace) await sendEvents(sqs, queue.url, load);
        const child = startSide(side, {
          queueUrl: queue.url,
          load,
          until: { deleted: load.events },
          latency,
        });
        if (pace) {
          await child.ready;
          const job: FeedJob = { aws: endpoints.aws, queueUrl: queue.url, load, pace };
          const feed = startChild<FeedJob, undefined>('feedProcess.ts', job);
          await Promise.all([child.result, feed.result]);
        }
        const carried = await child.result;
        await assertEmpty(sqs, queue);
        return carried;
      });
      if (load.operation === 'start') await assertStarted(client, load);
      else if (load.operation === 'inbox' && side === 'bridge') await assertInInboxes(client, load);
      else await assertSignalled(client, load);
      return result;
    },

    /** Makes the calls of a load without a bridge, while as many messages are drained beside. */
    async callBare(load: Load, concurrency: number): Promise<BareResult> {
      if (load.operation !== 'start') await startWorkflows(client, load);
      const result = await withQueue(load.name, async (queue) => {
        await sendEvents(sqs, queue.url, load);
        const job: BareJob = { ...endpoints, queueUrl: queue.url, load, concurrency };
        const answer = await startChild<BareJob, BareResult>('bareProcess.ts', job).result;
        await assertEmpty(sqs, queue);
        return answer;
      });
      if (load.operation === 'start') await assertStarted(client, load);
      else await assertSignalled(client, load);
      return result;
    },

    /** Has so many bridges empty one queue, and counts from when all of them are at it. */
    async carryTogether(bridges: number, load: Load): Promise<Drained> {
      return await withQueue(load.name, async (queue) => {
        await sendEvents(sqs, queue.url, load);
        const children = Array.from({ length: bridges }, () =>
          startSide('bridge', { queueUrl: queue.url, load, until: 'told', latency: false }),
        );
        const carried = () => children.reduce((sum, { progress }) => sum + progress, 0);
        const emptied = async () => {
          await Promise.all(children.map(({ ready }) => ready));
          const before = carried();
          if (before === load.events) throw new Error(`${load.name}: too few events to be shared`);
          const beganAt = now();
          while (carried() < load.events) await delay(LOOK_EVERY);
          return ((load.events - before) * 1_000) / (now() - beganAt);
        };
        const results = Promise.all(children.map(({ result }) => result));
        const tooSoon = results.then(() => {
          throw new Error('the bridges ended before their run was over');
        });
        const perSecond = await Promise.race([emptied(), tooSoon]);
        for (const child of children) child.tell('finish');
        const cpuSeconds = (await results).reduce((sum, each) => sum + each.cpuSeconds, 0);
        await assertEmpty(sqs, queue);
        await assertStarted(client, load);
        return { perSecond, cpuSeconds };
      });
    },

    /** Has a queue emptied by who does nothing else: what is left to a bridge that takes no time of its own. */
    async drain(load: Load): Promise<number> {
      return await withQueue(load.name, async (queue) => {
        await sendEvents(sqs, queue.url, load);
        const job: DrainJob = { aws: endpoints.aws, queueUrl: queue.url, messages: load.events };
        const drain = startChild<DrainJob, undefined>('drainProcess.ts', job);
        await drain.ready;
        const beganAt = now();
        for (let owed = 0; owed < load.events; owed += BATCH) drain.tell('take-ten');
        const emptied = async () => {
          while (drain.progress < load.events) await delay(LOOK_EVERY);
          return (load.events * 1_000) / (now() - beganAt);
        };
        const [perSecond] = await Promise.all([emptied(), drain.result]);
        return perSecond;
      });
    },

    /** Has a side wait at an empty queue. */
    async idle(side: Side, name: string, seconds: number): Promise<CarryResult> {
      const load: Load = { name, operation: 'start', events: 0, workflows: 1 };
      return await withQueue(name, async ({ url }) => {
        const job = { queueUrl: url, load, until: { seconds }, latency: false };
        return await startSide(side, job).result;
      });
    },

    async serverVersion(): Promise<string> {
      return (await connection.workflowService.getSystemInfo({})).serverVersion;
    },

    async close(): Promise<void> {
      sqs.destroy();
      await connection.close();
    },
  };
}

export type Stage = Awaited<ReturnType<typeof createStage>>;
