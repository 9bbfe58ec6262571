import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { Client, Connection, type WorkflowHandle } from '@temporalio/client';
import { deploy } from '../dev/deploy.ts';
import { stackEnvironment } from '../dev/environment.ts';
import { seedStock } from '../dev/feed/stock.ts';
import { freePort } from '../dev/ports.ts';
import { type Process, startProcess } from '../dev/process.ts';
import { synthesise } from '../infra/app.ts';
import { orderWorkflowId, type PlacedOrder } from '../src/contracts/orders.ts';
import { CALLS_FILE, type Calls } from './callCounter.ts';
import { findCarrier } from './carrierStandIn.ts';
import { now } from './clock.ts';
import { concurrently } from './concurrently.ts';
import { startCourier } from './courier.ts';
import { type Cost, costOf, sumOf } from './historyCost.ts';
import type { Endpoints } from './job.ts';
import { fetchHistories } from './orderHistories.ts';
import { ORDER_SIDES, type OrderRunner, type OrderSide } from './orderSides.ts';
import { assertPaidAndClosed, placedOrder } from './placedOrders.ts';

const PROJECT = path.resolve(import.meta.dirname, '..');
/** Looks at what is done are so many at once. */
const LOOKS_AT_ONCE = 8;
/** In milliseconds. */
const IDLE_LOOK_EVERY = 200;
/** A run of orders that takes longer than this many milliseconds hangs. */
const LONGEST_RUN = 180_000;

/** How many orders a worker gets. */
export interface OrderLoad {
  /** Begins the order IDs. */
  readonly name: string;
  /** Measured. */
  readonly orders: number;
  /** Before those, as what a fresh process does first is slow. */
  readonly warmUp: number;
  /** Orders under way at once. */
  readonly inFlight: number;
}

export interface OrderRun {
  readonly orders: number;
  /** From the first start to the last end. */
  readonly seconds: number;
  /** Of all measured orders together. */
  readonly cost: Cost;
  /** How many orders `calls` are for: the measured and those before. */
  readonly served: number;
  /** What the worker called, without what it asks once at its start. */
  readonly calls: Calls;
}

/** What can be done and seen while our own worker is at work. */
export interface OrderWork {
  readonly client: Client;
  /** Has orders run from their placing to their end, so many at once. @returns the seconds it took. */
  readonly runToEnd: (name: string, orders: number, inFlight: number) => Promise<number>;
  /** What the worker holds now, in MB (10^6 bytes). */
  readonly memory: () => Promise<number>;
}

/** Where both sides run, in turn: the same servers, tables, topic, sandbox and task queues. */
export async function createOrderStage({ temporal, aws }: Endpoints) {
  const folder = mkdtempSync(path.join(tmpdir(), 'waybill-bench-orders-'));
  const outputs = await deploy(aws, synthesise());
  const table = DynamoDBDocumentClient.from(new DynamoDBClient(aws));
  await seedStock(table, outputs.StockTable, { record: 1_000_000 });
  const provider = await startProvider(folder);
  const carrier = await findCarrier(provider.url);
  const connection = await Connection.connect({ address: temporal });
  const client = new Client({ connection });

  /** The orders under way, by workflow ID. */
  const underWay = new Map<string, { readonly side: OrderRunner; readonly placed: PlacedOrder }>();
  const courier = await startCourier(
    aws,
    outputs.NotificationsTopicArn,
    async (workflowId, event) => {
      const order = underWay.get(workflowId);
      if (!order) return;
      const handle = client.workflow.getHandle(workflowId);
      await untilIdle(handle);
      await order.side.send(handle, order.placed, event);
    },
  );

  const env = {
    ...stackEnvironment(
      { PATH: process.env['PATH'] },
      // Nobody asks an issuer or an API here.
      { temporal, aws, provider: provider.url, issuer: 'http://127.0.0.1:1', apiPort: 1 },
      { ...outputs, AuditQueueUrl: courier.queueUrl },
    ),
    WAYBILL_CARRIER_URL: carrier.url,
    NODE_ENV: 'production',
  };
  const startWorker = (name: string, { workerFile }: OrderRunner, callsFile: string) =>
    startProcess({
      name: `worker ${name}`,
      file: process.execPath,
      args: [path.join('bench', workerFile)],
      env: { ...env, [CALLS_FILE]: callsFile },
      cwd: PROJECT,
      logFile: path.join(folder, `${name}.log`),
      ready: saysReady,
      readyWithin: 60_000,
    });

  /** Has orders run from their placing to their end. @returns their workflow IDs, and the seconds it took. */
  async function runOrders(side: OrderRunner, name: string, orders: number, inFlight: number) {
    const runs: { readonly workflowId: string; readonly runId: string }[] = [];
    let ended = 0;
    const beganAt = now();
    const all = concurrently(inFlight, orders, async (index) => {
      const placed = placedOrder(`${name}-${index}`);
      const workflowId = orderWorkflowId(placed);
      underWay.set(workflowId, { side, placed });
      const runId = await side.start(client, placed);
      runs.push({ workflowId, runId });
      await client.workflow.getHandle(workflowId).result();
      underWay.delete(workflowId);
      ended += 1;
    });
    await within(
      LONGEST_RUN,
      Promise.race([all, courier.stopped]),
      () => `${name}: ${ended} of ${orders} orders ended within ${LONGEST_RUN / 1_000} s`,
    );
    return { runs, seconds: (now() - beganAt) / 1_000 };
  }

  return {
    /** Runs a load with a fresh worker of a side, and looks afterwards at what became of it. */
    async run(name: OrderSide, load: OrderLoad): Promise<OrderRun> {
      const side = ORDER_SIDES[name];
      const { orders, warmUp, inFlight } = load;
      const callsFile = path.join(folder, `${load.name}.json`);
      const worker = await startWorker(load.name, side, callsFile);
      const { runs, seconds } = await stoppedAfter(worker, async () => {
        await runOrders(side, `${load.name}-first`, warmUp, inFlight);
        return await runOrders(side, load.name, orders, inFlight);
      });
      await assertPaidAndClosed(
        runs.map(({ workflowId }) => workflowId),
        { table, ordersTable: outputs.OrdersTable, providerUrl: provider.url },
      );
      const costs: Cost[] = [];
      await concurrently(LOOKS_AT_ONCE, runs.length, async (index) => {
        const { workflowId = '', runId = '' } = runs[index] ?? {};
        costs.push(costOf(await fetchHistories(client, workflowId, runId)));
      });
      return {
        orders,
        seconds,
        cost: sumOf(costs),
        served: warmUp + orders,
        calls: readCalls(callsFile),
      };
    },

    /** Has our own worker at work while `use` places orders of its own, or has some run to their end. */
    async withWorker<T>(name: string, use: (work: OrderWork) => Promise<T>): Promise<T> {
      const callsFile = path.join(folder, `${name}.json`);
      const worker = await startWorker(name, ORDER_SIDES.ours, callsFile);
      const work: OrderWork = {
        client,
        runToEnd: async (...load) => (await runOrders(ORDER_SIDES.ours, ...load)).seconds,
        memory: () => residentMemory(worker.pid),
      };
      return await stoppedAfter(worker, () => use(work));
    },

    async serverVersion(): Promise<string> {
      return (await connection.workflowService.getSystemInfo({})).serverVersion;
    },

    async close(): Promise<void> {
      courier.stop();
      await courier.stopped;
      await connection.close();
      table.destroy();
      carrier.close();
      await provider.process.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export type OrderStage = Awaited<ReturnType<typeof createOrderStage>>;

async function startProvider(
  folder: string,
): Promise<{ readonly url: string; readonly process: Process }> {
  const port = await freePort();
  const sandbox = await startProcess({
    name: 'provider',
    file: process.execPath,
    args: ['dev/provider.ts'],
    env: {
      PATH: process.env['PATH'],
      PROVIDER_PORT: String(port),
      PROVIDER_LEDGER: path.join(folder, 'provider.jsonl'),
    },
    cwd: PROJECT,
    logFile: path.join(folder, 'provider.log'),
    ready: saysReady,
  });
  return { url: `http://127.0.0.1:${port}`, process: sandbox };
}

async function stoppedAfter<T>(worker: Process, use: () => Promise<T>): Promise<T> {
  try {
    return await use();
  } finally {
    await worker.stop({ within: 30_000 });
  }
}

async function residentMemory(pid = 0): Promise<number> {
  const { stdout } = await promisify(execFile)('ps', ['-o', 'rss=', '-p', String(pid)]);
  return (Number(stdout) * 1_024) / 1e6;
}

function saysReady(output: string): boolean {
  return output.includes('"msg":"ready"');
}

/** What a worker asks of its tables at its start is for no order. */
function readCalls(file: string): Calls {
  const { 'dynamodb DescribeTable': _atStart, ...calls } = JSON.parse(
    readFileSync(file, 'utf8'),
  ) as Calls;
  return calls;
}

/**
 * Waits until a workflow waits for something to come. A parcel takes hours, so its news never finds the workflow at
 * something else: such a meeting would spare a workflow task that production does not spare. Only the server is asked.
 */
async function untilIdle(handle: WorkflowHandle): Promise<void> {
  for (;;) {
    await delay(IDLE_LOOK_EVERY);
    const { pendingActivities, pendingWorkflowTask } = (await handle.describe()).raw;
    if (!pendingActivities?.length && !pendingWorkflowTask) return;
  }
}

/** @throws Error with what `late` says, when the work takes longer than this many milliseconds. */
async function within<T>(milliseconds: number, work: Promise<T>, late: () => string): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(late())), milliseconds);
  return await Promise.race([work, promise]).finally(() => clearTimeout(timer));
}
