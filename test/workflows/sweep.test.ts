import assert from 'node:assert/strict';
import { metrics } from '@opentelemetry/api';
import { MeterProvider, MetricReader } from '@opentelemetry/sdk-metrics';
import type { WorkflowFailedError } from '@temporalio/client';
import { CancelledFailure } from '@temporalio/common';
import { sweepWorkflow, type AuditFinished, type SweepCounts } from '../../src/contracts/sweep.ts';
import { advance } from '../support/clock.ts';
import { recordHistory } from '../support/history.ts';
import {
  audited,
  startOperationsService,
  type OperationsService,
} from '../support/operationsService.ts';
import { eventually, uniqueId } from '../support/servers.ts';

/** Collects when it is asked to. */
class ManualReader extends MetricReader {
  protected override async onForceFlush(): Promise<void> {}
  protected override async onShutdown(): Promise<void> {}
}

describe('the sweep workflow', () => {
  let service: OperationsService;
  let reader: ManualReader;

  before(async function () {
    this.timeout(180_000);
    reader = new ManualReader();
    metrics.setGlobalMeterProvider(new MeterProvider({ readers: [reader] }));
    service = await startOperationsService();
  });
  after(async () => {
    await service.stop();
    metrics.disable();
    await reader.shutdown();
  });

  async function sweep() {
    const { workflowType, taskQueue } = sweepWorkflow;
    return await service.client.workflow.start<() => Promise<SweepCounts>>(workflowType, {
      taskQueue,
      workflowId: uniqueId('sweep:test'),
      args: [],
    });
  }

  /** What the bus was told of a sweep. */
  async function announced(workflowId: string): Promise<AuditFinished> {
    const [event] = await service.received('bus', workflowId);
    return event?.body['detail'] as AuditFinished;
  }

  async function gauge(): Promise<unknown> {
    const { resourceMetrics } = await reader.collect();
    const found = resourceMetrics.scopeMetrics.flatMap(({ metrics: all }) => all);
    const one = found.find(({ descriptor }) => descriptor.name === 'waybill.audit.disagreements');
    return one?.dataPoints.at(-1)?.value;
  }

  it('tells what disagrees: on the bus, to support, and as a metric', async () => {
    service.auditBy(async () => audited(2));
    const handle = await sweep();
    const { workflowId } = handle;
    const counts = { orders: { closed: 2, cancelled: 1 }, parked: 1, disagreements: 2 };
    assert.deepEqual(await handle.result(), counts);

    const first = audited(2).disagreements;
    const [event] = await service.received('bus', workflowId);
    assert.deepEqual(
      [event?.body['source'], event?.body['detail-type'], event?.body['detail']],
      [
        'waybill.operations',
        'AuditFinished',
        {
          version: 1,
          eventId: `${workflowId}/audit-finished`,
          sweep: workflowId,
          ...counts,
          first,
        },
      ],
    );
    const [notification] = await service.received('support', workflowId);
    const facts = {
      type: 'audit-mismatch',
      severity: 'critical',
      notificationId: `${workflowId}/audit-mismatch`,
    };
    assert.deepEqual(notification?.attributes, { ...facts, status: 'disagrees' });
    const said = { state: 'disagrees', reason: null, sweep: workflowId, ...counts, first };
    assert.deepEqual(notification.body, { ...said, ...facts });
    assert.equal(await gauge(), 2);
    await recordHistory(handle, 'sweep-mismatch');
  });

  it('tells of an audit that found nothing too, and disturbs nobody with it', async () => {
    service.auditBy(async () => audited(0));
    const handle = await sweep();
    assert.equal((await handle.result()).disagreements, 0);
    assert.deepEqual((await announced(handle.workflowId)).first, []);
    assert.equal(await gauge(), 0);
    const { events } = await handle.fetchHistory();
    const scheduled = events?.flatMap(
      ({ activityTaskScheduledEventAttributes: one }) => one?.activityType?.name ?? [],
    );
    assert.deepEqual(scheduled, ['auditAll', 'announceAudit']);
    await recordHistory(handle, 'sweep-agreed');
  });

  it('counts everything that disagrees, and tells the first fifty', async () => {
    service.auditBy(async () => audited(5_000));
    const handle = await sweep();
    assert.equal((await handle.result()).disagreements, 5_000);
    const { disagreements, first } = await announced(handle.workflowId);
    assert.deepEqual([disagreements, first.length], [5_000, 50]);
  });

  it('audits again where the audit could not be done', async () => {
    let tries = 0;
    service.auditBy(async () => {
      tries += 1;
      if (tries === 1) throw new Error('the payment provider is down');
      return audited(0);
    });
    const handle = await sweep();
    await eventually(() => tries === 1);
    await advance(handle, 60);
    assert.equal((await handle.result()).disagreements, 0);
    assert.equal(tries, 2);
  });

  it('shows that a long audit is at work, and ends it when it is cancelled', async function () {
    this.timeout(180_000);
    const { promise: ended, resolve } = Promise.withResolvers<string>();
    service.auditBy(
      (signal) =>
        new Promise((_, reject) => {
          signal.addEventListener('abort', () => {
            resolve('aborted');
            reject(new Error('given up'));
          });
        }),
    );
    const handle = await sweep();
    await eventually(
      async () => {
        const { pendingActivities } = (await handle.describe()).raw;
        return pendingActivities?.[0]?.lastHeartbeatTime;
      },
      { within: 20_000 },
    );
    await handle.cancel();
    await assert.rejects(handle.result(), ({ cause }: WorkflowFailedError) => {
      assert.ok(cause instanceof CancelledFailure);
      return true;
    });
    assert.equal(await ended, 'aborted');
    await recordHistory(handle, 'sweep-cancelled');
  });
});
