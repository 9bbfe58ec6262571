import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { SQSClient } from '@aws-sdk/client-sqs';
import type { Queue } from '../../src/bridges/queue.ts';
import { countMessages } from '../../src/console/queues.ts';
import { bodiesOf, createQueue, drain, event, fill } from '../console/deadLetters.ts';
import { awsAccount, eventually, temporalAddress } from '../support/servers.ts';

const PROJECT = join(import.meta.dirname, '../..');
const KILLS = 2;

/** Holds every event to have arrived, once or more, and nothing else. */
function assertNoneLost(parked: readonly string[], seen: readonly string[]): void {
  const arrived = new Set(seen);
  const lost = parked.filter((id) => !arrived.has(id));
  assert.deepEqual(lost, [], `${lost.length} of ${parked.length} events are lost`);
  assert.equal(arrived.size, parked.length);
}

describe('a redrive that is killed half-way', function () {
  this.timeout(300_000);
  let sqs: SQSClient;
  let childEnv: Record<string, string>;

  before(() => {
    const account = awsAccount();
    sqs = new SQSClient(account);
    childEnv = {
      PATH: process.env['PATH'] ?? '',
      AWS_CONFIG_FILE: '/dev/null',
      AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
      TEMPORAL_CONFIG_FILE: join(PROJECT, 'dev/temporal.toml'),
      TEMPORAL_ADDRESS: temporalAddress(),
      AWS_ENDPOINT_URL: account.endpoint,
      AWS_REGION: account.region,
      AWS_ACCESS_KEY_ID: account.credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: account.credentials.secretAccessKey,
    };
  });
  after(() => sqs.destroy());

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

  it('loses none of 3,000 messages, and goes on where it was', async () => {
    const queue = await createQueue(sqs);
    const ids = Array.from({ length: 3_000 }, (_, index) => `e${index}`);
    await fill(
      sqs,
      queue.deadLetterUrl,
      ids.map((id) => ({ body: event('Event', `order:${id}`, id), note: { code: 'early' } })),
    );
    await redriveKilled(queue, 300, ids.length);
    const arrived = bodiesOf(await drain(sqs, queue.url));
    assertNoneLost(ids, arrived.map(eventIdOf));
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
