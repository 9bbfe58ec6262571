import assert from 'node:assert/strict';
import { mock } from 'node:test';
import {
  ChangeMessageVisibilityBatchCommand,
  DeleteMessageBatchCommand,
  SendMessageCommand,
  type Message,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import type { Core } from '../../src/bridges/core.ts';
import type { SourceMessage } from '../../src/bridges/record.ts';
import type { Settlement } from '../../src/bridges/settlement.ts';
import { createMetrics } from '../../src/bridges/metrics.ts';
import { createSqsSource } from '../../src/bridges/sqsSource.ts';
import { capturingLogger } from '../support/bridge.ts';

const QUEUE = {
  url: 'http://sqs/queue',
  name: 'queue',
  fifo: false,
  deadLetterUrl: 'http://sqs/queue-dlq',
};
const PARK: Settlement = { kind: 'park', code: 'malformed', reason: 'why' };

/** A source whose SQS answers at once, and whose records are settled when the test says so. */
function createTestSource({ clockOffset = 0 } = {}) {
  const sent: { name: string; input: Record<string, unknown> }[] = [];
  const sqs = {
    config: { systemClockOffset: clockOffset },
    send(command: { input: Record<string, unknown>; constructor: { name: string } }) {
      sent.push({ name: command.constructor.name, input: command.input });
      return Promise.resolve({});
    },
  } as unknown as SQSClient;
  const records: SourceMessage[] = [];
  const settles: ((settlement: Settlement) => void)[] = [];
  const core: Core = {
    async handle(record, carryOut) {
      records.push(record);
      const settlement = await new Promise<Settlement>((resolve) => settles.push(resolve));
      await carryOut(settlement, {
        eventId: 'test:e-1',
        route: 'test Event',
        workflowId: 'w',
      });
    },
  };
  const { logger } = capturingLogger();
  const source = createSqsSource(sqs, QUEUE, core, logger, createMetrics());
  return {
    source,
    records,
    settle: (settlement: Settlement) => settles.shift()?.(settlement),
    sent: (command: { readonly name: string }) => sent.filter(({ name }) => name === command.name),
  };
}

function message(change: Partial<Message> = {}): Message {
  return { MessageId: 'm-1', ReceiptHandle: 'r-1', Body: '{}', ...change };
}

/** Moves the clock on in steps, so that what a timer begins can end before the next. */
async function tick(seconds: number): Promise<void> {
  for (let step = 0; step < seconds * 4; step += 1) {
    mock.timers.tick(250);
    await new Promise(setImmediate);
  }
}

describe('the messages of a queue', () => {
  beforeEach(() => mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'Date'], now: 1e12 }));
  afterEach(() => mock.timers.reset());

  it('cost no call to keep for less than half of their visibility timeout', async () => {
    const { source, settle, sent } = createTestSource();
    source.take([message()]);
    await tick(12);
    settle({ kind: 'delete', outcome: 'delivered' });
    await tick(1);
    assert.equal(source.inHand, 0);
    await tick(60);
    assert.equal(sent(ChangeMessageVisibilityBatchCommand).length, 0);
    assert.equal(sent(DeleteMessageBatchCommand).length, 1);
    source.close();
  });

  it('are kept hidden past that, and let go of at the cap (FAULTS 9)', async () => {
    const { source, records, sent } = createTestSource();
    source.take([message()]);
    const [record] = records;
    await tick(299);
    assert.ok(Number(record?.lease.until) > Date.now(), 'the lease ran out before the cap');
    const calls = sent(ChangeMessageVisibilityBatchCommand);
    assert.ok(calls.length >= 15 && calls.length <= 24, `${calls.length} calls`);
    assert.deepEqual(calls[0]?.input['Entries'], [
      { Id: '0', ReceiptHandle: 'r-1', VisibilityTimeout: 30 },
    ]);
    await tick(60);
    assert.ok(Number(record?.lease.until) <= Date.now(), 'it is held for ever');
    source.close();
  });

  it('are given back with a delay, or left alone when their lease was lost', async () => {
    const { source, settle, sent } = createTestSource();
    source.take([message(), message({ ReceiptHandle: 'r-2' })]);
    settle({ kind: 'release', code: 'busy', reason: '', delaySeconds: 7 });
    settle({ kind: 'drop' });
    await tick(1);
    await source.empty();
    assert.deepEqual(
      sent(ChangeMessageVisibilityBatchCommand).map(({ input }) => input['Entries']),
      [[{ Id: '0', ReceiptHandle: 'r-1', VisibilityTimeout: 7 }]],
    );
    assert.equal(sent(DeleteMessageBatchCommand).length, 0);
    source.close();
  });

  it('are as old as they are by the clock of SQS, however wrong our own is (FAULTS 8)', () => {
    const hour = 3_600_000;
    for (const clockOffset of [-hour, 0, hour]) {
      const { source, records } = createTestSource({ clockOffset });
      const first = String(Date.now() + clockOffset - 5_000);
      source.take([message({ Attributes: { ApproximateFirstReceiveTimestamp: first } })]);
      assert.equal(Date.now() - Number(records[0]?.firstReceivedAt), 5_000);
      source.close();
    }
  });

  it('keep the ID and the time of their first parking', async () => {
    const { source, records, settle, sent } = createTestSource();
    const note = { messageId: 'first', firstSeen: '2001-01-01T00:00:00.000Z', records: [1] };
    source.take([noted(JSON.stringify(note))]);
    assert.deepEqual(records[0]?.parkedBefore, note);
    settle(PARK);
    await tick(1);
    const attributes = sent(SendMessageCommand)[0]?.input['MessageAttributes'] as {
      waybill: { StringValue: string };
    };
    const again = JSON.parse(attributes.waybill.StringValue) as Record<string, unknown>;
    assert.deepEqual([again['messageId'], again['firstSeen']], ['first', note.firstSeen]);
    source.close();
  });

  it('are not taken in by a note that somebody else wrote', () => {
    const { source, records } = createTestSource();
    const nothing = { messageId: null, firstSeen: null, records: null };
    for (const [text, parkedBefore] of [
      ['not JSON', null],
      ['null', null],
      ['5', null],
      ['[]', nothing],
      ['{"messageId":{"a":1},"firstSeen":5,"records":"all"}', nothing],
      ['{"messageId":"","firstSeen":"yesterday","records":[-1]}', nothing],
      ['{"records":[1.5]}', nothing],
      [JSON.stringify({ messageId: 'x'.repeat(10_000) }), nothing],
      [JSON.stringify({ messageId: 'a\nb' }), nothing],
    ] as const) {
      source.take([noted(text)]);
      assert.deepEqual(records.at(-1)?.parkedBefore, parkedBefore, text.slice(0, 80));
    }
    source.close();
  });
});

function noted(text: string): Message {
  return message({ MessageAttributes: { waybill: { DataType: 'String', StringValue: text } } });
}
