import {
  DeleteMessageBatchCommand,
  ReceiveMessageCommand,
  SQSClient,
  type ReceiveMessageCommandOutput,
  type SQSClientConfig,
} from '@aws-sdk/client-sqs';
import { Client, Connection } from '@temporalio/client';
import { bridge } from '../../src/bridges/index.ts';
import { testRoutes } from './routes.ts';

/** What a bridge in a process of its own is told when it starts, as JSON. */
export interface BridgeProcessOptions {
  readonly temporal: string;
  readonly aws: SQSClientConfig;
  readonly queueUrls: readonly string[];
  readonly taskQueue: string;
  readonly graceSeconds: number;
  /** Its deletes go nowhere: it hangs between delivery and delete. */
  readonly holdDeletes?: boolean;
  /** It validates nothing until it is told `admit`. */
  readonly holdEvents?: boolean;
}

/** What it tells: each settlement, the highest receive count that it saw, and what it holds back. */
export type BridgeProcessMessage =
  | { readonly told: 'ready' | 'deleting' | 'received' | 'stopping' }
  | { readonly told: 'settled'; readonly outcome: string; readonly eventId: string }
  | { readonly told: 'receives'; readonly most: number };

const options = JSON.parse(process.argv[2] ?? '') as BridgeProcessOptions;
const tell = (message: BridgeProcessMessage) => process.send?.(message);

const sqs = new SQSClient(options.aws);
let most = 0;
sqs.middlewareStack.add(
  (next, context) => async (args) => {
    const { commandName } = context;
    if (commandName === DeleteMessageBatchCommand.name && options.holdDeletes) {
      tell({ told: 'deleting' });
      await new Promise(() => undefined);
    }
    const answer = await next(args);
    if (commandName === ReceiveMessageCommand.name) {
      const { Messages = [] } = answer.output as ReceiveMessageCommandOutput;
      const counts = Messages.map(({ Attributes }) => Number(Attributes?.ApproximateReceiveCount));
      if (Math.max(0, ...counts) > most)
        tell({ told: 'receives', most: (most = Math.max(...counts)) });
      if (Messages.length > 0) tell({ told: 'received' });
    }
    return answer;
  },
  { step: 'initialize' },
);

const admitted = new Promise<void>((resolve) =>
  process.on('message', (message) => message === 'admit' && resolve()),
);
const stopping = new AbortController();
process.once('SIGTERM', () => {
  stopping.abort();
  tell({ told: 'stopping' });
  process.once('SIGTERM', () => process.exit(1));
});
const write = (fields: object, message: string) => {
  if (message === 'ready') tell({ told: 'ready' });
  if (message !== 'settled') return;
  const { outcome, eventId } = fields as { outcome: string; eventId: string };
  tell({ told: 'settled', outcome, eventId });
};
const connection = await Connection.connect({ address: options.temporal, interceptors: [] });
await bridge({
  queueUrls: options.queueUrls,
  routes: testRoutes(options.taskQueue, options.holdEvents ? admitted : undefined),
  client: new Client({ connection }),
  sqs,
  logger: { debug: write, info: write, warn: write, error: write },
  graceSeconds: options.graceSeconds,
}).run(stopping.signal);
await connection.close();
process.disconnect();
