import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import path from 'node:path';
import {
  CreateEventSourceMappingCommand,
  CreateFunctionCommand,
  DeleteEventSourceMappingCommand,
  DeleteFunctionCommand,
  LambdaClient,
  waitUntilFunctionActiveV2,
} from '@aws-sdk/client-lambda';
import {
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  type Message,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import { WorkflowClient, type Client } from '@temporalio/client';
import type { SQSRecord } from 'aws-lambda';
import { build } from 'esbuild';
import { zipSync } from 'fflate';
import type { AwsConfig } from '../../dev/deploy.ts';
import { eventually, temporalAddress, uniqueId } from './servers.ts';

/** The context of an invocation that may take so many seconds from now on. */
export function invocation(seconds: number) {
  const end = Date.now() + seconds * 1_000;
  return { getRemainingTimeInMillis: () => end - Date.now() };
}

export async function arnOf(sqs: SQSClient, url: string): Promise<string> {
  const { Attributes } = await sqs.send(
    new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: ['QueueArn'] }),
  );
  return String(Attributes?.QueueArn);
}

/** Takes so many messages out of a queue, as Lambda would hand them over. */
export async function receiveRecords(
  sqs: SQSClient,
  { url }: { readonly url: string },
  count: number,
): Promise<SQSRecord[]> {
  const arn = await arnOf(sqs, url);
  const records: SQSRecord[] = [];
  await eventually(async () => {
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({
        QueueUrl: url,
        MaxNumberOfMessages: 10,
        MessageAttributeNames: ['All'],
        MessageSystemAttributeNames: ['All'],
      }),
    );
    records.push(...Messages.map((message) => recordOf(message, arn)));
    return records.length >= count;
  });
  return records;
}

function recordOf(message: Message, arn: string): SQSRecord {
  return {
    messageId: String(message.MessageId),
    receiptHandle: String(message.ReceiptHandle),
    body: String(message.Body),
    attributes: { ...message.Attributes } as Record<string, string> & SQSRecord['attributes'],
    messageAttributes: Object.fromEntries(
      Object.entries(message.MessageAttributes ?? {}).map(([name, attribute]) => [
        name,
        {
          ...(attribute.StringValue !== undefined && { stringValue: attribute.StringValue }),
          ...(attribute.BinaryValue !== undefined && {
            binaryValue: Buffer.from(attribute.BinaryValue).toString('base64'),
          }),
          stringListValues: [],
          binaryListValues: [],
          dataType: String(attribute.DataType),
        },
      ]),
    ),
    md5OfBody: String(message.MD5OfBody),
    eventSource: 'aws:sqs',
    eventSourceARN: arn,
    awsRegion: 'us-east-1',
  };
}

/** A record that no queue has; on a FIFO queue where it has a group. */
export function inventedRecord(id: string, body: string, group?: string): SQSRecord {
  const now = String(Date.now());
  return {
    messageId: id,
    receiptHandle: `receipt-${id}`,
    body,
    attributes: {
      ApproximateReceiveCount: '1',
      SentTimestamp: now,
      SenderId: '000000000000',
      ApproximateFirstReceiveTimestamp: now,
      ...(group !== undefined && { MessageGroupId: group }),
    },
    messageAttributes: {},
    md5OfBody: '',
    eventSource: 'aws:sqs',
    eventSourceARN: `arn:aws:sqs:us-east-1:000000000000:queue${group === undefined ? '' : '.fifo'}`,
    awsRegion: 'us-east-1',
  };
}

/** An SQS in which every queue is as the bridge wants it. @param instead - what a call does in place of succeeding; undefined: it succeeds. */
export function fakeSqs(instead: (command: string, input: object) => Promise<object> | undefined) {
  const answers: Record<string, object> = {
    GetQueueUrlCommand: { QueueUrl: 'http://sqs/queue' },
    GetQueueAttributesCommand: {
      Attributes: {
        RedrivePolicy: '{"deadLetterTargetArn":"arn:aws:sqs:::dlq","maxReceiveCount":1000}',
      },
    },
  };
  const sent: string[] = [];
  const sqs = {
    config: { systemClockOffset: 0 },
    async send({ constructor: { name }, input }: { constructor: { name: string }; input: object }) {
      sent.push(name);
      const own = answers[name] ?? {};
      const { QueueName } = input as { QueueName?: string };
      const answer = QueueName === undefined ? own : { QueueUrl: `http://sqs/${QueueName}` };
      return (await instead(name, input)) ?? answer;
    },
  } as unknown as SQSClient;
  return { sqs, sent };
}

/** A client of a Temporal that takes everything. @param refuse - may throw for what a call carries: the workflow's ID, and all payloads as text. */
export function fakeClient(refuse: (workflowId: string, payloads: string) => void) {
  const calls: string[] = [];
  interface Request {
    readonly workflowId?: string;
    readonly workflowExecution?: { readonly workflowId: string };
    readonly execution?: { readonly workflowId: string };
    readonly input?: { readonly payloads: readonly { readonly data: Uint8Array }[] };
  }
  const call = async ({ workflowId, workflowExecution, execution, input }: Request) => {
    const id = String(workflowId ?? (workflowExecution ?? execution)?.workflowId);
    calls.push(id);
    refuse(id, (input?.payloads ?? []).map(({ data }) => Buffer.from(data).toString()).join());
    return { runId: 'run' };
  };
  const connection = {
    plugins: [],
    withDeadline: (_: number, work: () => unknown) => work(),
    workflowService: {
      startWorkflowExecution: call,
      signalWorkflowExecution: call,
      describeWorkflowExecution: call,
    },
  };
  const workflow = new WorkflowClient({ connection: connection as never });
  return { client: { workflow, connection } as unknown as Client, calls };
}

/** An address that accepts connections and never answers, until it is opened: from then on it is Temporal's. */
export async function startSilence() {
  const sockets = new Set<Socket>();
  let isOpen = false;
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => undefined));
    if (!isOpen) return;
    const [host, port] = temporalAddress().split(':');
    const behind = connect(Number(port), host).on('error', () => socket.destroy());
    sockets.add(behind);
    socket
      .on('close', () => behind.destroy())
      .pipe(behind)
      .pipe(socket);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const drop = () => {
    for (const socket of sockets) socket.destroy();
    sockets.clear();
  };
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    open() {
      isOpen = true;
      drop();
    },
    close() {
      server.close();
      drop();
    },
  };
}

/** Deploys `lambdaFunction.ts`, for queues to be mapped to it. */
export async function deployFunction(account: AwsConfig, taskQueue: string) {
  const { outputFiles } = await build({
    entryPoints: [path.join(import.meta.dirname, 'lambdaFunction.ts')],
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node24',
    write: false,
  });
  const lambda = new LambdaClient(account);
  const FunctionName = uniqueId('bridge');
  await lambda.send(
    new CreateFunctionCommand({
      FunctionName,
      Runtime: 'nodejs24.x',
      Role: `arn:aws:iam::${account.credentials.accessKeyId}:role/bridge`,
      Handler: 'index.handler',
      Timeout: 15,
      Code: { ZipFile: zipSync({ 'index.js': outputFiles[0]?.contents ?? new Uint8Array() }) },
      Environment: {
        Variables: {
          TEMPORAL_ADDRESS: temporalAddress(),
          TASK_QUEUE: taskQueue,
          AWS_ENDPOINT_URL: account.endpoint,
          AWS_REGION: account.region,
          AWS_ACCESS_KEY_ID: account.credentials.accessKeyId,
          AWS_SECRET_ACCESS_KEY: account.credentials.secretAccessKey,
        },
      },
    }),
  );
  await waitUntilFunctionActiveV2(
    { client: lambda, maxWaitTime: 20, minDelay: 1 },
    { FunctionName },
  );
  const mappings: (string | undefined)[] = [];
  return {
    async map(EventSourceArn: string): Promise<void> {
      const { UUID } = await lambda.send(
        new CreateEventSourceMappingCommand({
          EventSourceArn,
          FunctionName,
          FunctionResponseTypes: ['ReportBatchItemFailures'],
        }),
      );
      mappings.push(UUID);
    },
    async remove(): Promise<void> {
      for (const UUID of mappings) {
        await lambda.send(new DeleteEventSourceMappingCommand({ UUID }));
      }
      await lambda.send(new DeleteFunctionCommand({ FunctionName }));
      lambda.destroy();
    },
  };
}
