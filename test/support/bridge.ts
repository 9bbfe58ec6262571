import assert from 'node:assert/strict';
import { join } from 'node:path';
import {
  CreateQueueCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SendMessageBatchCommand,
  SQSClient,
  type Message,
  type SendMessageCommandInput,
} from '@aws-sdk/client-sqs';
import { Client, Connection } from '@temporalio/client';
import { NativeConnection, Worker } from '@temporalio/worker';
import { bridge, type BridgeState, type Route } from '../../src/bridges/index.ts';
import type { Logger } from '../../src/bridges/logger.ts';
import { inboxQuery, type InboxContent } from '../../src/contracts/inbox.ts';
import { bundleWorkflows } from '../../src/platform/workflowBundle.ts';
import { createTelemetry } from '../../src/platform/telemetry.ts';
import { SOURCE, testRoutes } from './routes.ts';
import { awsAccount, eventually, uniqueId } from './servers.ts';

export { EARLY_SECONDS, rawEvent } from './routes.ts';

export interface LogLine {
  readonly message: string;
  readonly outcome?: string;
  readonly code?: string;
  readonly [field: string]: unknown;
}

/** A queue with its dead-letter queue, as the bridge wants them. */
export interface TestQueue {
  readonly url: string;
  readonly deadLetterUrl: string;
}

export interface RunningBridge {
  readonly state: () => BridgeState;
  /** What it has logged under this message. */
  readonly lines: (message: string) => readonly LogLine[];
  /** The outcome of each message, and the code where it has one: `parked early`. */
  readonly outcomes: () => readonly string[];
  /** When it has ended, whether or not it was asked to. */
  readonly ended: Promise<void>;
  /** As SIGTERM does. */
  readonly stop: () => Promise<void>;
}

/** A logger that keeps what it was told. */
export function capturingLogger() {
  const kept: LogLine[] = [];
  const write = (fields: object, message: string) => void kept.push({ ...fields, message });
  const logger: Logger = { debug: write, info: write, warn: write, error: write };
  return { logger, lines: (message: string) => kept.filter((line) => line.message === message) };
}

/** Queues in an account of their own, and a worker whose workflows only take events. */
export async function startBridgeStage(
  temporal: string,
  workflows = join(import.meta.dirname, 'inboxWorkflow.ts'),
) {
  const account = awsAccount();
  const sqs = new SQSClient(account);
  const taskQueue = uniqueId('bridge-test');
  const connection = await Connection.connect({ address: temporal, interceptors: [] });
  const client = new Client({ connection });
  const workerConnection = await NativeConnection.connect({ address: temporal });
  const worker = await Worker.create({
    connection: workerConnection,
    taskQueue,
    plugins: [createTelemetry()],
    workflowBundle: await bundleWorkflows(workflows),
  });
  const working = worker.run();
  const bridges = new Set<RunningBridge>();

  async function createQueue({
    fifo = false,
    receives,
  }: { readonly fifo?: boolean; readonly receives?: number } = {}): Promise<TestQueue> {
    const suffix = fifo ? '.fifo' : '';
    const name = uniqueId('queue');
    const attributes = fifo ? { FifoQueue: 'true' } : {};
    const deadLetter = await sqs.send(
      new CreateQueueCommand({ QueueName: `${name}-dlq${suffix}`, Attributes: attributes }),
    );
    const deadLetterUrl = String(deadLetter.QueueUrl);
    const { Attributes } = await sqs.send(
      new GetQueueAttributesCommand({ QueueUrl: deadLetterUrl, AttributeNames: ['QueueArn'] }),
    );
    const { QueueUrl } = await sqs.send(
      new CreateQueueCommand({
        QueueName: `${name}${suffix}`,
        Attributes: {
          ...attributes,
          RedrivePolicy: JSON.stringify({
            deadLetterTargetArn: Attributes?.QueueArn,
            maxReceiveCount: receives ?? (fifo ? 1_000 : 50),
          }),
        },
      }),
    );
    return { url: String(QueueUrl), deadLetterUrl };
  }

  return {
    account,
    sqs,
    client,
    taskQueue,
    createQueue,
    /** Another SQS client of the same account, for faults in its middleware. */
    createSqs: () => new SQSClient(account),

    /** Starts workflows past the bridge. */
    async begin(...workflowIds: readonly string[]): Promise<void> {
      await Promise.all(
        workflowIds.map((workflowId) =>
          client.workflow.start('inboxWorkflow', { workflowId, taskQueue }),
        ),
      );
    },

    /** Runs a bridge on these queues, with an SQS client of its own. */
    startBridge(
      queues: readonly TestQueue[],
      own: {
        sqs?: SQSClient;
        client?: Client;
        graceSeconds?: number;
        routes?: readonly Route[];
      } = {},
    ) {
      const stopping = new AbortController();
      const { logger, lines } = capturingLogger();
      const carrying = bridge({
        queueUrls: queues.map(({ url }) => url),
        routes: own.routes ?? testRoutes(taskQueue),
        sqs: own.sqs ?? sqs,
        client: own.client ?? client,
        logger,
        graceSeconds: own.graceSeconds ?? 5,
      });
      const running = carrying.run(stopping.signal);
      const started: RunningBridge = {
        state: () => carrying.state,
        lines,
        ended: running,
        outcomes: () =>
          lines('settled').map(({ outcome, code }) =>
            code === undefined ? `${outcome}` : `${outcome} ${code}`,
          ),
        async stop() {
          bridges.delete(started);
          stopping.abort();
          await running;
        },
      };
      bridges.add(started);
      running.catch(() => bridges.delete(started));
      return started;
    },

    async send(
      { url }: TestQueue,
      body: object | string,
      more: Partial<SendMessageCommandInput> = {},
    ): Promise<string> {
      const { MessageId } = await sqs.send(
        new SendMessageCommand({
          QueueUrl: url,
          MessageBody: typeof body === 'string' ? body : JSON.stringify(body),
          ...(more.MessageGroupId !== undefined && { MessageDeduplicationId: uniqueId('dedupe') }),
          ...more,
        }),
      );
      return String(MessageId);
    },

    /** Sends many, ten a call. */
    async sendAll({ url }: TestQueue, bodies: readonly object[]): Promise<void> {
      for (let first = 0; first < bodies.length; first += 10) {
        const entries = bodies
          .slice(first, first + 10)
          .map((body, index) => ({ Id: String(index), MessageBody: JSON.stringify(body) }));
        await sqs.send(new SendMessageBatchCommand({ QueueUrl: url, Entries: entries }));
      }
    },

    /**
     * Waits for so many messages in a dead-letter queue, makes sure that there are no more, and takes them out.
     */
    async parked({ deadLetterUrl }: TestQueue, count: number) {
      const found: Message[] = [];
      await eventually(async () => {
        const { Messages = [] } = await sqs.send(
          new ReceiveMessageCommand({
            QueueUrl: deadLetterUrl,
            MaxNumberOfMessages: 10,
            MessageAttributeNames: ['All'],
            MessageSystemAttributeNames: ['All'],
          }),
        );
        found.push(...Messages);
        await Promise.all(
          Messages.map(({ ReceiptHandle }) =>
            sqs.send(new DeleteMessageCommand({ QueueUrl: deadLetterUrl, ReceiptHandle })),
          ),
        );
        return found.length >= count && Messages.length === 0;
      });
      assert.equal(found.length, count, `${found.length} messages are parked`);
      return found.map((message) => ({
        message,
        note: JSON.parse(message.MessageAttributes?.['waybill']?.StringValue ?? 'null') as Record<
          string,
          unknown
        > | null,
      }));
    },

    /** How many messages a queue has: those that wait, and those in flight. */
    async depth({ url }: TestQueue) {
      const { Attributes } = await sqs.send(
        new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: ['All'] }),
      );
      return {
        waiting: Number(Attributes?.ApproximateNumberOfMessages),
        inFlight: Number(Attributes?.ApproximateNumberOfMessagesNotVisible),
      };
    },

    /** Waits until a queue has no message any more. */
    async untilEmpty(queue: TestQueue, within = 10_000): Promise<void> {
      await eventually(
        async () => {
          const { waiting, inFlight } = await this.depth(queue);
          if (waiting + inFlight > 0) throw new Error(`${waiting} wait, ${inFlight} are in flight`);
          return true;
        },
        { within },
      );
    },

    async inbox(workflowId: string): Promise<InboxContent> {
      return await client.workflow.getHandle(workflowId).query(inboxQuery);
    },

    /** Waits until a workflow has dealt with these events, and no others, in this order. */
    async untilApplied(workflowId: string, eventIds: readonly string[]): Promise<void> {
      const expected = eventIds.map((id) => `${SOURCE}:${id}`).join();
      await eventually(async () => {
        const found = (await this.inbox(workflowId)).records.map(({ id }) => id).join();
        if (found !== expected) throw new Error(`applied: ${found}; expected: ${expected}`);
        return true;
      });
    },

    async stop(): Promise<void> {
      await Promise.all([...bridges].map((each) => each.stop()));
      worker.shutdown();
      await working;
      await workerConnection.close();
      await connection.close();
      sqs.destroy();
    },
  };
}

export type BridgeStage = Awaited<ReturnType<typeof startBridgeStage>>;
