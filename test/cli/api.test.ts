import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { deploy } from '../../dev/deploy.ts';
import { freePort } from '../../dev/ports.ts';
import { startProcess, type Process } from '../../dev/process.ts';
import { synthesise } from '../../infra/app.ts';
import { AUDIENCE, startIssuer, type TestIssuer } from '../support/issuer.ts';
import {
  awsAccount,
  environmentOf,
  eventually,
  temporalAddress,
  uniqueId,
} from '../support/servers.ts';
import { PROJECT } from './waybill.ts';

describe('waybill api', () => {
  let folder: string;
  let issuer: TestIssuer;
  let api: Process;
  let url: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'waybill-api-'));
    issuer = await startIssuer();
    const account = awsAccount();
    const outputs = await deploy(account, synthesise());
    const port = await freePort();
    url = `http://127.0.0.1:${port}`;
    api = await startProcess({
      name: 'api',
      file: process.execPath,
      args: ['src/cli/main.ts', 'api'],
      cwd: PROJECT,
      logFile: join(folder, 'api.log'),
      ready: async () => (await fetch(`${url}/readyz`)).ok,
      env: {
        ...environmentOf(account),
        WAYBILL_ORDERS_TABLE: outputs.OrdersTable,
        WAYBILL_SELLERS_TABLE: outputs.SellersTable,
        WAYBILL_RETURNS_TABLE: outputs.ReturnsTable,
        WAYBILL_KEYS_TABLE: outputs.KeysTable,
        WAYBILL_PAYMENTS_QUEUE_URL: outputs.PaymentsFifoQueueUrl,
        WAYBILL_INGRESS_QUEUE_URL: outputs.OrdersQueueUrl,
        WAYBILL_OIDC_ISSUER: issuer.url,
        WAYBILL_OIDC_AUDIENCE: AUDIENCE,
        WAYBILL_OIDC_JWKS_URL: issuer.keySetUrl,
        WAYBILL_API_PORT: String(port),
        WAYBILL_GRACE_SECONDS: '1',
      },
    });
  });

  after(async () => {
    await api?.kill();
    await issuer.close();
    await rm(folder, { recursive: true, force: true });
  });

  it('ends within the grace period, though somebody waits for longer (FAULTS 31)', async () => {
    const token = await issuer.sign({ role: 'staff', sub: 'ana', scope: 'orders:place' });
    const orderId = uniqueId('order');
    // Nobody works on it: there is no answer for 30 s.
    const waiting = fetch(`${url}/orders`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${token}`,
        'content-type': 'application/json',
        'idempotency-key': uniqueId('key'),
        prefer: 'wait=30',
      },
      body: JSON.stringify({
        channel: 'shop',
        orderId,
        customerId: 'c-1',
        currency: 'USD',
        lines: [{ sku: 'record', quantity: 1, amount: 2_999, sellerId: 's-1' }],
        paymentMethod: 'pm_card_visa',
      }),
    });
    const cut = assert.rejects(waiting);
    const connection = await Connection.connect({ address: temporalAddress() });
    const order = new Client({ connection }).workflow.getHandle(`order:shop:${orderId}`);
    await eventually(() => order.describe());

    assert.equal(await api.stop({ within: 6_000 }), true);
    await cut;
    await order.terminate();
    await connection.close();
  });
});
