/** The bridge as the handler of an SQS event source mapping: `waybill/bridge/lambda`. */
import { GetQueueUrlCommand, type Message, type SQSClient } from '@aws-sdk/client-sqs';
import type { Client } from '@temporalio/client';
import type { ReleaseCode } from './codes.ts';
import { createCore, type Core, type EventAbout } from './core.ts';
import { createHider } from './hider.ts';
import { consoleLogger, type Logger } from './logger.ts';
import { createMetrics } from './metrics.ts';
import { noteOf, parkMessage } from './parking.ts';
import { describeQueue, type Queue } from './queue.ts';
import { createReader } from './reader.ts';
import type { SourceMessage } from './record.ts';
import type { Route } from './route.ts';
import { createScheduler } from './scheduler.ts';
import { defaultSqs } from './sqsClient.ts';
import { sourceMessageOf } from './sourceMessage.ts';
import { growing, type Settlement } from './settlement.ts';
import { createTemporal } from './temporal.ts';

export interface LambdaOptions {
  readonly routes: readonly Route[];
  /**
   * Connects to Temporal, once for each instance of the function: its connection is kept between invocations. It must
   * not repeat calls by itself: `Connection.connect({ interceptors: [] })`. A rejection fails the invocation, and the
   * next one tries again.
   */
  readonly connect: () => Promise<Client>;
  /** Default: a client as the AWS SDK's own environment variables describe it. */
  readonly sqs?: SQSClient;
  /** Default: one JSON object a line to standard output, from level info. */
  readonly logger?: Logger;
  /** The most workflows started in a second by one instance of the function, at least 1. Default: as many as Temporal takes. */
  readonly startsPerSecond?: number;
}

/** One message as Lambda hands it over (https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html). */
interface LambdaRecord {
  readonly messageId: string;
  readonly receiptHandle: string;
  readonly body: string;
  readonly attributes: object;
  readonly messageAttributes: Readonly<
    Record<
      string,
      {
        readonly dataType: string;
        readonly stringValue?: string | undefined;
        readonly binaryValue?: string | undefined;
      }
    >
  >;
  readonly eventSourceARN: string;
}

/** The answer to an invocation: what is not in it is deleted. */
export interface BatchResponse {
  batchItemFailures: { itemIdentifier: string }[];
}

/** What of its remaining time an invocation keeps for its answer, in milliseconds. */
const ANSWER_TIME = 1_000;
/** With less of it no call to Temporal could begin: one takes a second at least, and 5 s are kept for settling. */
const LEAST_TIME = ANSWER_TIME + 6_000;

/**
 * Makes the handler of a function whose event source mapping reports batch item failures (`ReportBatchItemFailures`).
 * What is settled is not among the failures; what comes again is, hidden for as long as its settlement says; of a FIFO
 * group everything from the first failure on. Nothing begins that the remaining time of the invocation does not allow:
 * give the function at least 15 seconds, and the queue a visibility timeout of six times that.
 *
 * The invocation fails, and Lambda keeps the whole batch hidden for the queue's visibility timeout, when there is no time
 * to deliver anything, or neither a connection nor an answer of SQS about the queue in that time.
 *
 * @throws QueueUnfitError (the invocation fails) when the queue's settings break the bridge's contract.
 */
export function lambdaHandler(options: LambdaOptions) {
  const { connect, sqs = defaultSqs(), logger = consoleLogger, startsPerSecond } = options;
  const read = createReader(options.routes);
  const metrics = createMetrics();
  const never = new AbortController().signal;
  const queues = new Map<string, Promise<FoundQueue>>();
  let core: Promise<Core> | undefined;

  async function createConnectedCore(): Promise<Core> {
    const temporal = createTemporal(await connect());
    const scheduler = createScheduler({
      temporal,
      logger,
      metrics,
      startsPerSecond,
      // What comes together is in hand together.
      hasBacklog: () => false,
      ending: never,
      stopping: never,
    });
    return createCore({ read, scheduler, logger, metrics });
  }

  function connectOnce(): Promise<Core> {
    if (core) return core;
    const connecting = createConnectedCore();
    core = connecting;
    connecting.catch(() => {
      if (core === connecting) core = undefined;
    });
    return connecting;
  }

  async function findQueue(arn: string): Promise<FoundQueue> {
    const [, , , , QueueOwnerAWSAccountId, QueueName] = arn.split(':');
    const { QueueUrl = '' } = await sqs.send(
      new GetQueueUrlCommand({ QueueName, QueueOwnerAWSAccountId }),
    );
    const queue = await describeQueue(sqs, QueueUrl);
    return { queue, hider: createHider(sqs, queue) };
  }

  function findQueues(records: readonly LambdaRecord[]) {
    const finding = records.map(async (record) => {
      const arn = record.eventSourceARN;
      const found = queues.get(arn) ?? findQueue(arn);
      queues.set(arn, found);
      try {
        return { record, ...(await found) };
      } catch (error) {
        queues.delete(arn);
        throw error;
      }
    });
    return Promise.all(finding);
  }

  return async (
    { Records }: { readonly Records: readonly LambdaRecord[] },
    context: { getRemainingTimeInMillis(): number },
  ): Promise<BatchResponse> => {
    const left = context.getRemainingTimeInMillis();
    // To answer that all of it failed would use up a queue's maxReceiveCount, second by second, while all looks well.
    if (left < LEAST_TIME) {
      throw new Error(
        `function timeout: expected at least 15 s, found ${left} ms left: nothing can be delivered`,
      );
    }
    const time = left - ANSWER_TIME;
    const until = Date.now() + time;
    const over = Promise.withResolvers<undefined>();
    const timer = setTimeout(() => over.resolve(undefined), time);
    const settled = new Set<LambdaRecord>();
    try {
      const connected = await Promise.race([connectOnce(), over.promise]);
      if (!connected) {
        core = undefined;
        throw new Error(`no connection to Temporal within ${time} ms`);
      }
      const found = await Promise.race([findQueues(Records), over.promise]);
      if (!found) {
        queues.clear();
        throw new Error(`no answer of SQS about the queue within ${time} ms`);
      }
      // All at once, in their order: a FIFO group has to be in hand as a whole to be stopped as one.
      const handled = found.map(async ({ record, ...from }) => {
        const message = messageOf(record);
        const source = sourceMessageOf(from.queue, message, { until, cap: until }, 0);
        await connected.handle(source, async (settlement, about) => {
          if (await carryOut(from, message, source, settlement, about)) settled.add(record);
        });
      });
      await Promise.race([Promise.all(handled), over.promise]);
    } finally {
      clearTimeout(timer);
    }
    return {
      batchItemFailures: Records.filter((record) => !settled.has(record)).map(({ messageId }) => ({
        itemIdentifier: messageId,
      })),
    };
  };

  /** @returns whether Lambda is to delete the message. */
  async function carryOut(
    { queue, hider }: FoundQueue,
    message: Message,
    source: SourceMessage,
    settlement: Settlement,
    about: EventAbout,
  ): Promise<boolean> {
    switch (settlement.kind) {
      case 'delete':
        return true;
      case 'drop':
        return false;
      case 'release':
        // Where it fails the message comes again all the same, when its visibility timeout ends.
        await hider.add({ message, seconds: delayOf(settlement, source) });
        return false;
      case 'park':
        await parkMessage(sqs, queue, message, noteOf(source, message, settlement, about), logger);
        return true;
    }
  }
}

/** A queue, and what hides its messages. */
interface FoundQueue {
  readonly queue: Queue;
  readonly hider: ReturnType<typeof createHider>;
}

const OUTAGES: ReadonlySet<ReleaseCode> = new Set(['unavailable', 'denied', 'held-too-long']);
/** The longest that a message is hidden in an outage, in seconds. */
const LONGEST_OUTAGE_DELAY = 900;

/** A mapping cannot be told to receive nothing: in an outage what it delivers stays hidden longer each time, or its receives would run out. */
function delayOf(
  { code, delaySeconds }: Extract<Settlement, { kind: 'release' }>,
  { firstReceivedAt }: SourceMessage,
): number {
  if (!OUTAGES.has(code)) return delaySeconds;
  return Math.max(
    delaySeconds,
    growing((Date.now() - firstReceivedAt) / 1_000, LONGEST_OUTAGE_DELAY),
  );
}

function messageOf(record: LambdaRecord): Message {
  return {
    MessageId: record.messageId,
    ReceiptHandle: record.receiptHandle,
    Body: record.body,
    Attributes: { ...record.attributes },
    MessageAttributes: Object.fromEntries(
      Object.entries(record.messageAttributes).map(
        ([name, { dataType, stringValue, binaryValue }]) => [
          name,
          {
            DataType: dataType,
            ...(stringValue !== undefined && { StringValue: stringValue }),
            ...(binaryValue !== undefined && { BinaryValue: Buffer.from(binaryValue, 'base64') }),
          },
        ],
      ),
    ),
  };
}
