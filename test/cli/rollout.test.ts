import assert from 'node:assert/strict';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { NativeConnection, Worker, type WorkerOptions } from '@temporalio/worker';
import {
  DEPLOYMENT,
  ORDERS_TASK_QUEUE,
  PARTNERS_TASK_QUEUE,
  PAYMENTS_TASK_QUEUE,
} from '../../src/contracts/taskQueues.ts';
import { createTelemetry } from '../../src/platform/telemetry.ts';
import { bundleWorkflows } from '../../src/platform/workflowBundle.ts';
import {
  awsAccount,
  environmentOf,
  eventually,
  temporalAddress,
  uniqueId,
} from '../support/servers.ts';
import { waybill } from './waybill.ts';

describe('the rollout', function () {
  this.timeout(120_000);
  const namespace = uniqueId('rollout');
  let connection: Connection;
  let client: Client;
  let native: NativeConnection;
  let workflowBundle: Awaited<ReturnType<typeof bundleWorkflows>>;
  const stops: (() => Promise<void>)[] = [];

  before(async () => {
    connection = await Connection.connect({ address: temporalAddress() });
    native = await NativeConnection.connect({ address: temporalAddress() });
    workflowBundle = await bundleWorkflows(
      join(import.meta.dirname, '../support/inboxWorkflow.ts'),
    );
    await connection.workflowService.registerNamespace({
      namespace,
      workflowExecutionRetentionPeriod: { seconds: 86_400 as never },
    });
    client = new Client({ connection, namespace });
    await eventually(async () => {
      await client.workflow.count();
      return true;
    });
  });
  after(async () => {
    await Promise.all(stops.map((stop) => stop()));
    await native.close();
    await connection.close();
  });

  /** Workers of a build, as the worker's process makes them. */
  async function startWorkers(buildId: string, { payments = true } = {}) {
    const shared: Omit<WorkerOptions, 'taskQueue'> = {
      connection: native,
      namespace,
      workerDeploymentOptions: {
        version: { deploymentName: DEPLOYMENT, buildId },
        useWorkerVersioning: true,
        defaultVersioningBehavior: 'AUTO_UPGRADE',
      },
      plugins: [createTelemetry()],
      activities: { nothing: async () => undefined },
    };
    const workers = [
      await Worker.create({ ...shared, taskQueue: ORDERS_TASK_QUEUE, workflowBundle }),
      ...(payments ? [await Worker.create({ ...shared, taskQueue: PAYMENTS_TASK_QUEUE })] : []),
      await Worker.create({ ...shared, taskQueue: PARTNERS_TASK_QUEUE }),
    ];
    const running = Promise.all(workers.map((worker) => worker.run()));
    stops.push(async () => {
      for (const worker of workers) worker.shutdown();
      await running;
    });
  }

  const env = () => ({ ...environmentOf(awsAccount()), TEMPORAL_NAMESPACE: namespace });
  const rollOut = (buildId: string, within: number) =>
    waybill(['rollout', buildId, '--within', String(within)], env());

  it('changes nothing while nobody of the build is there, or not everywhere', async () => {
    const { code, stdout, stderr } = await rollOut('one', 1);
    assert.deepEqual([code, stdout], [2, '']);
    assert.match(stderr, /build one has not become current within 1 s: nobody polls the workflows/);
    assert.match(stderr, /WAYBILL_BUILD_ID=one/);

    await startWorkers('half', { payments: false });
    const half = await eventually(async () => {
      const ran = await rollOut('half', 0);
      return !ran.stderr.includes('of orders') && ran;
    });
    assert.match(half.stderr, /nobody polls the activities of payments/);
  });

  it('gives the tasks to a build once its workers are there, and takes running workflows along', async () => {
    const handle = await client.workflow.start('inboxWorkflow', {
      workflowId: uniqueId('order'),
      taskQueue: ORDERS_TASK_QUEUE,
    });
    await startWorkers('one');
    const first = await rollOut('one', 20);
    assert.equal(
      first.stdout,
      'build one is current now; before: workers without a build ID\n',
      first.stderr,
    );
    const builds = async () => {
      const { raw } = await handle.describe();
      return raw.workflowExecutionInfo?.versioningInfo?.deploymentVersion?.buildId;
    };
    await eventually(async () => (await builds()) === 'one', { within: 20_000 });

    await startWorkers('two');
    assert.match((await rollOut('two', 20)).stdout, /^build two is current now; before: one\n/);
    await eventually(
      async () => {
        await handle.signal('waybill.events', []);
        return (await builds()) === 'two';
      },
      { within: 20_000, every: 500 },
    );

    const again = await rollOut('two', 20);
    assert.deepEqual([again.code, again.stdout], [0, 'build two is current already\n']);
    assert.match((await rollOut('one', 20)).stdout, /^build one is current now; before: two\n/);
  });

  it('says what is wrong with how it was asked', async () => {
    const { code, stderr } = await waybill(['rollout', 'one', '--within', 'soon'], env());
    assert.equal(code, 2);
    assert.match(stderr, /--within: expected whole seconds, received "soon"/);
  });
});
