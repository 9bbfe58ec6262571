import assert from 'node:assert/strict';
import {
  ChangeMessageVisibilityBatchCommand,
  DeleteMessageBatchCommand,
  ReceiveMessageCommand,
  type ChangeMessageVisibilityBatchCommandInput,
  type ChangeMessageVisibilityBatchCommandOutput,
  type DeleteMessageBatchCommandOutput,
  type Message,
  type ReceiveMessageCommandOutput,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import { rawEvent, startBridgeStage, type BridgeStage } from '../support/bridge.ts';
import { eventually, temporalAddress, uniqueId } from '../support/servers.ts';

/** What a call to SQS does instead; `call` makes it. */
type Fault = (input: object, call: (input: object) => Promise<object>) => Promise<object>;

/** Puts a fault into every call of that name which a client makes. */
function disturb(sqs: SQSClient, commandName: string, fault: Fault): void {
  sqs.middlewareStack.add(
    (next, context) => async (args) => {
      if (context['commandName'] !== commandName) return await next(args);
      const output = await fault(args.input, async (input) => {
        const answer = await next({ ...args, input: input as typeof args.input });
        return answer.output as object;
      });
      return { output: { $metadata: {}, ...output }, response: undefined } as never;
    },
    { step: 'initialize' },
  );
}

describe('the bridge, when it stops (FAULTS 31)', () => {
  let stage: BridgeStage;

  before(async function () {
    this.timeout(180_000);
    stage = await startBridgeStage(temporalAddress());
  });
  after(() => stage.stop());

  /** A client that keeps what it received, and the receipt handles of what it made visible again. */
  function watchedSqs() {
    const sqs = stage.createSqs();
    const received: Message[] = [];
    disturb(sqs, ReceiveMessageCommand.name, async (input, call) => {
      const output = (await call(input)) as ReceiveMessageCommandOutput;
      received.push(...(output.Messages ?? []));
      return output;
    });
    const released = new Set<string | undefined>();
    disturb(sqs, ChangeMessageVisibilityBatchCommand.name, async (input, call) => {
      const { Failed = [] } = (await call(input)) as ChangeMessageVisibilityBatchCommandOutput;
      assert.deepEqual(Failed, []);
      const { Entries = [] } = input as ChangeMessageVisibilityBatchCommandInput;
      for (const { ReceiptHandle, VisibilityTimeout } of Entries) {
        assert.equal(VisibilityTimeout, 0);
        released.add(ReceiptHandle);
      }
      return {};
    });
    return { sqs, received, released };
  }

  for (const [what, graceSeconds] of [
    ['waits for what is in hand', 5],
    ['gives back at the end of its grace period what is not delivered', 0],
  ] as const) {
    it(`${what}, so that under load every message is settled`, async () => {
      const standard = await stage.createQueue();
      const fifo = await stage.createQueue({ fifo: true });
      const target = uniqueId('order');
      await stage.begin(target);
      const ids = Array.from({ length: 300 }, () => uniqueId('order'));
      await stage.sendAll(
        standard,
        ids.map((id) => rawEvent('Begin', id, id)),
      );
      const events = Array.from({ length: 30 }, (_, index) => `e-${index}`);
      for (const eventId of events) {
        await stage.send(fifo, rawEvent('Event', target, eventId), { MessageGroupId: 'g' });
      }
      const { sqs, received, released } = watchedSqs();
      const bridge = stage.startBridge([standard, fifo], { sqs, graceSeconds });
      await eventually(() => bridge.outcomes().length >= 40, { every: 1 });
      const started = Date.now();
      await bridge.stop();
      assert.ok(Date.now() - started < 9_000, `${Date.now() - started} ms`);

      // An aborted long poll takes messages for nobody, so the queues themselves cannot be asked.
      const delivered = new Set<unknown>();
      for (const { outcome, messageId } of bridge.lines('settled')) {
        if (outcome === 'delivered') delivered.add(messageId);
        else assert.equal(outcome, 'released');
      }
      for (const { MessageId, ReceiptHandle } of received) {
        assert.notEqual(delivered.has(MessageId), released.has(ReceiptHandle));
      }
      const depths = [await stage.depth(standard), await stage.depth(fifo)];
      const left = depths.reduce((total, { waiting, inFlight }) => total + waiting + inFlight, 0);
      assert.equal(left, 330 - delivered.size);
      assert.ok(delivered.size >= 40 && delivered.size < 330);
      if (graceSeconds === 0) assert.ok(bridge.outcomes().includes('released stopping'));
      else assert.equal(delivered.size, received.length);
      const { records } = await stage.inbox(target);
      assert.deepEqual(
        records.map(({ id }) => id),
        events.slice(0, records.length).map((id) => `test:${id}`),
      );
      sqs.destroy();
    });
  }

  it('settles what a receive returns while it stops', async () => {
    const queue = await stage.createQueue();
    const ids = Array.from({ length: 5 }, () => uniqueId('order'));
    await stage.sendAll(
      queue,
      ids.map((id) => rawEvent('Begin', id, id)),
    );
    const sqs = stage.createSqs();
    let stopped: Promise<void> | undefined;
    disturb(sqs, ReceiveMessageCommand.name, async (input, call) => {
      const output = (await call(input)) as ReceiveMessageCommandOutput;
      if (output.Messages) stopped ??= bridge.stop();
      return output;
    });
    const bridge = stage.startBridge([queue], { sqs });
    await eventually(() => stopped !== undefined);
    await stopped;
    assert.deepEqual(await stage.depth(queue), { waiting: 0, inFlight: 0 });
    assert.equal(bridge.outcomes().length, 5);
    sqs.destroy();
  });
});

describe('the bridge, when SQS refuses (FAULTS 16)', () => {
  let stage: BridgeStage;

  before(async function () {
    this.timeout(180_000);
    stage = await startBridgeStage(temporalAddress());
  });
  after(() => stage.stop());

  it('deletes again only what was not deleted', async () => {
    const queue = await stage.createQueue();
    const id = uniqueId('order');
    await stage.begin(id);
    const events = Array.from({ length: 10 }, (_, index) => `e-${index}`);
    await stage.sendAll(
      queue,
      events.map((eventId) => rawEvent('Event', id, eventId)),
    );
    const sqs = stage.createSqs();
    const asked: number[] = [];
    disturb(sqs, DeleteMessageBatchCommand.name, async (input, call) => {
      const { Entries } = input as { Entries: { Id: string }[] };
      asked.push(Entries.length);
      const total = asked.reduce((sum, each) => sum + each);
      if (total > 10) return await call(input);
      // Of each of the first batches, the first entry fails.
      const [first, ...others] = Entries;
      const output =
        others.length > 0
          ? ((await call({ ...input, Entries: others })) as DeleteMessageBatchCommandOutput)
          : {};
      return { ...output, Failed: [{ Id: first?.Id, Code: 'InternalError', SenderFault: false }] };
    });
    const bridge = stage.startBridge([queue], { sqs });
    await stage.untilEmpty(queue);
    const firsts = asked.findIndex((_, index) => sum(asked.slice(0, index + 1)) >= 10) + 1;
    assert.equal(sum(asked), 10 + firsts);
    assert.equal(bridge.lines('not deleted').length, 0);
    assert.deepEqual(
      bridge.outcomes(),
      events.map(() => 'delivered'),
    );
    await bridge.stop();
    sqs.destroy();
  });

  it('delivers once when nothing can be deleted at first', async () => {
    const queue = await stage.createQueue();
    const id = uniqueId('order');
    await stage.begin(id);
    await stage.send(queue, rawEvent('Event', id, 'e-1'));
    const sqs = stage.createSqs();
    let failures = 2;
    disturb(sqs, DeleteMessageBatchCommand.name, async (input, call) => {
      failures -= 1;
      if (failures >= 0) throw new Error('SQS is away');
      return await call(input);
    });
    const bridge = stage.startBridge([queue], { sqs });
    await stage.untilEmpty(queue);
    await stage.untilApplied(id, ['e-1']);
    await bridge.stop();
    assert.deepEqual(bridge.outcomes(), ['delivered']);
    sqs.destroy();
  });

  it('receives again soon after it was throttled, and not at once', async () => {
    const queue = await stage.createQueue();
    const id = uniqueId('order');
    await stage.send(queue, rawEvent('Begin', id, id));
    const sqs = stage.createSqs();
    let calls = 0;
    let isAway = true;
    disturb(sqs, ReceiveMessageCommand.name, async (input, call) => {
      calls += 1;
      if (isAway) {
        throw Object.assign(new Error('slow down'), { name: 'RequestThrottled', $metadata: {} });
      }
      return await call(input);
    });
    const started = Date.now();
    const bridge = stage.startBridge([queue], { sqs });
    await eventually(() => bridge.lines('receive failed').length >= 6);
    assert.ok(calls < 20, `${calls} receives`);
    assert.ok(Date.now() - started > 200);
    isAway = false;
    await stage.untilEmpty(queue);
    assert.ok(Date.now() - started < 8_000, `${Date.now() - started} ms`);
    await bridge.stop();
    sqs.destroy();
  });

  it('stops at once while it waits to receive again', async () => {
    const queue = await stage.createQueue();
    const sqs = stage.createSqs();
    disturb(sqs, ReceiveMessageCommand.name, () => Promise.reject(new Error('SQS is away')));
    const bridge = stage.startBridge([queue], { sqs });
    await eventually(() => bridge.lines('receive failed').length >= 2);
    const started = Date.now();
    await bridge.stop();
    assert.ok(Date.now() - started < 150, `${Date.now() - started} ms`);
    sqs.destroy();
  });
});

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
