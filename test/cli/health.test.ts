import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { freePort } from '../../dev/ports.ts';
import { startProcess, type Process } from '../../dev/process.ts';
import { SOURCES } from '../../src/contracts/events.ts';
import { startOwnTemporal, type OwnTemporal } from '../support/ownTemporal.ts';
import { deployService } from '../support/service.ts';
import { eventually } from '../support/servers.ts';
import { PROJECT } from './waybill.ts';

const UNANSWERED = /^Temporal does not answer/;

describe('the health of worker and bridge', function () {
  this.timeout(120_000);
  let temporal: OwnTemporal;
  let folder: string;
  let env: Readonly<Record<string, string | undefined>>;
  let sqs: SQSClient;
  const processes: Process[] = [];

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'waybill-health-'));
    temporal = await startOwnTemporal();
    const service = await deployService({ temporal: temporal.address });
    sqs = new SQSClient(service.account);
    env = service.env;
  });

  after(async () => {
    await Promise.all(processes.map((each) => each.kill()));
    await temporal.stop();
    sqs.destroy();
    await rm(folder, { recursive: true, force: true });
  });

  /** Starts it, and waits until it is ready. */
  async function start(name: 'worker' | 'bridge') {
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    const child = await startProcess({
      name,
      file: process.execPath,
      args: ['src/cli/main.ts', name],
      cwd: PROJECT,
      env: { ...env, WAYBILL_HEALTH_PORT: String(port), WAYBILL_GRACE_SECONDS: '3' },
      logFile: join(folder, `${name}.log`),
      ready: async () => (await fetch(`${url}/readyz`)).ok,
    });
    processes.push(child);
    return {
      child,
      alive: async () => (await fetch(`${url}/healthz`)).status,
      /** Null: it is ready. */
      async reason(): Promise<string | null> {
        const answer = await fetch(`${url}/readyz`);
        const { status, reason } = (await answer.json()) as { status: string; reason?: string };
        assert.equal(status, answer.ok ? 'ready' : 'not-ready');
        return answer.ok ? null : String(reason);
      },
    };
  }

  it('says of a bridge with an open breaker that it is alive, but not ready', async () => {
    const bridge = await start('bridge');
    await temporal.server.kill();
    // Without anything to deliver it finds out by asking.
    await eventually(async () => UNANSWERED.test((await bridge.reason()) ?? ''), {
      within: 20_000,
    });
    const [queueUrl = ''] = String(env['WAYBILL_QUEUE_URLS']).split(',');
    await sqs.send(
      new SendMessageCommand({
        QueueUrl: queueUrl,
        MessageBody: JSON.stringify({
          source: SOURCES.storefront,
          type: 'OrderPlaced',
          eventId: 'e-1',
          data: {
            version: 1,
            channel: 'shop',
            total: 2_999,
            orderId: 'o-1',
            customerId: 'c-1',
            currency: 'EUR',
            paymentMethod: 'pm_card_visa',
            lines: [{ sku: 'record', quantity: 1, amount: 2_999, sellerId: 's-1' }],
          },
        }),
      }),
    );
    await eventually(
      async () => (await bridge.reason()) === 'the breaker is open: Temporal takes nothing',
      { within: 30_000 },
    );
    assert.equal(await bridge.alive(), 200);
    await temporal.server.start();
    await eventually(async () => (await bridge.reason()) === null, { within: 30_000 });
    assert.equal(await bridge.child.stop({ within: 15_000 }), true);
  });

  it('says of a worker that it is ready while its pollers run and Temporal answers, and not while it stops', async () => {
    const worker = await start('worker');
    await temporal.server.kill();
    await eventually(async () => UNANSWERED.test((await worker.reason()) ?? ''), {
      within: 20_000,
    });
    assert.equal(await worker.alive(), 200);
    await temporal.server.start();
    await eventually(async () => (await worker.reason()) === null, { within: 30_000 });

    const stopped = worker.child.stop({ within: 20_000 });
    await eventually(async () => (await worker.reason()) === 'it is stopping', { every: 2 });
    assert.equal(await stopped, true);
  });
});
