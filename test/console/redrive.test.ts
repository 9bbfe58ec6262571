import assert from 'node:assert/strict';
import { SendMessageBatchCommand, SQSClient, type Message } from '@aws-sdk/client-sqs';
import type { Queue } from '../../src/bridges/queue.ts';
import type { ParkedMessage } from '../../src/console/parked.ts';
import { countMessages } from '../../src/console/queues.ts';
import { bySize, redrive, type RedriveOptions } from '../../src/console/redrive.ts';
import { awsAccount } from '../support/servers.ts';
import { bodiesOf, createQueue, drain, fill } from './deadLetters.ts';

const note = {
  code: 'early',
  reason: 'r',
  messageId: 'first',
  firstSeen: '2026-01-01T00:00:00.000Z',
} as const;

describe('a redrive', () => {
  const account = { value: undefined as ReturnType<typeof awsAccount> | undefined };
  let sqs: SQSClient;
  before(() => {
    account.value = awsAccount();
    sqs = new SQSClient(account.value);
  });
  after(() => sqs.destroy());

  const run = (queue: Queue, own: Partial<RedriveOptions> = {}) =>
    redrive({ sqs, queue, isMeant: () => true, rate: 10_000, ...own });

  /** A client whose batch requests of one kind come back with these entries failed, as often as is said. */
  function failing(
    command: 'SendMessageBatchCommand' | 'DeleteMessageBatchCommand',
    isHit: (entry: { readonly MessageBody?: string }) => boolean,
    { times = Number.POSITIVE_INFINITY, code = 'InvalidMessageContents', senderFault = true } = {},
  ): SQSClient {
    const client = new SQSClient(account.value ?? {});
    let left = times;
    client.middlewareStack.add(
      (next, context) => async (args) => {
        if (context.commandName !== command) return await next(args);
        const input = args.input as { Entries: { Id: string; MessageBody?: string }[] };
        const hit = left > 0 ? input.Entries.filter(isHit) : [];
        if (hit.length === 0) return await next(args);
        left -= 1;
        const Failed = hit.map(({ Id }) => ({ Id, SenderFault: senderFault, Code: code }));
        const rest = input.Entries.filter((entry) => !hit.includes(entry));
        if (rest.length === 0) {
          return { response: {}, output: { $metadata: {}, Successful: [], Failed } } as never;
        }
        const answer = await next({ ...args, input: { ...input, Entries: rest } as never });
        return { ...answer, output: { ...(answer.output as object), Failed } as never };
      },
      { step: 'initialize' },
    );
    return client;
  }

  it('sends each message to its queue as it was, and leaves what is not meant', async () => {
    const queue = await createQueue(sqs);
    const binary = { DataType: 'Binary', BinaryValue: new Uint8Array([0, 255]) };
    await fill(sqs, queue.deadLetterUrl, [
      {
        body: 'one',
        note,
        attributes: { binary, 'my.number': { DataType: 'Number.x', StringValue: '7' } },
      },
      { body: 'two', note: { ...note, code: 'late' } },
      { body: 'three' },
    ]);
    const isMeant = ({ code }: ParkedMessage) => code === 'early';
    const swept = await run(queue, { isMeant });
    assert.deepEqual(swept, { done: 1, failed: [], others: 2, back: 0, unseen: 0 });
    const [message] = await drain(sqs, queue.url);
    assert.equal(message?.Body, 'one');
    const { waybill, binary: sent, ...more } = message?.MessageAttributes ?? {};
    assert.deepEqual(JSON.parse(waybill?.StringValue ?? ''), note);
    assert.deepEqual([...(sent?.BinaryValue ?? [])], [0, 255]);
    assert.equal(more['my.number']?.DataType, 'Number.x');
    // Visible again at once.
    assert.deepEqual(bodiesOf(await drain(sqs, queue.deadLetterUrl)).toSorted(), ['three', 'two']);
  });

  it('does not send what comes back parked while it runs, but what is parked twice', async () => {
    const queue = await createQueue(sqs);
    await fill(sqs, queue.deadLetterUrl, [
      { body: 'back', note },
      { body: 'copy', note: { ...note, messageId: 'copied' } },
      { body: 'copy', note: { ...note, messageId: 'copied' } },
      { body: 'unnoted' },
    ]);
    const parked: string[] = [];
    // A bridge that parks them again at once.
    const client = new SQSClient(account.value ?? {});
    client.middlewareStack.add(
      (next, context) => async (args) => {
        const answer = await next(args);
        if (context.commandName !== 'DeleteMessageBatchCommand') return answer;
        const again = (await drain(sqs, queue.url)).filter(({ Body }) => Body !== 'copy');
        parked.push(...bodiesOf(again));
        await fill(
          sqs,
          queue.deadLetterUrl,
          again.map(({ Body = '', MessageId = '' }) => ({
            body: Body,
            note: { ...note, messageId: Body === 'back' ? 'first' : MessageId },
          })),
        );
        return answer;
      },
      { step: 'initialize' },
    );
    const swept = await run(queue, { sqs: client });
    assert.deepEqual(
      { ...swept, unseen: 0 },
      { done: 4, failed: [], others: 0, back: 2, unseen: 0 },
    );
    assert.deepEqual(parked.toSorted(), ['back', 'unnoted']);
    assert.equal(await countMessages(sqs, queue.deadLetterUrl), 2);
  });

  it('repeats for the entries alone that SQS throttles', async () => {
    const queue = await createQueue(sqs);
    await fill(sqs, queue.deadLetterUrl, [{ body: 'one' }, { body: 'two' }]);
    const client = failing('SendMessageBatchCommand', ({ MessageBody }) => MessageBody === 'two', {
      times: 2,
      code: 'ThrottlingException',
    });
    assert.equal((await run(queue, { sqs: client })).done, 2);
    assert.deepEqual(bodiesOf(await drain(sqs, queue.url)).toSorted(), ['one', 'two']);
  });

  describe('of a FIFO queue', () => {
    const groups = ['a', 'b', 'c'];
    const bodies = (group: string) => Array.from({ length: 7 }, (_, index) => `${group}${index}`);
    const messages = Array.from({ length: 7 }, (_, index) => index).flatMap((index) =>
      groups.map((group) => ({
        body: `${group}${index}`,
        group,
        note: { ...note, messageId: `${group}${index}` },
      })),
    );
    const ofGroup = (drained: readonly Message[], group: string) =>
      bodiesOf(drained.filter(({ Attributes }) => Attributes?.MessageGroupId === group));

    it('keeps each group and its order', async () => {
      const queue = await createQueue(sqs, { fifo: true });
      await fill(sqs, queue.deadLetterUrl, messages);
      assert.equal((await run(queue)).done, 21);
      const drained = await drain(sqs, queue.url);
      for (const group of groups) assert.deepEqual(ofGroup(drained, group), bodies(group));
    });

    it('stops a group whose message cannot be sent, and no other', async () => {
      const queue = await createQueue(sqs, { fifo: true });
      // Group after group, so that one receive brings several of a group.
      const adjacent = messages.toSorted((one, other) =>
        one.group < other.group ? -1 : one.group > other.group ? 1 : 0,
      );
      await fill(sqs, queue.deadLetterUrl, adjacent);
      const client = failing('SendMessageBatchCommand', ({ MessageBody }) => MessageBody === 'b2');
      const swept = await run(queue, { sqs: client });
      assert.match(swept.failed[0]?.reason ?? '', /InvalidMessageContents/);
      assert.equal(swept.done, 16);
      assert.equal(swept.failed.length + swept.unseen, 5);
      assert.deepEqual(ofGroup(await drain(sqs, queue.url), 'b'), ['b0', 'b1']);
      assert.deepEqual(bodiesOf(await drain(sqs, queue.deadLetterUrl)), bodies('b').slice(2));
    });

    it('stops a group whose message cannot be deleted: SQS swallows it the second time', async () => {
      const queue = await createQueue(sqs, { fifo: true });
      await fill(sqs, queue.deadLetterUrl, messages.slice(0, 6));
      const client = failing('DeleteMessageBatchCommand', () => true);
      const first = await run(queue, { sqs: client });
      assert.equal(first.done, 0);
      assert.match(first.failed[0]?.reason ?? '', /^dealt with, but not deleted/);
      assert.equal((await run(queue)).done, 6);
      const drained = await drain(sqs, queue.url);
      for (const group of groups)
        assert.deepEqual(ofGroup(drained, group), [`${group}0`, `${group}1`]);
    });

    it('tells how much is hidden behind what is not meant', async () => {
      const queue = await createQueue(sqs, { fifo: true });
      const other = { body: 'other', group: 'b', note: { ...note, code: 'late' } as const };
      const hiding = Array.from({ length: 12 }, () => other);
      await fill(sqs, queue.deadLetterUrl, [...hiding, ...messages]);
      const swept = await run(queue, { isMeant: ({ code }) => code === 'early' });
      assert.equal(swept.done, 14);
      assert.equal(swept.others + swept.unseen, 19);
      assert.ok(swept.unseen >= 7, JSON.stringify(swept));
    });

    it('brings a message again and again, within five minutes', async () => {
      const queue = await createQueue(sqs, { fifo: true });
      await fill(sqs, queue.deadLetterUrl, [{ body: 'again', group: 'a', note }]);
      for (let round = 0; round < 3; round += 1) {
        assert.equal((await run(queue)).done, 1);
        const [message, ...more] = await drain(sqs, queue.url);
        assert.equal(message?.Body, 'again', `round ${round}`);
        assert.equal(more.length, 0);
        // As the bridge parks it: the deduplication ID is the message's own.
        const { Successful } = await sqs.send(
          new SendMessageBatchCommand({
            QueueUrl: queue.deadLetterUrl,
            Entries: [
              {
                Id: '0',
                MessageBody: 'again',
                MessageGroupId: 'a',
                MessageDeduplicationId: message.MessageId,
                MessageAttributes: {
                  waybill: { DataType: 'String', StringValue: JSON.stringify(note) },
                },
              },
            ],
          }),
        );
        assert.equal(Successful?.length, 1);
        assert.equal(await countMessages(sqs, queue.deadLetterUrl), 1, `round ${round}`);
      }
    });
  });
});

describe('a batch of messages', () => {
  it('holds at most 1 MiB, attributes and all', () => {
    const message = (bytes: number) => ({ Body: 'x'.repeat(bytes) });
    const sizes = (messages: readonly Message[]) =>
      bySize(messages).map((part) => part.map(({ Body = '' }) => Body.length));
    assert.deepEqual(sizes([]), []);
    assert.deepEqual(sizes([message(1_048_576), message(1), message(1)]), [[1_048_576], [1, 1]]);
    assert.deepEqual(sizes([message(600_000), message(400_000), message(50_000)]), [
      [600_000, 400_000],
      [50_000],
    ]);
    const noted = { Body: 'é', MessageAttributes: { n: { DataType: 'String', StringValue: 'x' } } };
    assert.deepEqual(bySize([message(1_048_576 - 10), noted]).length, 1);
    assert.deepEqual(bySize([message(1_048_576 - 9), noted]).length, 2);
  });
});
