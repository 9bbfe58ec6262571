import assert from 'node:assert/strict';
import {
  CreateQueueCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { isMeant, listParked, readParked } from '../../src/console/parked.ts';
import { countMessages, peekQueue } from '../../src/console/queues.ts';
import { awsAccount, eventually } from '../support/servers.ts';

describe('a dead-letter queue', () => {
  let sqs: SQSClient;
  let queueUrl: string;
  let dlqUrl: string;

  before(async () => {
    sqs = new SQSClient(awsAccount());
    const create = async (QueueName: string, Attributes: Record<string, string> = {}) =>
      (await sqs.send(new CreateQueueCommand({ QueueName, Attributes }))).QueueUrl ?? '';
    dlqUrl = await create('work-dlq');
    const { Attributes } = await sqs.send(
      new GetQueueAttributesCommand({ QueueUrl: dlqUrl, AttributeNames: ['QueueArn'] }),
    );
    const deadLetterTargetArn = Attributes?.QueueArn;
    queueUrl = await create('work', {
      RedrivePolicy: JSON.stringify({ deadLetterTargetArn, maxReceiveCount: 1 }),
    });
  });
  after(() => sqs.destroy());

  const send = async (QueueUrl: string, MessageBody: string, waybill?: string) => {
    const MessageAttributes = { waybill: { DataType: 'String', StringValue: waybill } };
    await sqs.send(
      new SendMessageCommand({
        QueueUrl,
        MessageBody,
        ...(waybill !== undefined && { MessageAttributes }),
      }),
    );
  };

  it('is listed with why each message is there, whoever put it there', async () => {
    const note = { code: 'malformed', reason: 'lines.0.amount: too small', eventId: 's:1' };
    await send(dlqUrl, 'noted', JSON.stringify(note));
    await send(dlqUrl, 'no event', JSON.stringify({ ...note, eventId: null }));
    await send(dlqUrl, 'no note');
    await send(dlqUrl, 'no JSON', 'hello');
    await send(dlqUrl, 'no object', '"hello"');
    await send(dlqUrl, 'null', 'null');
    await send(queueUrl, 'moved by SQS');
    await eventually(async () => {
      await sqs.send(new ReceiveMessageCommand({ QueueUrl: queueUrl, VisibilityTimeout: 0 }));
      return (await countMessages(sqs, dlqUrl)) === 7;
    });
    const listed = await listParked(sqs, dlqUrl);
    assert.deepEqual(
      Object.fromEntries(listed.map(({ body, code, eventId }) => [body, [code, eventId]])),
      {
        noted: ['malformed', 's:1'],
        'no event': ['malformed', null],
        'no note': ['unnoted', null],
        'no JSON': ['unnoted', null],
        'no object': ['unnoted', null],
        null: ['unnoted', null],
        'moved by SQS': ['receives-exhausted', null],
      },
    );
  });

  it('is listed by SQS moving a message, where that had been parked before', () => {
    const { code, reason } = readParked({
      Attributes: { DeadLetterQueueSourceArn: 'arn', SentTimestamp: '0' },
      MessageAttributes: { waybill: { DataType: 'String', StringValue: '{"code":"early"}' } },
    });
    assert.equal(code, 'receives-exhausted');
    assert.match(reason, /parked before as early/);
  });

  it('is listed as undelivered where a rule could not bring it to its queue, until it is parked again', () => {
    const text = (StringValue: string) => ({ DataType: 'String', StringValue });
    // What EventBridge says with it, besides rule, target and retries.
    const said = {
      ERROR_CODE: text('SDK_CLIENT_ERROR'),
      ERROR_MESSAGE: text('The queue is gone'),
    };
    const { code, reason } = readParked({ MessageAttributes: said });
    assert.equal(code, 'undelivered');
    assert.match(reason, /EventBridge could not bring it .*SDK_CLIENT_ERROR The queue is gone$/);
    const waybill = text('{"code":"early"}');
    assert.equal(readParked({ MessageAttributes: { ...said, waybill } }).code, 'early');
  });

  it('is listed by code, route, workflow and age', () => {
    const now = Date.parse('2026-01-03T00:00:00Z');
    const note = {
      code: 'early',
      route: 's Paid',
      workflowId: 'order:1',
      firstSeen: '2026-01-01T00:00:00.000Z',
    };
    const parked = readParked({
      Attributes: { SentTimestamp: String(now) },
      MessageAttributes: { waybill: { DataType: 'String', StringValue: JSON.stringify(note) } },
    });
    const day = 86_400_000;
    assert.equal(isMeant({}, parked, now), true);
    const all = { code: 'early', route: 's Paid', workflowId: 'order:1', olderThan: 2 * day - 1 };
    assert.equal(isMeant(all, parked, now), true);
    for (const other of [
      { code: 'late' },
      { route: 's' },
      { workflowId: 'x' },
      { olderThan: 2 * day },
    ]) {
      assert.equal(isMeant({ ...all, ...other }, parked, now), false, JSON.stringify(other));
    }
    const unnoted = readParked({ Attributes: { SentTimestamp: String(now - day) } });
    assert.equal(isMeant({ code: 'unnoted', olderThan: day - 1 }, unnoted, now), true);
    assert.equal(isMeant({ olderThan: day }, unnoted, now), false);
  });

  it('still holds what was looked at, for the next to look', async () => {
    for (let index = 7; index < 25; index += 1) await send(dlqUrl, `message ${index}`);
    const first = await peekQueue(sqs, dlqUrl);
    const second = await peekQueue(sqs, dlqUrl);
    const ids = (messages: typeof first) => new Set(messages.map(({ MessageId }) => MessageId));
    assert.equal(ids(first).size, 25);
    assert.deepEqual(ids(second), ids(first));
    assert.equal(await countMessages(sqs, dlqUrl), 25);
  });
});
