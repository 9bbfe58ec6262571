import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SQSClient } from '@aws-sdk/client-sqs';
import { Client, Connection } from '@temporalio/client';
import { describeQueue } from '../../src/bridges/queue.ts';
import type { Explained } from '../../src/console/explain.ts';
import type { Finding } from '../../src/console/finding.ts';
import { countMessages, readDepth } from '../../src/console/queues.ts';
import { bodiesOf, createQueue, drain, event, fill } from '../console/deadLetters.ts';
import { awsAccount, temporalAddress, uniqueId, environmentOf } from '../support/servers.ts';
import { waybill, type Environment, type Ran } from './waybill.ts';

const ROUTES = ['--routes', 'test/cli/toolRoutes.ts'];

describe('a tool', function () {
  this.timeout(180_000);
  let sqs: SQSClient;
  let env: Environment;
  let client: Client;
  let folder: string;

  before(async () => {
    const account = awsAccount();
    sqs = new SQSClient(account);
    env = {
      ...environmentOf(account),
    };
    client = new Client({ connection: await Connection.connect({ address: temporalAddress() }) });
    folder = await mkdtemp(join(tmpdir(), 'waybill-tools-'));
  });
  after(async () => {
    sqs.destroy();
    await client.connection.close();
    await rm(folder, { recursive: true });
  });

  const run = (args: readonly string[], own: Environment = {}) => waybill(args, { ...env, ...own });

  /** Holds a command to have ended with this code, and answers what it printed. */
  function printed({ code, stdout, stderr }: Ran, expected: number): string {
    assert.equal(code, expected, `${stdout}\n${stderr}`);
    return stdout;
  }

  /** A workflow that runs, as nobody works on it. */
  async function begin(): Promise<string> {
    const workflowId = uniqueId('order');
    await client.workflow.start('toolsWorkflow', { workflowId, taskQueue: 'tools' });
    return workflowId;
  }

  /** A workflow that is closed. */
  async function end(): Promise<string> {
    const workflowId = await begin();
    await client.workflow.getHandle(workflowId).terminate();
    return workflowId;
  }

  describe('that explains', () => {
    it('says what would become of a file of events, and asks nobody when it is offline', async () => {
      const file = join(folder, 'event.json');
      await writeFile(file, event('Event', 'order:1', 'e1'));
      const nobody = { TEMPORAL_ADDRESS: '127.0.0.1:1' };
      const answer = await run(['explain', file, '--offline', ...ROUTES], nobody);
      assert.deepEqual(printed(answer, 0).split('\n'), [
        `${file}: would signal order:1`,
        '  event      test:e1 (test Event)',
        '  workflow   order:1',
        '  operation  signal waybill.events',
        '  payload    [[{"id":"test:e1","type":"Event","data":{"id":"order:1"}}]]',
        '',
      ]);
      const asked = await run(['explain', file, ...ROUTES], nobody);
      assert.match(asked.stderr, /^waybill: Temporal cannot be reached/);
      assert.equal(asked.code, 2);
    });

    it('reads folders, lines and arrays, and exits 1 where one would be parked', async () => {
      const events = await mkdtemp(join(folder, 'events-'));
      const [running, closed] = await Promise.all([begin(), end()]);
      const line = event('Event', running, 'e1');
      await writeFile(join(events, 'a.json'), `[${line},\n${event('Event', closed, 'e2')}]`);
      await writeFile(
        join(events, 'b.jsonl'),
        `${line}\n\n${event('Unheard', 'x', 'e3')}\nnot JSON\n`,
      );
      await writeFile(join(events, 'c.json'), '{"big":12345678901234567890}');
      await writeFile(join(events, 'ignored.txt'), 'text');
      const answer = await run(['explain', events, '--json', ...ROUTES]);
      const explained = JSON.parse(printed(answer, 1)) as readonly Explained[];
      assert.deepEqual(
        explained.map(({ from, index, eventId, state, verdict: { kind, code } }) =>
          [from.slice(events.length + 1), index, eventId, state?.is, kind, code].join(' '),
        ),
        [
          'a.json 0 test:e1 running deliver ',
          'a.json 1 test:e2 closed acknowledge ',
          'b.jsonl:1 0 test:e1 running deliver ',
          'b.jsonl:3 0 test:e3  park unknown-type',
          'b.jsonl:4 0   park malformed',
          'c.json 0   park malformed',
        ],
      );
    });

    it('looks into a queue and leaves it as it was', async () => {
      const queue = await createQueue(sqs);
      await fill(sqs, queue.url, [{ body: event('Begin', uniqueId('new'), 'e1') }]);
      const text = printed(await run(['explain', queue.url, ...ROUTES]), 0);
      assert.match(text, /: would start new-\w+: never existed\n {2}event {6}test:e1 /);
      assert.deepEqual(await readDepth(sqs, queue.url), { waiting: 1, inFlight: 0 });
    });

    it('says what it cannot read', async () => {
      const cases = [
        [['/no/such/file', ...ROUTES], /^waybill: \/no\/such\/file cannot be read: ENOENT/],
        [[folder, '--routes', 'package.json'], /^waybill: package\.json cannot be loaded/],
        [
          [folder, '--routes', 'src/cli/queues.ts'],
          /^waybill: src\/cli\/queues\.ts exports no routes/,
        ],
        [[await mkdtemp(join(folder, 'empty-')), ...ROUTES], /^waybill: there are no events in/],
      ] as const;
      await Promise.all(
        cases.map(async ([args, tried]) => {
          const { code, stderr } = await run(['explain', ...args]);
          assert.equal(code, 2, stderr);
          assert.match(stderr, tried);
        }),
      );
    });

    it("has the order service's routes where no others are named", async () => {
      const file = join(folder, 'order.json');
      await writeFile(file, '{"source":"shop","type":"OrderEaten","data":{}}');
      const text = printed(await run(['explain', file, '--offline']), 1);
      assert.match(text, /would be parked: unknown-type/);
    });
  });

  describe('that checks', () => {
    const checked = async (urls: readonly string[], code: number, own: Environment = {}) =>
      JSON.parse(
        printed(
          await run(['doctor', '--json', ...urls.flatMap((url) => ['--queue', url])], own),
          code,
        ),
      ) as readonly Finding[];
    const failures = (findings: readonly Finding[], level: Finding['level'] = 'failure') =>
      findings.filter((finding) => finding.level === level).map(({ found }) => found);

    /** Registers the search attribute, which the test server does not bring along. */
    before(async () => {
      const { operatorService } = client.connection as Connection;
      await operatorService
        .addSearchAttributes({ namespace: 'default', searchAttributes: { WaybillOrderState: 2 } })
        .catch((error: Error) => assert.match(error.message, /already exists|ALREADY_EXISTS/i));
    });

    it('finds good queues good, of both kinds', async () => {
      const queues = await Promise.all([createQueue(sqs), createQueue(sqs, { fifo: true })]);
      const findings = await checked(
        queues.map(({ url }) => url),
        0,
      );
      assert.deepEqual(failures(findings), []);
      const subjects = findings.map(({ subject }) => subject);
      for (const { name } of queues) assert.ok(subjects.includes(`queue ${name}`), name);
      assert.ok(subjects.includes('Temporal'));
      assert.ok(
        findings.some(({ found }) => /WaybillOrderState is registered as Keyword/.test(found)),
      );
    });

    it('finds what is wrong with bad ones, as the bridge does', async () => {
      const arnOf = 'arn:aws:sqs:us-east-1:000000000000:others';
      const [few, brief, closedOff, full, plain] = await Promise.all([
        createQueue(sqs, { receives: 49 }),
        createQueue(sqs, { deadLetterAttributes: { MessageRetentionPeriod: '3600' } }),
        createQueue(sqs, {
          deadLetterAttributes: {
            RedriveAllowPolicy: JSON.stringify({
              redrivePermission: 'byQueue',
              sourceQueueArns: [arnOf],
            }),
          },
        }),
        createQueue(sqs),
        createQueue(sqs, { attributes: { KmsMasterKeyId: 'alias/orders' } }),
      ]);
      await fill(sqs, full.deadLetterUrl, [{ body: 'one' }]);
      const absent = new URL('nowhere', few.url).href;
      const urls = [few, brief, closedOff, full, plain].map(({ url }) => url);
      const findings = await checked([...urls, absent, few.deadLetterUrl], 1);
      const found = failures(findings);
      assert.equal(found.length, 6, found.join('\n'));
      for (const expected of [
        /^maxReceiveCount is 49: /,
        /keeps messages for 3600 s/,
        /redrive allow policy does not admit/,
        /no customer key/,
        /^it is not there$/,
        /^it has no dead-letter queue$/,
      ]) {
        assert.ok(
          found.some((each) => expected.test(each)),
          String(expected),
        );
      }
      assert.ok(failures(findings, 'warning').includes('it holds 1 messages'));
      await assert.rejects(describeQueue(sqs, few.url), /at least 50, found 49/);
    });

    it('finds that Temporal, or its namespace, is not there', async () => {
      const { url } = await createQueue(sqs);
      const [nobody, nowhere] = await Promise.all([
        checked([url], 1, { TEMPORAL_ADDRESS: '127.0.0.1:1' }),
        checked([url], 1, { TEMPORAL_NAMESPACE: 'nowhere' }),
      ]);
      assert.match(failures(nobody).join(), /^Temporal cannot be reached at 127\.0\.0\.1:1/);
      assert.deepEqual(failures(nowhere), ['it is not there']);
    });

    it('exits 2 where AWS is not there', async () => {
      const { url } = await createQueue(sqs);
      const { code, stderr } = await run(['doctor', '--queue', url.replace(/:\d+\//, ':1/')]);
      assert.equal(code, 2);
      assert.match(stderr, /^waybill: AWS cannot be reached/m);
    });
  });

  describe('for what is parked', () => {
    const note = (code: 'early' | 'malformed', own: object = {}) => ({
      code,
      reason: 'for a reason',
      route: 'test Event',
      firstSeen: '2026-01-01T00:00:00.000Z',
      ...own,
    });

    async function fillQueue() {
      const queue = await createQueue(sqs);
      const [running, closed] = await Promise.all([begin(), end()]);
      await fill(sqs, queue.deadLetterUrl, [
        {
          body: event('Event', running, 'e1'),
          note: note('early', { eventId: 'test:e1', workflowId: running }),
        },
        { body: event('Event', closed, 'e2'), note: note('early', { workflowId: closed }) },
        { body: 'not JSON', note: note('malformed') },
        { body: event('Unheard', 'x', 'e4') },
      ]);
      return { queue, running, closed, of: ['--queue', queue.url] };
    }

    it('lists it by filter, and shows one by its event ID', async () => {
      const { queue, running, of } = await fillQueue();
      const all = printed(await run(['parked', 'list', ...of]), 0);
      assert.match(all, new RegExp(`^${queue.name}: 4 parked\n`));
      assert.match(all, new RegExp(`early  test:e1  test Event -> ${running}  for a reason\n`));
      const byEnvironment = { WAYBILL_QUEUE_URLS: queue.url };
      const some = await run(['parked', 'list', '--code', 'malformed', '--json'], byEnvironment);
      const [only, ...more] = JSON.parse(printed(some, 0)) as { body: string }[];
      assert.equal(only?.body, 'not JSON');
      assert.deepEqual(more, []);
      const young = await run(['parked', 'list', '--older-than', '9999d', ...of]);
      assert.equal(printed(young, 0), `${queue.name}: 0 of 4 parked\n`);
      const shown = printed(await run(['parked', 'show', 'test:e1', ...of]), 0);
      assert.match(
        shown,
        new RegExp(`^queue     ${queue.name}\nmessage   .*\nevent     test:e1\n`),
      );
      assert.ok(shown.endsWith(`${event('Event', running, 'e1')}\n`));
      const none = await run(['parked', 'show', 'test:e9', ...of]);
      assert.equal(none.code, 2);
      assert.match(none.stderr, /no parked message or event has the ID test:e9/);
    });

    it('says what a redrive would do, and does nothing on a dry run', async () => {
      const { queue, running, closed, of } = await fillQueue();
      const command = ['parked', 'redrive', '--all', '--dry-run', ...ROUTES, ...of];
      const lines = printed(await run(command), 0)
        .trimEnd()
        .split('\n');
      assert.equal(lines[0], `${queue.name}: 4 parked messages match`);
      const agoAsText = String.raw`closed \d+ \w+ ago as terminated`;
      for (const expected of [
        new RegExp(`^  1 x would signal ${running}: running$`),
        new RegExp(`^  1 x would signal ${closed}: ${agoAsText}, late policy acknowledges$`),
        /^ {2}1 x would be parked again: malformed: /,
        /^ {2}1 x would be parked again: unknown-type: /,
      ]) {
        assert.ok(
          lines.some((line) => expected.test(line)),
          `${expected}\n${lines.join('\n')}`,
        );
      }
      assert.deepEqual(await readDepth(sqs, queue.deadLetterUrl), { waiting: 4, inFlight: 0 });
      assert.equal(await countMessages(sqs, queue.url), 0);
    });

    it('redrives what is meant', async () => {
      const { queue, closed, running, of } = await fillQueue();
      const answer = await run([
        'parked',
        'redrive',
        '--code',
        'early',
        '--json',
        ...ROUTES,
        ...of,
      ]);
      const [preview, result] = printed(answer, 0)
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as Record<string, object>);
      assert.partialDeepStrictEqual(preview, { preview: { matching: 2, isSample: false } });
      assert.deepEqual(result?.['redriven'], {
        done: 2,
        failed: [],
        others: 2,
        back: 0,
        unseen: 0,
      });
      assert.deepEqual(
        bodiesOf(await drain(sqs, queue.url)).toSorted(),
        [event('Event', running, 'e1'), event('Event', closed, 'e2')].toSorted(),
      );
      assert.equal(await countMessages(sqs, queue.deadLetterUrl), 2);
    });

    it('discards what is meant, into a file', async () => {
      const { queue, of } = await fillQueue();
      const save = join(folder, 'discarded.jsonl');
      const command = ['parked', 'discard', '--code', 'malformed', '--save', save, ...of];
      const dry = printed(await run([...command, '--dry-run']), 0);
      assert.equal(
        dry,
        `${queue.name}: 1 parked messages match\n  1 x malformed would be deleted\n`,
      );
      assert.equal(await countMessages(sqs, queue.deadLetterUrl), 4);
      assert.match(printed(await run(command), 0), /: 1 discarded, 3 others stay parked\n$/);
      assert.equal((JSON.parse(await readFile(save, 'utf8')) as { body: string }).body, 'not JSON');
      assert.equal(await countMessages(sqs, queue.deadLetterUrl), 3);
      const full = await run(['parked', 'discard', '--all', '--save', folder, ...of]);
      assert.equal(full.code, 2);
      assert.match(full.stderr, /cannot be written: EISDIR/);
    });

    it('refuses to act on everything unless it is told to', async () => {
      const { queue, of } = await fillQueue();
      const save = ['--save', join(folder, 'refused.jsonl')];
      const cases = [
        [
          ['redrive', ...ROUTES],
          /redrive acts on everything that is parked only when it is told to/,
        ],
        [['redrive', '--all', '--code', 'early'], /--all and a filter contradict each other/],
        [['discard', ...save], /discard acts on everything that is parked only when it is told to/],
        [['discard', '--all'], /required option '--save <file>' not specified/],
        [['redrive', '--all', '--rate', '0'], /Expected 1 to 10000/],
        [['list', '--older-than', 'soon'], /Expected a duration such as 2d/],
        [['list', '--queue', 'orders'], /Expected the URL of a queue/],
      ] as const;
      await Promise.all(
        cases.map(async ([args, says]) => {
          const { code, stderr } = await run(['parked', ...args, ...of]);
          assert.equal(code, 2, `${args.join(' ')}\n${stderr}`);
          assert.match(stderr, says);
        }),
      );
      assert.equal(await countMessages(sqs, queue.deadLetterUrl), 4);
    });
  });

  it('teaches by examples, and exits 0', async () => {
    for (const command of [
      'explain',
      'doctor',
      'parked',
      'parked list',
      'parked show',
      'parked redrive',
      'parked discard',
    ]) {
      const text = printed(await run([...command.split(' '), '--help']), 0);
      assert.match(text, new RegExp(`\n\nExamples?:\n  \\$ waybill ${command}`), command);
    }
  });
});
