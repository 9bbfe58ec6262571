import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient, PutCommand } from '@aws-sdk/lib-dynamodb';
import { Connection } from '@temporalio/client';
import { createAuditQueue } from '../dev/auditQueue.ts';
import { deploy } from '../dev/deploy.ts';
import { AUDIENCE, stackEnvironment } from '../dev/environment.ts';
import { openKey } from '../dev/issuer/key.ts';
import { createIssuer } from '../dev/issuer/server.ts';
import { fetchToken } from '../dev/issuer/tokens.ts';
import { freePort } from '../dev/ports.ts';
import { type Process, startProcess } from '../dev/process.ts';
import { synthesise } from '../infra/app.ts';
import type { OrderRow } from '../src/contracts/orders.ts';
import type { ApiRow } from './apiFigures.ts';
import { startChild } from './children.ts';
import { concurrently } from './concurrently.ts';
import type { Endpoints, LoadJob, LoadResult } from './job.ts';
import { reportedShipment } from '../src/domain/shipment.ts';

const PROJECT = path.resolve(import.meta.dirname, '..');
/** How many orders the reads read in turn. */
const STORED = 500;

export type ApiSide = 'ours' | 'bare';

/** The API as it runs in production and the bare one, each a process of its own, and no worker: orders pile up. */
export async function createApiStage({ temporal, aws }: Endpoints) {
  const folder = mkdtempSync(path.join(tmpdir(), 'waybill-bench-api-'));
  const outputs = await deploy(aws, synthesise());
  const AuditQueueUrl = await createAuditQueue(aws, outputs.NotificationsTopicArn);
  await storeOrders(DynamoDBDocumentClient.from(new DynamoDBClient(aws)), outputs.OrdersTable);

  let issuerUrl = '';
  const issuer = createIssuer({
    key: await openKey(path.join(folder, 'issuer.json')),
    audience: AUDIENCE,
    url: () => issuerUrl,
  });
  issuerUrl = await issuer.listen({ host: '127.0.0.1', port: 0 });
  const { token } = await fetchToken(issuerUrl, { role: 'staff' });

  const ports = { ours: await freePort(), bare: await freePort() };
  const env = {
    ...stackEnvironment(
      { PATH: process.env['PATH'] },
      {
        temporal,
        aws,
        // Nobody asks it here.
        provider: 'http://127.0.0.1:1',
        issuer: issuerUrl,
        apiPort: ports.ours,
      },
      { ...outputs, AuditQueueUrl },
    ),
    WAYBILL_API_REQUESTS_PER_MINUTE: '1000000',
    WAYBILL_LOG_LEVEL: 'warn',
    NODE_ENV: 'production',
  };
  const start = (name: ApiSide, args: readonly string[]): Promise<Process> =>
    startProcess({
      name,
      file: process.execPath,
      args,
      env: { ...env, PORT: String(ports.bare) },
      cwd: PROJECT,
      logFile: path.join(folder, `${name}.log`),
      ready: async () => (await fetch(`http://127.0.0.1:${ports[name]}/readyz`)).status !== 503,
    });
  const processes = await Promise.all([
    start('ours', ['src/cli/main.ts', 'api']),
    start('bare', ['bench/bareApiProcess.ts']),
  ]);
  const connection = await Connection.connect({ address: temporal });

  return {
    /** Asks one side so many times. @throws Error unless each request is answered as a success. */
    async load(
      side: ApiSide,
      row: ApiRow,
      requests: number,
      connections: number,
    ): Promise<LoadResult> {
      const job: LoadJob = {
        url: `http://127.0.0.1:${ports[side]}`,
        token,
        requests,
        connections,
        ...(row === 'read'
          ? { body: null, paths: Array.from({ length: STORED }, (_, n) => `/orders/${idOf(n)}`) }
          : { body: orderBody(row), paths: ['/orders'] }),
      };
      return await startChild<LoadJob, LoadResult>('loadProcess.ts', job).result;
    },

    async serverVersion(): Promise<string> {
      return (await connection.workflowService.getSystemInfo({})).serverVersion;
    },

    async close(): Promise<void> {
      await Promise.all(processes.map((one) => one.stop()));
      await connection.close();
      await issuer.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export type ApiStage = Awaited<ReturnType<typeof createApiStage>>;

const LINES = [{ sku: 'record', quantity: 1, amount: 2_999, sellerId: 'bench-seller' }];

function orderBody(row: 'place' | 'place-named'): string {
  const own = row === 'place-named' ? { channel: 'bench', orderId: '{id}' } : {};
  return JSON.stringify({
    ...own,
    customerId: 'bench-customer',
    currency: 'USD',
    lines: LINES,
    paymentMethod: 'pm_card_visa',
  });
}

function idOf(n: number): string {
  return `bench:stored-${n}`;
}

async function storeOrders(table: DynamoDBDocumentClient, TableName: string): Promise<void> {
  await concurrently(20, STORED, async (n) => {
    const Item = { orderKey: `order:${idOf(n)}`, placedOn: '2026-01-01', ...storedOrder(n) };
    await table.send(new PutCommand({ TableName, Item }));
  });
  table.destroy();
}

/** An order as it is stored once it is closed. */
function storedOrder(n: number): OrderRow {
  const at = '2026-01-01T00:00:00.000Z';
  const states = ['received', 'reserving', 'awaiting-payment', 'paid', 'fulfilling', 'shipped'];
  return {
    channel: 'bench',
    orderId: `stored-${n}`,
    workflowId: `order:${idOf(n)}`,
    version: 8,
    revision: states.length,
    claimedBy: 'bench',
    state: 'closed',
    waitingFor: null,
    reason: null,
    customerId: 'bench-customer',
    placedAt: at,
    total: { amount: 2_999, currency: 'USD' },
    lines: LINES,
    cancelledLines: [],
    review: null,
    payment: {
      status: 'captured',
      method: 'pm_card_visa',
      attempt: 1,
      nextMethod: null,
      intentId: 'pi_bench',
      declineCode: null,
      methodUntil: null,
      confirmedByProvider: true,
      captured: 2_999,
      refunded: 0,
    },
    shipments: [reportedShipment('bench-1', 'delivered')],
    cancellation: null,
    timeline: states.map((name, index) => ({
      n: index + 1,
      at,
      kind: 'state',
      name,
      outcome: null,
      reason: null,
      by: null,
      took: null,
    })),
  };
}
