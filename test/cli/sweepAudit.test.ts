import assert from 'node:assert/strict';
import { PutCommand } from '@aws-sdk/lib-dynamodb';
import { connectTo, type StackClients } from '../../dev/clients.ts';
import { auditInThread } from '../../src/cli/sweepAudit.ts';
import { SWEEP_SCHEDULE } from '../../src/contracts/sweep.ts';
import { peekQueue } from '../../src/console/queues.ts';
import { DEFAULT_POLICY } from '../../src/domain/policy.ts';
import { eventually } from '../support/servers.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';

describe('the audit in a thread of its own', () => {
  it('fails with what the thread failed with', async () => {
    const audit = auditInThread(new AbortController().signal);
    await assert.rejects(audit, /cannot start with this configuration: WAYBILL_ORDERS_TABLE/);
  });

  it('ends with its thread once nobody wants it any more', async () => {
    const stopping = new AbortController();
    const audit = auditInThread(stopping.signal);
    stopping.abort();
    await assert.rejects(audit, { name: 'AbortError' });
  });
});

describe('the nightly sweep of the local stack', function () {
  this.timeout(120_000);
  let test: TestStack;
  let clients: StackClients;

  before(async () => {
    test = await startTestStack(DEFAULT_POLICY);
    clients = await connectTo(test.stack);
  });
  after(async () => {
    await clients.close();
    await test.stop();
  });

  /** What a sweep comes to that is due now. */
  async function sweepNow(): Promise<unknown> {
    const schedule = clients.temporal.schedule.getHandle(SWEEP_SCHEDULE);
    const taken = async () => (await schedule.describe()).info.recentActions;
    const before = (await taken()).length;
    await schedule.trigger();
    const workflowId = await eventually(async () => {
      const started = (await taken())[before];
      return started?.action.workflow.workflowId;
    });
    assert.match(workflowId, /^sweep:nightly-/);
    return await clients.temporal.workflow.getHandle(workflowId).result();
  }

  it('audits everything there is, and tells support of a row that no workflow knows', async () => {
    assert.deepEqual(await sweepNow(), { orders: {}, parked: 0, disagreements: 0 });

    const orderKey = 'order:web:left-over';
    const row = { workflowId: orderKey, state: 'paid', payment: {}, total: {}, lines: [] };
    const Item = { orderKey, ...row };
    await clients.table.send(new PutCommand({ TableName: clients.ordersTable, Item }));
    assert.deepEqual(await sweepNow(), { orders: {}, parked: 0, disagreements: 1 });

    const messages = await eventually(async () => {
      const found = await peekQueue(clients.sqs, clients.supportQueueUrl);
      return found.length > 0 && found;
    });
    const [notification, ...others] = messages.map(({ Body = '' }) => JSON.parse(Body) as object);
    assert.deepEqual(others, []);
    assert.partialDeepStrictEqual(notification, {
      type: 'audit-mismatch',
      severity: 'critical',
      first: [{ subject: orderKey, says: 'its row is paid, without a workflow' }],
    });
  });
});
