import assert from 'node:assert/strict';
import { join } from 'node:path';
import { WorkflowFailedError } from '@temporalio/client';
import { CancelledFailure } from '@temporalio/common';
import { inboxQuery, inboxSignal, type InboxContent } from '../../src/contracts/inbox.ts';
import { startBridgeStage, type BridgeStage } from '../support/bridge.ts';
import { eventually, temporalAddress, uniqueId } from '../support/servers.ts';

describe('an inbox whose events take their time', () => {
  let stage: BridgeStage;

  before(async function () {
    this.timeout(180_000);
    stage = await startBridgeStage(
      temporalAddress(),
      join(import.meta.dirname, '../support/asyncInboxWorkflow.ts'),
    );
  });
  after(() => stage.stop());

  async function begin() {
    const handle = await stage.client.workflow.start('asyncInboxWorkflow', {
      workflowId: uniqueId('inbox'),
      taskQueue: stage.taskQueue,
    });
    let last = 0;
    return {
      handle,
      send: async (...types: readonly string[]) => {
        const events = types.map((type) => ({ id: `e-${(last += 1)}`, type, data: null }));
        await handle.signal(inboxSignal, events);
      },
    };
  }

  it('applies them one after another, and refuses what throws or runs out of its own time', async () => {
    const { handle, send } = await begin();
    await send('Plain', 'Throw', 'ThrowOddly', 'TimeOut', 'Plain', 'End');
    const { records, pending } = (await handle.result()) as InboxContent;
    assert.deepEqual(
      records.map(({ type, outcome, reason }) => [type, outcome, reason?.split(':')[0]]),
      [
        ['Plain', 'applied', undefined],
        ['Throw', 'refused', 'handler-failed'],
        ['ThrowOddly', 'refused', 'handler-failed'],
        ['TimeOut', 'refused', 'handler-failed'],
        ['Plain', 'applied', undefined],
        ['End', 'applied', undefined],
      ],
    );
    assert.deepEqual(pending, []);
  });

  it('counts an event as waiting until it is applied, knows it when it comes again, and lets a cancellation through', async () => {
    const { handle, send } = await begin();
    await send('Hang');
    await handle.signal(inboxSignal, [{ id: 'e-1', type: 'Hang', data: null }]);
    const content = await eventually(async () => {
      const found = await handle.query(inboxQuery);
      return found.repeats === 1 && found;
    });
    assert.deepEqual(
      content.pending.map(({ id }) => id),
      ['e-1'],
    );
    await handle.cancel();
    await assert.rejects(
      handle.result(),
      (error) => error instanceof WorkflowFailedError && error.cause instanceof CancelledFailure,
    );
    const { pending } = await handle.query(inboxQuery);
    assert.deepEqual(
      pending.map(({ id }) => id),
      ['e-1'],
    );
  });
});
