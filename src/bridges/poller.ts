import { setTimeout as delay } from 'node:timers/promises';
import type { SQSClient } from '@aws-sdk/client-sqs';
import { Consumer } from 'sqs-consumer';
import type { Logger } from './logger.ts';
import type { Queue } from './queue.ts';
import { VISIBILITY_SECONDS, type SqsSource } from './sqsSource.ts';

/** The longest that SQS lets a poll wait. */
const POLL_SECONDS = 20;
/** How long an answer of SQS may take to arrive, in milliseconds. */
const ANSWER_TIME = 5_000;
/** How often it is asked whether there is room again, in milliseconds. */
const ROOM_CHECK = 20;
/** How often a poller that is not needed asks whether it is, in milliseconds. */
const NEED_CHECK = 100;
/** How long after a failed receive the next one goes out, in milliseconds: it doubles from the first to the last. */
const FIRST_PAUSE = 200;
const LAST_PAUSE = 10_000;

export interface PollerOptions {
  readonly sqs: SQSClient;
  readonly queue: Queue;
  readonly source: SqsSource;
  readonly logger: Logger;
  /** Whether nothing is to be received for now. */
  readonly isHeld: () => boolean;
  /** Whether it polls only while receives come back full. */
  readonly isExtra: boolean;
  /** Nothing more is to be received at all. */
  readonly signal: AbortSignal;
}

/** One long poll after another. @returns how to stop it: resolves when nothing more is taken. */
export function startPoller(options: PollerOptions): () => Promise<void> {
  const { sqs, queue, source, logger, isHeld, isExtra, signal } = options;
  let pause = 0;
  let hasRoom = false;
  let askedAt = 0;
  const giveRoomBack = () => {
    if (hasRoom) source.capacity.free();
    hasRoom = false;
  };
  const consumer = Consumer.create({
    sqs,
    queueUrl: queue.url,
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
      giveRoomBack();
      if (pause > 0) await delay(pause, undefined, { signal });
      while (isExtra && !source.isPouring) await delay(NEED_CHECK, undefined, { signal });
      while (isHeld() || !source.capacity.reserve()) {
        await delay(ROOM_CHECK, undefined, { signal });
      }
      hasRoom = true;
      askedAt = Date.now();
      signal.throwIfAborted();
    },
    postReceiveMessageCallback: async () => {
      pause = 0;
    },
    handleMessageBatch: async (messages) => {
      giveRoomBack();
      // An answer that lay there while the process stood still was hidden for us all the while.
      source.take(messages, Math.min(Date.now(), askedAt + POLL_SECONDS * 1_000 + ANSWER_TIME));
      return undefined;
    },
  });
  consumer.on('empty', () => source.take([]));
  consumer.on('error', (error) => {
    if (signal.aborted) return;
    pause = Math.min(LAST_PAUSE, Math.max(FIRST_PAUSE, pause * 2)) * (0.5 + Math.random() / 2);
    logger.warn({ queueUrl: queue.url, err: error }, 'receive failed');
  });
  consumer.start();
  return async () => {
    consumer.stop({ abort: true });
    // A response that was there already is still taken.
    while (consumer.status.isPolling) await delay(1);
  };
}
