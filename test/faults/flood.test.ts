import assert from 'node:assert/strict';
import { join } from 'node:path';
import { rawEvent, startBridgeStage, type BridgeStage } from '../support/bridge.ts';
import type { Flood, floodWorkflow } from '../support/floodWorkflow.ts';
import { eventually, temporalAddress, uniqueId } from '../support/servers.ts';

const EVENTS = 20_000;
/** The emulator slows down past this. */
const MOST_WAITING = 2_000;

describe('a flood of events for one workflow (FAULTS 25, 26)', function () {
  this.timeout(300_000);
  let stage: BridgeStage;

  before(async () => {
    stage = await startBridgeStage(
      temporalAddress(),
      join(import.meta.dirname, '../support/floodWorkflow.ts'),
    );
  });
  after(() => stage.stop());

  it('is applied once each, over many runs of the workflow', async () => {
    const queue = await stage.createQueue();
    const id = uniqueId('flood');
    const handle = await stage.client.workflow.start<typeof floodWorkflow>('floodWorkflow', {
      workflowId: id,
      taskQueue: stage.taskQueue,
      args: [{ expected: EVENTS, applied: [], runs: 1 }],
    });
    const bridges = [stage.startBridge([queue]), stage.startBridge([queue])];
    for (let first = 0; first < EVENTS; first += 500) {
      await eventually(async () => (await stage.depth(queue)).waiting < MOST_WAITING, {
        within: 60_000,
      });
      const numbers = Array.from({ length: 500 }, (_, index) => first + index);
      // A twentieth of them is sent twice.
      const repeated = [...numbers, ...numbers.filter((number) => number % 20 === 0)];
      await stage.sendAll(
        queue,
        repeated.map((number) => rawEvent('Event', id, `e-${number}`, { note: String(number) })),
      );
    }
    await stage.untilEmpty(queue, 120_000);
    const { applied, runs }: Flood = await handle.result();
    assert.equal(applied.length, EVENTS);
    assert.deepEqual(new Set(applied), new Set([1]));
    assert.ok(runs >= 3, `${runs} runs`);
    await Promise.all(bridges.map((bridge) => bridge.stop()));
    await stage.parked(queue, 0);
  });
});
