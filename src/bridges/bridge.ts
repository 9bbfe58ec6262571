import { setTimeout as delay } from 'node:timers/promises';
import type { SQSClient } from '@aws-sdk/client-sqs';
import { WorkflowNotFoundError, type Client } from '@temporalio/client';
import { Consumer } from 'sqs-consumer';
import { createBreaker, type Breaker } from './breaker.ts';
import { createCore } from './core.ts';
import type { Logger } from './logger.ts';
import { describeQueue } from './queue.ts';
import type { Route } from './route.ts';
import { createSqsSource, VISIBILITY_SECONDS, type SqsSource } from './sqsSource.ts';

export interface BridgeOptions {
  /** The queues to read: standard and FIFO, each with a dead-letter queue. */
  readonly queueUrls: readonly string[];
  readonly routes: readonly Route[];
  readonly sqs: SQSClient;
  /** Its connection must have no retry interceptor: `Connection.connect({ interceptors: [] })`. */
  readonly client: Client;
  readonly logger: Logger;
  /** How long a stop waits for what is in flight, in seconds; the rest is released. */
  readonly graceSeconds: number;
}

/** How many messages of one queue may be in hand; at least two receives' worth. */
const MOST_IN_HAND = 100;
/** Long polls at the same time, for each queue. */
const POLLERS = 2;
const POLL_SECONDS = 20;
/** How long after a failed receive the next one goes out, in milliseconds: it doubles from the first to the last. */
const FIRST_PAUSE = 200;
const LAST_PAUSE = 10_000;
const PROBE_DEADLINE = 3_000;

/** Carries what the queues deliver into workflows, by a table of routes. */
export function bridge(options: BridgeOptions) {
  return {
    /**
     * Runs until the signal is aborted: then it stops receiving, waits for what is in flight, releases the rest
     * and resolves.
     *
     * @throws QueueUnfitError at once when a queue's settings break the contract, Error when two routes clash.
     */
    run: (signal: AbortSignal): Promise<void> => run(options, signal),
  };
}

async function run(options: BridgeOptions, signal: AbortSignal): Promise<void> {
  const { sqs, logger, client } = options;
  // What has not been handed to Temporal when the grace period ends is released.
  const giveUp = new AbortController();
  const breaker = createBreaker(() => probe(client), logger, signal);
  const core = createCore({ ...options, breaker, stopping: giveUp.signal });
  const queues = await Promise.all(options.queueUrls.map((url) => describeQueue(sqs, url)));
  const sources = queues.map((queue) => createSqsSource(sqs, queue, core, logger));
  const pollers = queues.flatMap(({ url }, index) =>
    Array.from({ length: POLLERS }, () =>
      poll(url, sources[index] as SqsSource, breaker, options, signal),
    ),
  );
  logger.info({ queues: queues.map(({ name }) => name) }, 'ready');
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
  const empty = Promise.all(pollers.map((stop) => stop())).then(() =>
    Promise.all(sources.map((source) => source.empty())),
  );
  await Promise.race([empty, delay(options.graceSeconds * 1_000, undefined, { ref: false })]);
  giveUp.abort();
  // What is released now has nothing to wait for but SQS; what hangs in a call comes again by itself.
  await Promise.race([empty, delay(1_000, undefined, { ref: false })]);
  sources.forEach((source) => source.close());
}

/** A call that succeeds when deliveries can: what it asks about need not exist. */
async function probe(client: Client): Promise<void> {
  await client.connection.withDeadline(Date.now() + PROBE_DEADLINE, async () => {
    try {
      await client.workflow.getHandle('waybill-probe').describe();
    } catch (error) {
      if (!(error instanceof WorkflowNotFoundError)) throw error;
    }
  });
}

/** One long poll after another. @returns how to stop it: resolves when nothing more is taken. */
function poll(
  queueUrl: string,
  source: SqsSource,
  breaker: Breaker,
  { sqs, logger }: BridgeOptions,
  signal: AbortSignal,
): () => Promise<void> {
  let pause = 0;
  const consumer = Consumer.create({
    sqs,
    queueUrl,
    batchSize: 10,
    waitTimeSeconds: POLL_SECONDS,
    visibilityTimeout: VISIBILITY_SECONDS,
    messageAttributeNames: ['All'],
    messageSystemAttributeNames: ['All'],
    shouldDeleteMessages: false,
    suppressFifoWarning: true,
    // It polls again at once after whatever happens: every reason to wait is waited for below. On a stop that
    // rejects, or one more receive would go out.
    authenticationErrorTimeout: 0,
    preReceiveMessageCallback: async () => {
      if (pause > 0) await delay(pause, undefined, { signal });
      while (breaker.isOpen || source.inHand > MOST_IN_HAND - 10) {
        await delay(20, undefined, { signal });
      }
      signal.throwIfAborted();
    },
    postReceiveMessageCallback: async () => {
      pause = 0;
    },
    handleMessageBatch: async (messages) => {
      source.take(messages);
      return undefined;
    },
  });
  consumer.on('error', (error) => {
    if (signal.aborted) return;
    pause = Math.min(LAST_PAUSE, Math.max(FIRST_PAUSE, pause * 2)) * (0.5 + Math.random() / 2);
    logger.warn({ queueUrl, err: error }, 'receive failed');
  });
  consumer.start();
  return async () => {
    consumer.stop({ abort: true });
    // A response that was there already is still taken.
    while (consumer.status.isPolling) await delay(1);
  };
}
