import assert from 'node:assert/strict';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { NativeConnection, Worker } from '@temporalio/worker';
import { orderWorkflow } from '../../src/contracts/orders.ts';
import { DEFAULT_POLICY } from '../../src/domain/policy.ts';
import { order, startOrderService, type OrderService } from '../support/orderService.ts';
import { environmentOf, eventually, temporalAddress, uniqueId } from '../support/servers.ts';
import { waybill, type Environment } from './waybill.ts';

const INPUT = { placed: order(), policy: DEFAULT_POLICY };

describe('waybill replay --query', function () {
  this.timeout(180_000);
  let service: OrderService;
  let env: Environment;
  let client: Client;
  let native: NativeConnection;

  before(async () => {
    service = await startOrderService();
    await service.startPayments();
    env = { ...environmentOf(service.account) };
    native = await NativeConnection.connect({ address: temporalAddress() });
    client = new Client({ connection: await Connection.connect({ address: temporalAddress() }) });
  });
  after(async () => {
    await client?.connection.close();
    await native?.close();
    await service?.stop();
  });

  const replay = (query: string) => waybill(['replay', '--query', query], env);

  /** Visibility follows after a moment. */
  async function found(query: string, count: number): Promise<string> {
    await eventually(async () => (await client.workflow.count(query)).count === count);
    return query;
  }

  it('agrees with orders that run and orders that are closed', async () => {
    const channel = uniqueId('replay');
    const running = await service.place({ channel });
    const closed = await service.place({
      channel,
      lines: [{ sku: 'scarce', quantity: 1, amount: 2_999, sellerId: 's-1' }],
    });
    await service.until(running, ({ waitingFor }) => waitingFor === 'dispatch');
    await closed.result();
    const query = await found(`WorkflowId STARTS_WITH 'order:${channel}:'`, 2);
    const { code, stdout, stderr } = await replay(query);
    assert.equal(code, 0, stdout + stderr);
    const lines = stdout.trim().split('\n').toSorted();
    assert.deepEqual(
      lines,
      [running, closed]
        .map((handle) => `ok      ${handle.workflowId} ${handle.firstExecutionRunId}`)
        .concat('2 replayed, 0 diverged')
        .toSorted(),
    );
    assert.equal(stderr, '');
  });

  it('exits 1 with the workflow that diverges, and where', async () => {
    const taskQueue = uniqueId('other');
    const worker = await Worker.create({
      connection: native,
      taskQueue,
      workflowsPath: join(import.meta.dirname, '../support/otherOrderWorkflow.ts'),
    });
    const workflowId = uniqueId('order:other');
    await worker.runUntil(
      client.workflow.execute(orderWorkflow.workflowType, { workflowId, taskQueue, args: [INPUT] }),
    );
    const query = await found(`WorkflowId = '${workflowId}'`, 1);
    const { code, stdout } = await replay(query);
    assert.equal(code, 1);
    assert.match(
      stdout,
      new RegExp(`^FAILED  ${workflowId} \\S+: .*(TMPRL1100|deterministic)`, 'm'),
    );
    assert.match(stdout, /^0 replayed, 1 diverged$/m);
  });

  it('exits 2 where nothing is found, and where the query is none', async () => {
    const workflowId = uniqueId('unbegun');
    await client.workflow.start('nobodysWorkflow', { workflowId, taskQueue: uniqueId('nobody') });
    const unbegun = await found(`WorkflowId = '${workflowId}'`, 1);
    for (const query of [`WorkflowId = 'absent'`, unbegun]) {
      const { code, stderr } = await replay(query);
      assert.equal(code, 2, stderr);
      assert.match(stderr, /^waybill: no workflow with a history is found by: WorkflowId = /);
    }
    const { code, stderr } = await replay('eat');
    assert.equal(code, 2);
    assert.match(stderr, /^waybill: Temporal cannot read the query: /);
  });
});
