import assert from 'node:assert/strict';
import { SQSClient, type Message } from '@aws-sdk/client-sqs';
import { redrive } from '../../src/console/redrive.ts';

/** An SQS that gives all of these in one receive, as AWS may and the emulator does not, and refuses some sends. */
function oneReceive(messages: readonly Message[], isRefused: (body: string) => boolean) {
  const calls: string[] = [];
  let given = false;
  const sqs = new SQSClient({ region: 'us-east-1' });
  sqs.middlewareStack.add(
    (_next, { commandName }) =>
      async (args) => {
        const { Entries = [] } = args.input as {
          Entries?: readonly { Id: string; MessageBody?: string; ReceiptHandle?: string }[];
        };
        const answer = (output: object) =>
          Promise.resolve({ response: {}, output: { $metadata: {}, ...output } } as never);
        switch (commandName) {
          case 'ReceiveMessageCommand': {
            const Messages = given ? [] : messages;
            given = true;
            return await answer({ Messages });
          }
          case 'SendMessageBatchCommand': {
            calls.push(`send ${Entries.map(({ MessageBody }) => MessageBody).join(' ')}`);
            const Failed = Entries.filter(({ MessageBody = '' }) => isRefused(MessageBody)).map(
              ({ Id }) => ({ Id, SenderFault: true, Code: 'InvalidMessageContents' }),
            );
            return await answer({ Failed });
          }
          case 'DeleteMessageBatchCommand':
            calls.push(`delete ${Entries.map(({ ReceiptHandle }) => ReceiptHandle).join(' ')}`);
            return await answer({});
          default:
            return await answer({ Attributes: {} });
        }
      },
    { step: 'initialize' },
  );
  return { sqs, calls };
}

const received = (body: string): Message => ({
  MessageId: `id-${body}`,
  Body: body,
  ReceiptHandle: body,
  Attributes: { MessageGroupId: body.slice(0, 1), SentTimestamp: '1' },
});

async function calling(fifo: boolean, bodies: readonly string[], refused: readonly string[]) {
  const { sqs, calls } = oneReceive(bodies.map(received), (body) => refused.includes(body));
  const queue = { url: 'https://sqs/1/q', deadLetterUrl: 'https://sqs/1/d', name: 'q', fifo };
  const swept = await redrive({ sqs, queue, isMeant: () => true, rate: 10_000 });
  return { swept, calls };
}

describe('the order of a redrive', () => {
  it("sends a group's next message only after the one before it is sent and deleted", async () => {
    const { calls } = await calling(true, ['a0', 'a1', 'b0', 'a2', 'b1'], []);
    assert.deepEqual(calls, [
      'send a0 b0',
      'delete a0 b0',
      'send a1 b1',
      'delete a1 b1',
      'send a2',
      'delete a2',
    ]);
  });

  it('stops a group at what cannot be sent, and deletes nothing that was not sent', async () => {
    const { calls, swept } = await calling(true, ['a0', 'a1', 'a2', 'b0', 'b1', 'b2'], ['a1']);
    assert.deepEqual(calls, [
      'send a0 b0',
      'delete a0 b0',
      'send a1 b1',
      'delete b1',
      'send b2',
      'delete b2',
    ]);
    assert.deepEqual(
      swept.failed.map(({ messageId }) => messageId),
      ['id-a1', 'id-a2'],
    );
  });

  it('of a standard queue is all at once', async () => {
    const { calls } = await calling(false, ['a0', 'a1', 'a2'], ['a1']);
    assert.deepEqual(calls, ['send a0 a1 a2', 'delete a0 a2']);
  });
});
