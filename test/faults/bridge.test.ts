import assert from 'node:assert/strict';
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { GetQueueAttributesCommand } from '@aws-sdk/client-sqs';
import { rawEvent, startBridgeStage, type BridgeStage, type TestQueue } from '../support/bridge.ts';
import type { BridgeProcessMessage, BridgeProcessOptions } from '../support/bridgeProcess.ts';
import { startOwnTemporal, type OwnTemporal } from '../support/ownTemporal.ts';
import { eventually, temporalAddress, uniqueId } from '../support/servers.ts';

const PROJECT = join(import.meta.dirname, '../..');
/** How long a message that was in a killed bridge's hands stays hidden, and some more, in milliseconds. */
const COMES_AGAIN = 45_000;

describe('a bridge in a process of its own', function () {
  this.timeout(180_000);
  let stage: BridgeStage;
  let address: string;
  const children = new Set<ChildProcess>();

  before(async () => {
    address = temporalAddress();
    stage = await startBridgeStage(address);
  });
  after(() => stage.stop());
  afterEach(() => children.forEach((child) => child.kill('SIGKILL')));

  function startBridge(
    queue: TestQueue,
    own: Partial<BridgeProcessOptions> = {},
    of: Pick<BridgeStage, 'account' | 'taskQueue'> = stage,
  ) {
    const options: BridgeProcessOptions = {
      temporal: address,
      aws: of.account,
      queueUrls: [queue.url],
      taskQueue: of.taskQueue,
      graceSeconds: 5,
      ...own,
    };
    const child = fork(join(PROJECT, 'test/support/bridgeProcess.ts'), [JSON.stringify(options)]);
    children.add(child);
    child.once('exit', () => children.delete(child));
    const told: BridgeProcessMessage[] = [];
    child.on('message', (message: BridgeProcessMessage) => told.push(message));
    return {
      child,
      has: (what: BridgeProcessMessage['told']) => told.some((message) => message.told === what),
      settled: () => told.flatMap((message) => (message.told === 'settled' ? [message] : [])),
      mostReceives: () =>
        Math.max(0, ...told.map((message) => (message.told === 'receives' ? message.most : 0))),
      async kill() {
        child.kill('SIGKILL');
        await once(child, 'exit');
      },
    };
  }

  it('killed between delivery and delete, leaves one workflow and each event applied once (FAULTS 1)', async () => {
    const queue = await stage.createQueue();
    const [started, running] = [uniqueId('order'), uniqueId('order')];
    await stage.begin(running);
    await stage.send(queue, rawEvent('Begin', started, 'e-1'));
    await stage.send(queue, rawEvent('Event', running, 'e-2'));
    const first = startBridge(queue, { holdDeletes: true });
    await eventually(() => first.has('deleting') && first.settled().length === 2, {
      within: 20_000,
    });
    await first.kill();
    const { runId } = await stage.client.workflow.getHandle(started).describe();
    const second = startBridge(queue);
    await stage.untilEmpty(queue, COMES_AGAIN);
    assert.deepEqual(
      second
        .settled()
        .map(({ outcome, eventId }) => `${eventId} ${outcome}`)
        .toSorted(),
      ['test:e-1 duplicate', 'test:e-2 delivered'],
    );
    assert.equal((await stage.client.workflow.getHandle(started).describe()).runId, runId);
    await stage.untilApplied(running, ['e-2']);
    await stage.parked(queue, 0);
    await second.kill();
  });

  it('killed again and again under load, loses nothing and does nothing twice', async () => {
    const queue = await stage.createQueue();
    const targets = Array.from({ length: 10 }, () => uniqueId('order'));
    await stage.begin(...targets);
    const events = Array.from({ length: 300 }, (_, index) =>
      rawEvent('Event', targets[index % 10] as string, `e-${index}`),
    );
    const starts = Array.from({ length: 300 }, () => uniqueId('order'));
    await stage.sendAll(
      queue,
      events.flatMap((event, index) => [
        event,
        rawEvent('Begin', starts[index] as string, `s-${index}`),
      ]),
    );
    for (let kill = 0; kill < 3; kill += 1) {
      const victim = startBridge(queue);
      await eventually(() => victim.settled().length >= 50, { within: 20_000, every: 1 });
      await victim.kill();
    }
    const last = startBridge(queue);
    await stage.untilEmpty(queue, 2 * COMES_AGAIN);
    for (const [index, target] of targets.entries()) {
      const { records } = await stage.inbox(target);
      const expected = Array.from({ length: 30 }, (_, each) => `test:e-${each * 10 + index}`);
      assert.deepEqual(records.map(({ id }) => id).toSorted(), expected.toSorted());
      assert.ok(records.every(({ outcome }) => outcome === 'applied'));
    }
    for (const id of starts) await stage.client.workflow.getHandle(id).describe();
    await stage.parked(queue, 0);
    await last.kill();
  });

  it('stopped until its messages are somebody else’s, settles none of them (FAULTS 9)', async () => {
    const queue = await stage.createQueue();
    const [ended, malformed] = [uniqueId('order'), uniqueId('order')];
    await stage.begin(ended);
    await stage.send(queue, rawEvent('Strict', ended, 'e-1'));
    await stage.send(queue, rawEvent('Event', malformed, 'e-2', { version: 5 }));
    const frozen = startBridge(queue, { holdEvents: true });
    await eventually(() => frozen.has('received'), { within: 20_000 });
    await eventually(async () => (await stage.depth(queue)).inFlight === 2);
    frozen.child.kill('SIGSTOP');
    const other = startBridge(queue);
    await stage.untilEmpty(queue, COMES_AGAIN);
    // What the frozen bridge would do now: park them, the first as late.
    await stage.send(queue, rawEvent('End', ended, 'e-3'));
    await stage.client.workflow.getHandle(ended).result();
    frozen.child.kill('SIGCONT');
    frozen.child.send('admit');
    await eventually(() => frozen.settled().length >= 2, { within: 20_000 });
    assert.deepEqual(
      new Set(frozen.settled().map(({ outcome }) => outcome)),
      new Set(['lease-lost']),
    );
    const [parked] = await stage.parked(queue, 1);
    assert.equal(parked?.note?.['eventId'], 'test:e-2');
    await Promise.all([frozen.kill(), other.kill()]);
  });

  it('ends with code 0 within its grace period when told to under load, at once when told twice (FAULTS 31)', async () => {
    const queue = await stage.createQueue();
    const ids = Array.from({ length: 1_000 }, () => uniqueId('order'));
    await stage.sendAll(
      queue,
      ids.map((id) => rawEvent('Begin', id, id)),
    );
    const first = startBridge(queue, { graceSeconds: 5 });
    await eventually(() => first.settled().length >= 50, { within: 20_000, every: 1 });
    const toldAt = Date.now();
    first.child.kill('SIGTERM');
    const [code] = (await once(first.child, 'exit')) as [number | null];
    assert.equal(code, 0);
    assert.ok(Date.now() - toldAt < 7_000, `${Date.now() - toldAt} ms`);
    const second = startBridge(queue, { graceSeconds: 60, holdDeletes: true });
    await eventually(() => second.has('deleting'), { within: 20_000 });
    second.child.kill('SIGTERM');
    await eventually(() => second.has('stopping'));
    second.child.kill('SIGTERM');
    const ended = await Promise.race([once(second.child, 'exit'), delay(5_000, 'too late')]);
    assert.deepEqual(ended, [1, null]);
    const third = startBridge(queue);
    await stage.untilEmpty(queue, 2 * COMES_AGAIN);
    for (const id of ids) await stage.client.workflow.getHandle(id).describe();
    await stage.parked(queue, 0);
    await third.kill();
  });

  describe('while Temporal is away for a minute', () => {
    let temporal: OwnTemporal;
    let away: BridgeStage;

    before(async () => {
      temporal = await startOwnTemporal();
      ({ address } = temporal);
      away = await startBridgeStage(address);
    });
    after(async () => {
      await away.stop();
      await temporal.stop();
      address = temporalAddress();
    });

    it('parks none of 1,000 messages, receives none more than once again, and drains when it is back (FAULTS 2)', async () => {
      const queue = await away.createQueue();
      // Nobody runs the workflows: they are what would take time.
      const bridge = startBridge(queue, { taskQueue: uniqueId('nobody') }, away);
      await eventually(() => bridge.has('ready'), { within: 20_000 });
      await temporal.server.kill();
      const ids = Array.from({ length: 1_000 }, () => uniqueId('order'));
      await away.sendAll(
        queue,
        ids.map((id) => rawEvent('Begin', id, id)),
      );
      await delay(60_000);
      assert.deepEqual(bridge.settled(), []);
      await temporal.server.start();
      await away.untilEmpty(queue, 120_000);
      assert.ok(bridge.mostReceives() <= 2, `${bridge.mostReceives()} receives`);
      for (const id of ids) await away.client.workflow.getHandle(id).describe();
      const { Attributes } = await away.sqs.send(
        new GetQueueAttributesCommand({
          QueueUrl: queue.deadLetterUrl,
          AttributeNames: ['ApproximateNumberOfMessages'],
        }),
      );
      assert.equal(Attributes?.ApproximateNumberOfMessages, '0');
      await bridge.kill();
    });
  });
});
