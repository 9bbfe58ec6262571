import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { operationsRoutes } from '../../src/bridges/operationsRoutes.ts';
import { sweepWorkflow, sweepWorkflowId } from '../../src/contracts/sweep.ts';
import { startBridgeStage, type BridgeStage } from '../support/bridge.ts';
import { startOperationsService, type OperationsService } from '../support/operationsService.ts';
import { eventually, temporalAddress } from '../support/servers.ts';

/** What a scheduled rule of EventBridge sends. */
function scheduledEvent(id = randomUUID()) {
  return {
    version: '0',
    id,
    'detail-type': 'Scheduled Event',
    source: 'aws.events',
    account: '123456789012',
    time: '2026-11-21T02:00:00Z',
    region: 'eu-central-1',
    resources: ['arn:aws:events:eu-central-1:123456789012:rule/nightly-sweep'],
    detail: {},
  };
}

describe("the routes of the service's own running", () => {
  let service: OperationsService;
  let stage: BridgeStage;

  before(async function () {
    this.timeout(180_000);
    service = await startOperationsService();
    stage = await startBridgeStage(temporalAddress());
  });
  after(async () => {
    await stage.stop();
    await service.stop();
  });

  it('start a sweep for a scheduled event, and none for its redelivery (FAULTS 3, 4)', async () => {
    const queue = await stage.createQueue();
    const bridge = stage.startBridge([queue], { routes: operationsRoutes() });
    const event = scheduledEvent();
    const workflowId = sweepWorkflowId(`aws.events:${event.id}`);
    await stage.send(queue, event);
    const handle = stage.client.workflow.getHandle(workflowId);
    await eventually(() => handle.describe());
    await stage.send(queue, event);
    assert.deepEqual(await handle.result(), {
      orders: { closed: 2, cancelled: 1 },
      parked: 1,
      disagreements: 0,
    });
    await stage.send(queue, event);
    await stage.untilEmpty(queue);
    assert.deepEqual(bridge.outcomes(), ['delivered', 'duplicate', 'duplicate']);
    const { type, memo } = await handle.describe();
    assert.deepEqual(
      [type, memo?.['eventId']],
      [sweepWorkflow.workflowType, `aws.events:${event.id}`],
    );
    assert.equal((await service.received('bus', workflowId)).length, 1);
    await bridge.stop();
  });

  it('start another for the next night', async () => {
    const queue = await stage.createQueue();
    const bridge = stage.startBridge([queue], { routes: operationsRoutes() });
    const events = [scheduledEvent(), scheduledEvent()];
    await stage.sendAll(queue, events);
    for (const { id } of events) {
      const handle = stage.client.workflow.getHandle(sweepWorkflowId(`aws.events:${id}`));
      await eventually(() => handle.describe());
      await handle.result();
    }
    await bridge.stop();
  });
});
