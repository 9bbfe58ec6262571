import assert from 'node:assert/strict';
import { appendFile, mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SQSClient } from '@aws-sdk/client-sqs';
import { discard } from '../../src/console/discard.ts';
import { countMessages } from '../../src/console/queues.ts';
import { awsAccount } from '../support/servers.ts';
import { bodiesOf, createQueue, drain, fill } from './deadLetters.ts';

describe('a discard', () => {
  let sqs: SQSClient;
  let folder: string;
  before(async () => {
    sqs = new SQSClient(awsAccount());
    folder = await mkdtemp(join(tmpdir(), 'waybill-discard-'));
  });
  after(async () => {
    sqs.destroy();
    await rm(folder, { recursive: true });
  });

  it('saves each message before it is deleted, and leaves what is not meant', async () => {
    const queue = await createQueue(sqs, { fifo: true });
    const note = { code: 'malformed', reason: 'r', eventId: 's:1' } as const;
    const binary = { DataType: 'Binary', BinaryValue: new Uint8Array([0, 255]) };
    await fill(sqs, queue.deadLetterUrl, [
      { body: '{"ü":"\\n"}', note, group: 'a', attributes: { binary } },
      { body: 'other', group: 'b' },
    ]);
    const saveTo = join(folder, 'saved.jsonl');
    const isMeant = ({ code }: { readonly code: string }) => code === 'malformed';
    const swept = await discard({ sqs, queue, isMeant, saveTo });
    assert.deepEqual(swept, { done: 1, failed: [], others: 1, back: 0, unseen: 0 });
    assert.deepEqual(bodiesOf(await drain(sqs, queue.deadLetterUrl)), ['other']);
    assert.equal(await countMessages(sqs, queue.url), 0);
    const { messageId, ...saved } = JSON.parse(await readFile(saveTo, 'utf8')) as Record<
      string,
      unknown
    >;
    assert.match(String(messageId), /^[\da-f-]{36}$/);
    assert.deepEqual(saved, {
      queue: queue.name,
      group: 'a',
      code: 'malformed',
      body: '{"ü":"\\n"}',
      attributes: {
        binary: { DataType: 'Binary', BinaryValue: 'AP8=' },
        waybill: { DataType: 'String', StringValue: JSON.stringify(note) },
      },
      note,
    });
    assert.equal((await stat(saveTo)).mode & 0o077, 0);
  });

  it('goes on behind a line that a kill cut short', async () => {
    const queue = await createQueue(sqs);
    const saveTo = join(folder, 'cut.jsonl');
    await appendFile(saveTo, '{"body":"whole"}\n{"body":"cu');
    await fill(sqs, queue.deadLetterUrl, [{ body: 'one' }, { body: 'two' }]);
    assert.equal((await discard({ sqs, queue, isMeant: () => true, saveTo })).done, 2);
    const lines = (await readFile(saveTo, 'utf8')).trimEnd().split('\n');
    assert.equal(lines.length, 4);
    assert.deepEqual(
      lines
        .slice(2)
        .map((line) => (JSON.parse(line) as { body: string }).body)
        .toSorted(),
      ['one', 'two'],
    );
  });

  it('deletes nothing where it cannot save', async () => {
    const queue = await createQueue(sqs);
    await fill(sqs, queue.deadLetterUrl, [{ body: 'one' }]);
    const all = { sqs, queue, isMeant: () => true };
    await assert.rejects(discard({ ...all, saveTo: folder }), { code: 'EISDIR' });
    // A device that is always full.
    await assert.rejects(discard({ ...all, saveTo: '/dev/full' }), { code: 'ENOSPC' });
    assert.deepEqual(bodiesOf(await drain(sqs, queue.deadLetterUrl)), ['one']);
  });
});
