import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { SQSClient } from '@aws-sdk/client-sqs';
import type { Queue } from '../../src/bridges/queue.ts';
import { countMessages } from '../../src/console/queues.ts';
import { bodiesOf, createQueue, drain, event, fill } from '../console/deadLetters.ts';
import { rawEvent, startBridgeStage, type BridgeStage } from '../support/bridge.ts';
import { eventually, temporalAddress, uniqueId, environmentOf } from '../support/servers.ts';

const PROJECT = join(import.meta.dirname, '../..');
const KILLS = 2;

describe('a redrive that is killed half-way (FAULTS 13)', function () {
  this.timeout(300_000);
  let stage: BridgeStage;
  let sqs: SQSClient;
  let childEnv: Record<string, string>;

  before(async () => {
    stage = await startBridgeStage(temporalAddress());
    const { account } = stage;
    sqs = stage.sqs;
    childEnv = {
      PATH: process.env['PATH'] ?? '',
      ...environmentOf(account),
    };
  });
  after(() => stage.stop());

  function start(queue: Queue, rate: number) {
    const args = ['parked', 'redrive', '--all', '--rate', String(rate), '--queue', queue.url];
    const child = spawn(
      process.execPath,
      ['src/cli/main.ts', ...args, '--json', '--routes', 'test/cli/toolRoutes.ts'],
      { cwd: PROJECT, env: childEnv, stdio: ['ignore', 'pipe', 'pipe'] },
    );
    const printed: string[] = [];
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => printed.push(chunk.toString()));
    }
    return { child, closed: once(child, 'close'), printed: () => printed.join('') };
  }

  /** Starts it, kills it each time that so much less is parked, and lets the last one end. */
  async function redriveKilled(queue: Queue, rate: number, count: number): Promise<void> {
    for (let kill = 1; kill <= KILLS; kill += 1) {
      const { child, closed, printed } = start(queue, rate);
      const until = count * (1 - kill / (KILLS + 1));
      await eventually(async () => (await countMessages(sqs, queue.deadLetterUrl)) < until, {
        within: 60_000,
        every: 5,
      });
      assert.equal(child.exitCode, null, `it was over before it was killed: ${printed()}`);
      child.kill('SIGKILL');
      await closed;
    }
    const left = await countMessages(sqs, queue.deadLetterUrl);
    assert.ok(left > count / 10, `only ${left} are left to the last run`);
    const { closed, printed } = start(queue, rate);
    const [code] = (await closed) as [number];
    assert.equal(code, 0, printed());
    assert.equal(await countMessages(sqs, queue.deadLetterUrl), 0);
  }

  it('ends with each of 3,000 messages applied once', async () => {
    const queue = await createQueue(sqs);
    const orders = Array.from({ length: 30 }, () => uniqueId('order'));
    const events = Array.from({ length: 3_000 }, (_, index) => ({
      id: `e-${index}`,
      order: orders[index % orders.length] as string,
    }));
    await stage.begin(...orders);
    await fill(
      sqs,
      queue.deadLetterUrl,
      events.map(({ id, order }) => ({
        body: JSON.stringify(rawEvent('Event', order, id)),
        note: { code: 'early' },
      })),
    );
    const bridge = stage.startBridge([queue]);
    await redriveKilled(queue, 300, events.length);
    await stage.untilEmpty(queue, 60_000);
    for (const [order, some] of Map.groupBy(events, (each) => each.order)) {
      await eventually(async () => {
        const { records } = await stage.inbox(order);
        assert.deepEqual(
          records.map(({ id, outcome }) => `${id} ${outcome}`).toSorted(),
          some.map(({ id }) => `test:${id} applied`).toSorted(),
        );
        return true;
      });
    }
    assert.equal(await countMessages(sqs, queue.deadLetterUrl), 0);
    await bridge.stop();
  });

  it('keeps the order of each group of a FIFO queue', async () => {
    const queue = await createQueue(sqs, { fifo: true });
    const messages = Array.from({ length: 600 }, (_, index) => ({
      id: `e${index}`,
      group: `group ${index % 7}`,
    }));
    await fill(
      sqs,
      queue.deadLetterUrl,
      messages.map(({ id, group }) => ({ body: event('Event', group, id), group })),
    );
    await redriveKilled(queue, 200, messages.length);
    const arrived = await drain(sqs, queue.url);
    for (const [group, some] of Map.groupBy(messages, (message) => message.group)) {
      const ofGroup = arrived.filter(({ Attributes }) => Attributes?.MessageGroupId === group);
      assert.deepEqual(
        bodiesOf(ofGroup).map(eventIdOf),
        some.map(({ id }) => id),
      );
    }
  });
});

function eventIdOf(body: string): string {
  return (JSON.parse(body) as { readonly eventId: string }).eventId;
}
