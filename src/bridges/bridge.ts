import { setTimeout as delay } from 'node:timers/promises';
import type { SQSClient } from '@aws-sdk/client-sqs';
import type { Client } from '@temporalio/client';
import { createCore } from './core.ts';
import { consoleLogger, type Logger } from './logger.ts';
import { createMetrics } from './metrics.ts';
import { startPoller } from './poller.ts';
import { describeQueue } from './queue.ts';
import { createReader } from './reader.ts';
import type { Route } from './route.ts';
import { createScheduler } from './scheduler.ts';
import { defaultSqs } from './sqsClient.ts';
import { createSqsSource, type SqsSource } from './sqsSource.ts';
import { createTemporal } from './temporal.ts';

export interface BridgeOptions {
  /** The URLs of the queues to read: standard and FIFO, each with a dead-letter queue. */
  readonly queueUrls: readonly string[];
  /** What becomes of each kind of event: one route for a source and type. */
  readonly routes: readonly Route[];
  /**
   * Its namespace, data converter and interceptors are used. Its connection must not repeat calls by itself:
   * `Connection.connect({ interceptors: [] })`.
   */
  readonly client: Client;
  /** Default: a client as the AWS SDK's own environment variables describe it, with deadlines. */
  readonly sqs?: SQSClient;
  /** Default: one JSON object a line to standard output, from level info. */
  readonly logger?: Logger;
  /** How long a stop waits for what is in flight, in seconds, at least 0; giving back the rest takes up to 2 more. Default: 20. */
  readonly graceSeconds?: number;
  /** The most workflows started in a second, at least 1, to protect what they call. Default: as many as Temporal takes. */
  readonly startsPerSecond?: number;
}

/**
 * What a bridge is at: `starting` until it polls, `receiving`, `held` while its breaker is open (Temporal takes nothing, so
 * nothing is received), `stopping` since its signal was aborted, `ended`.
 */
export type BridgeState = 'starting' | 'receiving' | 'held' | 'stopping' | 'ended';

/** Long polls at the same time, for each queue, and those that are added while receives come back full. */
const POLLERS = 2;
const EXTRA_POLLERS = 6;
/** How long SQS has to take back what is given back at the end, in milliseconds. */
const LAST_CALLS = 2_000;

/**
 * Carries what the queues deliver into workflows, by a table of routes.
 *
 * @throws TypeError, RangeError or Error at once when an option is wrong, or two routes claim the same source and type.
 */
export function bridge(options: BridgeOptions) {
  const {
    queueUrls,
    client,
    sqs = defaultSqs(),
    logger = consoleLogger,
    graceSeconds = 20,
    startsPerSecond,
  } = options;
  assertAtLeast('graceSeconds', graceSeconds, 0);
  const read = createReader(options.routes);
  const temporal = createTemporal(client);
  if (queueUrls.length === 0)
    throw new RangeError('queueUrls: expected at least one, received none');

  let stateNow = (): BridgeState => 'starting';

  async function run(signal: AbortSignal): Promise<void> {
    const queues = await Promise.all(queueUrls.map((url) => describeQueue(sqs, url)));
    // What has not been handed to Temporal when the grace period ends is given back.
    const giveUp = new AbortController();
    const metrics = createMetrics();
    const scheduler = createScheduler({
      temporal,
      logger,
      metrics,
      startsPerSecond,
      hasBacklog: () => sources.some(({ isPouring }) => isPouring),
      ending: signal,
      stopping: giveUp.signal,
    });
    const core = createCore({ read, scheduler, logger, metrics });
    const sources: readonly SqsSource[] = queues.map((queue) =>
      createSqsSource(sqs, queue, core, logger, metrics),
    );
    const unobserve = metrics.observe(() => stateOf(sources, scheduler));
    const isHeld = () => scheduler.breaker.isOpen;
    const stops = sources.flatMap((source) =>
      Array.from({ length: POLLERS + EXTRA_POLLERS }, (_, index) => {
        const isExtra = index >= POLLERS;
        return startPoller({ sqs, queue: source.queue, source, logger, isHeld, isExtra, signal });
      }),
    );
    stateNow = () => (signal.aborted ? 'stopping' : isHeld() ? 'held' : 'receiving');
    logger.info({ queues: queues.map(({ name }) => name) }, 'ready');
    await new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      else signal.addEventListener('abort', () => resolve(), { once: true });
    });
    const empty = Promise.all(stops.map((stop) => stop())).then(() =>
      Promise.all(sources.map((source) => source.empty())),
    );
    await Promise.race([empty, delay(graceSeconds * 1_000, undefined, { ref: false })]);
    giveUp.abort();
    // What is given back now has nothing to wait for but SQS; what hangs in a call comes again by itself.
    await Promise.race([empty, delay(LAST_CALLS, undefined, { ref: false })]);
    unobserve();
    scheduler.close();
    for (const source of sources) source.close();
    stateNow = () => 'ended';
  }

  return {
    /** For checks of health: a bridge that is `held` is alive, but not ready. */
    get state(): BridgeState {
      return stateNow();
    },
    /**
     * Runs until the signal is aborted: then it stops receiving, waits for what is in flight, gives the rest back
     * and resolves.
     *
     * @throws QueueUnfitError at once when a queue's settings break the contract; RangeError when `startsPerSecond` is
     * less than 1.
     */
    run,
  };
}

function stateOf(sources: readonly SqsSource[], scheduler: ReturnType<typeof createScheduler>) {
  return {
    inHand: sources.reduce((sum, { inHand }) => sum + inHand, 0),
    calls: scheduler.inFlight,
    limit: scheduler.limit,
    isOpen: scheduler.breaker.isOpen,
    lags: sources.map(({ queue, lagSeconds }) => ({ queue: queue.name, seconds: lagSeconds })),
  };
}

function assertAtLeast(name: string, value: number, least: number): void {
  if (!(value >= least)) {
    throw new RangeError(`${name}: expected at least ${least}, received ${value}`);
  }
}
