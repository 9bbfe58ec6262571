import assert from 'node:assert/strict';
import fc from 'fast-check';
import { EventRejectedError } from '../../src/bridges/codes.ts';
import { MAX_BODY_BYTES, unwrap, type UnwrappedEvent } from '../../src/bridges/envelope.ts';
import { isS3Test } from '../../src/bridges/streamRecord.ts';

const DATA = { version: 1, note: 'an event' };
const TRACEPARENT = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;
const OTHER_TRACEPARENT = `00-${'c'.repeat(32)}-${'d'.repeat(16)}-00`;
const TABLE_ARN = 'arn:aws:dynamodb:us-east-1:000000000000:table/orders/stream/2024-01-01T00:00';
const STREAM_ARN = 'arn:aws:kinesis:us-east-1:000000000000:stream/clicks';

function raw(change: object = {}): object {
  return { source: 'shop', type: 'Placed', eventId: 'e-1', data: DATA, ...change };
}

const { eventId: _, ...withoutId } = raw() as { eventId: string };

function eventBridge(detail: unknown, change: object = {}): object {
  return { version: '0', id: 'eb-1', source: 'shop', 'detail-type': 'Placed', detail, ...change };
}

function sns(message: unknown, change: object = {}): object {
  return {
    Type: 'Notification',
    MessageId: 'sns-1',
    TopicArn: 'arn:aws:sns:us-east-1:000000000000:events',
    Message: JSON.stringify(message),
    ...change,
  };
}

function cloudEvent(change: object = {}): object {
  return { specversion: '1.0', id: 'ce-1', source: 'shop', type: 'Placed', data: DATA, ...change };
}

function s3(change: object = {}): object {
  return {
    eventVersion: '2.1',
    eventSource: 'aws:s3',
    eventName: 'ObjectCreated:Put',
    s3: { bucket: { name: 'uploads' }, object: { key: 'a.csv', sequencer: '0055AED6DCD90281E5' } },
    ...change,
  };
}

const S3_TEST = {
  Service: 'Amazon S3',
  Event: 's3:TestEvent',
  Time: '2024-01-01T00:00:00.000Z',
  Bucket: 'uploads',
  RequestId: '5582815E1AEA5ADF',
  HostId: '8cLeGAmw098X5cv4Zkwcmo8vvZa3eH3eKxsPzbB9wrR',
};

function dynamodb(change: object = {}): object {
  return {
    eventID: 'ddb-1',
    eventName: 'INSERT',
    eventSource: 'aws:dynamodb',
    eventSourceARN: TABLE_ARN,
    dynamodb: { Keys: { id: { S: '1' } }, SequenceNumber: '111', SizeBytes: 26 },
    ...change,
  };
}

function base64(value: unknown): string {
  return Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64');
}

/** As EventBridge Pipes write it. */
function kinesis(value: unknown, change: object = {}): object {
  return {
    kinesisSchemaVersion: '1.0',
    partitionKey: '1',
    sequenceNumber: '495903',
    data: base64(value),
    approximateArrivalTimestamp: 1_545_084_650.987,
    eventSource: 'aws:kinesis',
    eventVersion: '1.0',
    eventID: 'shardId-000000000006:495903',
    eventName: 'aws:kinesis:record',
    eventSourceARN: STREAM_ARN,
    ...change,
  };
}

/** As Lambda is given it. */
function nestedKinesis(value: unknown): object {
  const { kinesisSchemaVersion, partitionKey, sequenceNumber, data, ...rest } = kinesis(
    value,
  ) as Record<string, unknown>;
  return { ...rest, kinesis: { kinesisSchemaVersion, partitionKey, sequenceNumber, data } };
}

function readAll(body: unknown, formerId?: string | null) {
  return unwrap({
    body: typeof body === 'string' ? body : JSON.stringify(body),
    messageId: 'sqs-1',
    parkedBefore:
      formerId === undefined ? null : { messageId: formerId, firstSeen: null, records: null },
  });
}

function read(body: unknown, formerId?: string | null): UnwrappedEvent {
  const [record, ...others] = readAll(body, formerId);
  assert.ok(record && 'event' in record, JSON.stringify(record));
  assert.deepEqual([record.index, others], [0, []]);
  return record.event;
}

function idsOf(body: unknown, formerId?: string): (string | undefined)[] {
  return readAll(body, formerId).map((record) =>
    'event' in record ? record.event.id : record.identity?.id,
  );
}

function assertRejected(
  body: unknown,
  reason: RegExp,
  { code = 'malformed', id }: { code?: string; id?: string | null } = {},
): void {
  const records = readAll(body);
  const [record] = records;
  assert.equal(records.length, 1);
  assert.ok(record && 'rejection' in record, `accepted: ${JSON.stringify(record)?.slice(0, 200)}`);
  assert.ok(record.rejection instanceof EventRejectedError);
  assert.match(record.rejection.message, reason);
  assert.equal(record.rejection.code, code);
  if (id !== undefined) assert.equal(record.identity?.id ?? null, id);
}

describe('unwrap', () => {
  const plain = { source: 'shop', type: 'Placed', data: DATA, trace: {} };

  for (const [what, body, id] of [
    ['raw JSON', raw(), 'shop:e-1'],
    ['raw JSON without an ID', withoutId, 'shop:sqs-1'],
    ['EventBridge', eventBridge(DATA), 'shop:eb-1'],
    ['raw JSON in SNS', sns(raw()), 'shop:e-1'],
    ['raw JSON without an ID in SNS', sns(withoutId), 'shop:sns-1'],
    ['EventBridge in SNS', sns(eventBridge(DATA)), 'shop:eb-1'],
    ['EventBridge in SNS in SNS', sns(sns(eventBridge(DATA))), 'shop:eb-1'],
    ['raw JSON in SNS in EventBridge', eventBridge(sns(withoutId)), 'shop:eb-1'],
    [
      'EventBridge in SNS in EventBridge',
      eventBridge(sns(eventBridge(DATA, { id: 'inner' })), { source: 'pipe', id: 'outer' }),
      'shop:inner',
    ],
    ['CloudEvents', cloudEvent(), 'shop:ce-1'],
    ['CloudEvents in SNS', sns(cloudEvent()), 'shop:ce-1'],
    ['CloudEvents in EventBridge', eventBridge(cloudEvent(), { source: 'bus' }), 'shop:ce-1'],
    [
      'base64 in CloudEvents',
      cloudEvent({ data: undefined, data_base64: base64(DATA) }),
      'shop:ce-1',
    ],
    ['raw JSON in Kinesis', kinesis(raw()), 'shop:e-1'],
    ['raw JSON in Kinesis as Lambda has it', nestedKinesis(raw()), 'shop:e-1'],
    ['raw JSON without an ID in Kinesis', kinesis(withoutId), 'shop:shardId-000000000006:495903'],
    ['raw JSON in Kinesis in SNS', sns(kinesis(withoutId)), 'shop:shardId-000000000006:495903'],
    [
      'raw JSON in Kinesis in EventBridge',
      eventBridge(kinesis(withoutId)),
      'shop:shardId-000000000006:495903',
    ],
    ['CloudEvents in Kinesis', kinesis(cloudEvent()), 'shop:ce-1'],
    ['EventBridge in Kinesis', kinesis(eventBridge(DATA)), 'shop:eb-1'],
    ['EventBridge in Kinesis in SNS', sns(kinesis(eventBridge(DATA))), 'shop:eb-1'],
    ['a list of one', [withoutId], 'shop:sqs-1'],
    ['a list of one in Records', { Records: [withoutId] }, 'shop:sqs-1'],
    ['a list of one in SNS', sns([withoutId]), 'shop:sns-1'],
    ['lists of one in each other', [{ Records: [{ Records: [withoutId] }] }], 'shop:sqs-1'],
  ] as const) {
    it(`reads ${what}`, () => {
      assert.deepEqual(read(body), { id, ...plain });
    });
  }

  const s3Event = { source: 'aws:s3:uploads', type: 'ObjectCreated:Put', data: s3() };
  const change = { source: 'aws:dynamodb:orders', type: 'INSERT', data: dynamodb() };
  const click = { source: 'aws:kinesis:clicks', type: 'aws:kinesis:record', data: { page: 1 } };
  const test = { source: 'aws:s3:uploads', type: 's3:TestEvent', data: S3_TEST };
  const pipe = { source: 'Pipe p', 'detail-type': 'Event from aws:dynamodb' };
  const kinesisId = 'aws:kinesis:clicks:shardId-000000000006:495903';
  for (const [what, body, id, event] of [
    ['S3', { Records: [s3()] }, 'aws:s3:uploads:sqs-1', s3Event],
    ['S3 in SNS', sns({ Records: [s3()] }), 'aws:s3:uploads:sns-1', s3Event],
    ["S3's test", S3_TEST, 'aws:s3:uploads:sqs-1', test],
    ["S3's test in SNS", sns(S3_TEST), 'aws:s3:uploads:sns-1', test],
    ["S3's test in EventBridge", eventBridge(S3_TEST), 'aws:s3:uploads:eb-1', test],
    ['DynamoDB', dynamodb(), 'aws:dynamodb:orders:ddb-1', change],
    ['DynamoDB in a list', [dynamodb()], 'aws:dynamodb:orders:ddb-1', change],
    ['DynamoDB in Records', { Records: [dynamodb()] }, 'aws:dynamodb:orders:ddb-1', change],
    ['DynamoDB on a bus', eventBridge(dynamodb(), pipe), 'aws:dynamodb:orders:ddb-1', change],
    ['DynamoDB by EventBridge', eventBridge({ Records: [s3()] }), 'aws:s3:uploads:eb-1', s3Event],
    ['Kinesis', kinesis({ page: 1 }), kinesisId, click],
    ['Kinesis as Lambda has it', { Records: [nestedKinesis({ page: 1 })] }, kinesisId, click],
  ] as const) {
    it(`reads a record of ${what}`, () => {
      assert.deepEqual(read(body), { id, ...event, trace: {} });
    });
  }

  it('knows the test that S3 sends from its notifications', () => {
    assert.equal(isS3Test(read(S3_TEST)), true);
    assert.equal(isS3Test(read({ Records: [s3()] })), false);
    assert.equal(isS3Test(read(raw({ type: 's3:TestEvent' }))), false);
  });

  it('takes from Kinesis whatever JSON is no envelope as data', () => {
    const tableInStream = { ...dynamodb(), eventSourceARN: undefined, tableName: 'orders' };
    for (const data of [null, 5, 'text', [raw()], { source: 'a', type: 'b' }, tableInStream]) {
      const event = read(kinesis(JSON.stringify(data)));
      assert.equal(event.id, kinesisId);
      assert.deepEqual(event.data, JSON.parse(JSON.stringify(data)));
    }
  });

  it("takes the ID in the body before every envelope's", () => {
    const data = { ...DATA, eventId: 'own' };
    assert.equal(read(eventBridge(data)).id, 'shop:own');
    assert.equal(read(sns(eventBridge(data))).id, 'shop:own');
    assert.equal(read(eventBridge(sns(eventBridge(data)))).id, 'shop:own');
    assert.equal(read(kinesis(eventBridge(data))).id, 'shop:own');
  });

  it('takes the ID that the message had when it was parked in place of the one it has', () => {
    assert.equal(read(withoutId, 'former').id, 'shop:former');
    assert.equal(read(raw(), 'former').id, 'shop:e-1');
    assert.equal(read(sns(withoutId), 'former').id, 'shop:sns-1');
    for (const unusable of [null, '', 'a b', 'x'.repeat(257)]) {
      assert.equal(read(withoutId, unusable).id, 'shop:sqs-1');
    }
    assert.deepEqual(idsOf([withoutId, withoutId], 'former'), ['shop:former#0', 'shop:former#1']);
  });

  it('numbers what has no ID but that of something that holds several', () => {
    assert.deepEqual(idsOf([withoutId, raw()]), ['shop:sqs-1#0', 'shop:e-1']);
    assert.deepEqual(idsOf(sns({ Records: [s3(), s3()] })), [
      'aws:s3:uploads:sns-1#0',
      'aws:s3:uploads:sns-1#1',
    ]);
    assert.deepEqual(idsOf({ Records: [sns(withoutId), eventBridge(DATA), dynamodb()] }), [
      'shop:sns-1',
      'shop:eb-1',
      'aws:dynamodb:orders:ddb-1',
    ]);
    assert.deepEqual(idsOf(eventBridge({ Records: [s3(), dynamodb()] })), [
      'aws:s3:uploads:eb-1#0',
      'aws:dynamodb:orders:ddb-1',
    ]);
  });

  it('leaves the data as it came, whatever it is', () => {
    for (const data of [null, 5, 'text', [1], { 'detail-type': 'x', detail: {} }, cloudEvent()]) {
      assert.deepEqual(read(raw({ data })).data, data);
      assert.deepEqual(read(cloudEvent({ data })).data, data);
    }
    assert.equal(read({ source: 'shop', type: 'Placed' }).data, undefined);
    const details = [{ Records: [1] }, { Records: [] }, { Records: [raw()] }, eventBridge(DATA)];
    for (const detail of [...details, raw(), { specversion: 2 }, { eventSource: 's3.aws' }]) {
      assert.deepEqual(read(eventBridge(detail)).data, detail);
    }
    const withRecords = read(raw({ Records: [1, 2] }));
    assert.deepEqual([withRecords.id, withRecords.data], ['shop:e-1', DATA]);
  });

  it('takes the trace of the innermost place that has one', () => {
    const own = { traceparent: TRACEPARENT, tracestate: 'a=b' };
    const attributes = (traceparent: string) => ({
      MessageAttributes: { traceparent: { Type: 'String', Value: traceparent } },
    });
    for (const body of [
      raw(own),
      cloudEvent(own),
      eventBridge({ ...DATA, ...own }),
      sns(raw(own), attributes(OTHER_TRACEPARENT)),
      eventBridge({ ...sns(cloudEvent(own)), traceparent: OTHER_TRACEPARENT }),
      kinesis(raw(own)),
    ]) {
      assert.deepEqual(read(body).trace, own);
    }
    assert.deepEqual(read(sns(raw(), attributes(TRACEPARENT))).trace, { traceparent: TRACEPARENT });
    for (const traceparent of ['', 'x', `${TRACEPARENT}\n`, TRACEPARENT.toUpperCase(), 5, null]) {
      assert.deepEqual(read(raw({ traceparent, tracestate: 'a=b' })).trace, {});
      const inner = sns(raw({ traceparent }), attributes(TRACEPARENT));
      assert.deepEqual(read(inner).trace, { traceparent: TRACEPARENT });
    }
    assert.deepEqual(read(raw({ ...own, tracestate: 5 })).trace, { traceparent: TRACEPARENT });
    assert.deepEqual(
      readAll(sns([raw(), raw({ traceparent: TRACEPARENT })], attributes(OTHER_TRACEPARENT))).map(
        (record) => 'event' in record && record.event.trace.traceparent,
      ),
      [OTHER_TRACEPARENT, TRACEPARENT],
    );
  });

  it('rejects what is no event, saying where and what came', () => {
    for (const [body, reason] of [
      ['', /^body: expected JSON/],
      ['{"source":', /^body: expected JSON/],
      ['null', /^body: expected a JSON object, received null/],
      ['"text"', /^body: expected a JSON object, received a string of 4 characters/],
      [[], /^body: expected 1 to 1000 records, received an array of 0/],
      [{ Records: [] }, /^Records: expected 1 to 1000 records, received an array of 0/],
      [Array(1_001).fill(raw()), /^body: expected 1 to 1000 records, received an array of 1001/],
      [{}, /^source: expected a string, received nothing/],
      [raw({ source: 5 }), /^source: expected a string, received 5/],
      [raw({ source: '' }), /^source: expected 1 to 256 characters/],
      [raw({ source: 'a\u0000b' }), /^source: .*control character/],
      [raw({ type: undefined }), /^type: expected a string, received nothing/],
      [raw({ type: 'x'.repeat(257) }), /^type: expected 1 to 256 .*received a string of 257/],
      [raw({ eventId: 'x'.repeat(10_240) }), /^eventId: .*received a string of 10240 characters/],
      [raw({ eventId: '' }), /^eventId: .*received a string of 0 characters/],
      [raw({ eventId: 'a b' }), /^eventId: expected 1 to 256 printable ASCII/],
      [raw({ eventId: null }), /^eventId: .*received null/],
      [eventBridge(DATA, { source: undefined }), /^source: expected a string/],
      [eventBridge(DATA, { 'detail-type': 7 }), /^detail-type: expected a string, received 7/],
      [eventBridge(DATA, { id: ['x'] }), /^id: .*received an array of 1/],
      [sns(raw(), { Message: 'not JSON' }), /^Message: expected JSON/],
      [sns(raw(), { Message: raw() }), /^Message: expected a string, received an object/],
      [sns([], {}), /^Message: expected 1 to 1000 records/],
      [sns({}), /^Message\.source: expected a string, received nothing/],
      [sns(sns(sns(sns(raw())))), /^body: more than 3 envelopes/],
      ['['.repeat(100_000) + ']'.repeat(100_000), /^body: more than 3 envelopes/],
      [{ Type: 'SubscriptionConfirmation', TopicArn: 'x' }, /^source: expected a string/],
      [cloudEvent({ id: undefined }), /^id: expected 1 to 256 .*received nothing/],
      [cloudEvent({ data_base64: 'e30=' }), /^data_base64: expected either this or data/],
      [{ Records: [s3({ s3: {} })] }, /^Records\[0\]\.s3\.bucket\.name: .*received nothing/],
      [dynamodb({ eventSourceARN: STREAM_ARN }), /^eventSourceARN: expected the ARN of a dynamodb/],
      [dynamodb({ eventName: 5 }), /^eventName: expected a string, received 5/],
      [dynamodb({ eventID: '' }), /^eventID: expected 1 to 256/],
      [kinesis({}, { eventSourceARN: TABLE_ARN }), /^eventSourceARN: .*kinesis .*a string of/],
    ] as const) {
      assertRejected(body, reason);
    }
  });
});

describe('unwrap, of what it rejects,', () => {
  it('says which event it is, where that can be read', () => {
    const huge = '12345678901234567890';
    const put = (body: unknown, json: string) => JSON.stringify(body).replace('"@"', () => json);
    for (const json of [huge, '{"__proto__":1}', '['.repeat(50_000) + ']'.repeat(50_000)]) {
      const data = { a: '@' };
      assertRejected(put(raw({ data }), json), /^data\.a/, { id: 'shop:e-1' });
      assertRejected(put(eventBridge(data), json), /^detail\.a/, { id: 'shop:eb-1' });
      assertRejected(sns({}, { Message: put(raw({ data }), json) }), /^Message\.data\.a/, {
        id: 'shop:e-1',
      });
      assertRejected(kinesis(put(cloudEvent({ data }), json)), /^data\.data\.a/, {
        id: 'shop:ce-1',
      });
      const encoded = { data: undefined, data_base64: base64(put(data, json)) };
      assertRejected(cloudEvent(encoded), /^data_base64\.a/, { id: 'shop:ce-1' });
    }
    assertRejected(cloudEvent({ specversion: '0.3' }), /^specversion: .*a string of 3/, {
      code: 'unknown-version',
      id: 'shop:ce-1',
    });
    assertRejected(raw({ eventId: 'a b' }), /^eventId/, { id: 'shop:sqs-1' });
    assertRejected(raw({ type: 5 }), /^type/, { id: null });
    assertRejected('{', /JSON/, { id: null });
  });

  it('rejects base64 that is none, or no JSON, with the identity of the record', () => {
    const id = 'aws:kinesis:clicks:shardId-000000000006:495903';
    const gzip = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0]).toString('base64');
    for (const [data, reason] of [
      ['e30', /^data: expected base64, received a string of 3 characters/],
      ['e3=0', /^data: expected base64/],
      ['e-0=', /^data: expected base64/],
      [5, /^data: expected base64, received 5/],
      [undefined, /^data: expected base64, received nothing/],
      [gzip, /^data: expected JSON in UTF-8, received 6 bytes/],
      ['', /^data: expected JSON/],
      [base64('hello'), /^data: expected JSON/],
    ] as const) {
      assertRejected(kinesis({}, { data }), reason, { id });
      const body = cloudEvent({ data: undefined, data_base64: data ?? null });
      assertRejected(body, /^data_base64: expected/, { id: 'shop:ce-1' });
    }
    assertRejected(kinesis({}, { kinesis: { data: '!' } }), /^kinesis\.data: expected base64/);
    assertRejected(kinesis(sns({}, { Message: 5 })), /^data\.Message: expected a string/, { id });
  });

  it('takes base64 in CloudEvents for JSON only where the media type allows it', () => {
    for (const [datacontenttype, isJson] of [
      ['application/json', true],
      ['text/JSON; charset=utf-8', true],
      ['application/vnd.shop+json', true],
      [null, true],
      ['application/xml', false],
      ['application/jsonl', false],
      [5, false],
    ] as const) {
      const body = cloudEvent({ data: undefined, data_base64: base64(DATA), datacontenttype });
      if (isJson) assert.deepEqual(read(body).data, DATA);
      else
        assertRejected(body, /^datacontenttype: expected a JSON media type/, { id: 'shop:ce-1' });
    }
  });

  it('rejects what is larger than a workflow should be given, but reads who it is', () => {
    const frame = Buffer.byteLength(JSON.stringify(raw({ data: '' })));
    const fits = raw({ data: 'x'.repeat(MAX_BODY_BYTES - frame) });
    assert.equal(read(fits).id, 'shop:e-1');
    const reason = /^body: expected at most 262144 bytes, received 262145/;
    const tooLarge = { code: 'too-large', id: 'shop:e-1' };
    const larger = raw({ data: 'x'.repeat(MAX_BODY_BYTES - frame + 1) });
    assertRejected(larger, reason, tooLarge);
    assertRejected([larger], /expected at most/, tooLarge);
    assertRejected(JSON.stringify(raw()).padEnd(1_048_576), /expected at most/, tooLarge);
    // Two bytes of UTF-8 each: it is bytes that count.
    assertRejected(raw({ data: 'é'.repeat(MAX_BODY_BYTES / 2) }), /expected at most/, tooLarge);
    assertRejected('{'.repeat(MAX_BODY_BYTES + 1), reason, { code: 'too-large', id: null });
  });

  it('measures each of several records by itself', () => {
    const half = raw({ data: 'x'.repeat(MAX_BODY_BYTES / 2) });
    assert.deepEqual(idsOf([half, half, half]), ['shop:e-1', 'shop:e-1', 'shop:e-1']);
    const [small, large, deep] = readAll(
      JSON.stringify([half, raw({ data: 'x'.repeat(MAX_BODY_BYTES) }), raw({ data: '@' })]).replace(
        '"@"',
        () => '['.repeat(100_000) + ']'.repeat(100_000),
      ),
    );
    assert.ok(small && 'event' in small);
    assert.ok(large && 'rejection' in large && deep && 'rejection' in deep);
    assert.equal(large.rejection.code, 'too-large');
    assert.match(
      large.rejection.message,
      /^\[1\]: expected at most 262144 bytes, received 2622\d\d/,
    );
    assert.equal(large.identity?.id, 'shop:e-1');
    assert.match(deep.rejection.message, /^\[2\]\.data.*: nested deeper than 64/);
  });

  it('rejects one of several for what is wrong with it, and all for what is wrong around them', () => {
    const deep = sns(
      {},
      { Message: JSON.stringify(raw({ data: { __proto_: 0 } })).replace('__proto_', '__proto__') },
    );
    const list = [raw(), raw({ data: '@' }), 5, [raw(), raw()], sns(raw({ type: 5 })), deep, raw()];
    for (const [body, at] of [
      [list, ''],
      [{ Records: list }, 'Records'],
      [sns({ Records: list }), 'Message.Records'],
    ] as const) {
      // Through SNS it is a text in a text.
      const text = JSON.stringify(body).replace(/\\?"@\\?"/, () => '1e400');
      const reasons = readAll(text).map((record) =>
        'rejection' in record ? record.rejection.message : record.event.id,
      );
      assert.deepEqual(reasons, [
        'shop:e-1',
        `${at}[1].data: expected a number of at most 2^53 - 1, received 1e400`,
        `${at}[2]: expected a JSON object, received 5`,
        `${at}[3]: expected one record within a record, received an array of 2`,
        `${at}[4].Message.type: expected a string, received 5`,
        `${at}[5].Message.data.__proto__: a key that is not allowed`,
        'shop:e-1',
      ]);
    }
    for (const around of [
      `{"a":1e400,"Records":${JSON.stringify([raw(), raw()])}}`,
      `{"a":[0,1e400],"Records":${JSON.stringify([raw(), raw()])}}`,
      // Of two values under one key JavaScript takes the last.
      `{"Records":[0,0,0,1e400],"Records":${JSON.stringify([raw(), raw()])}}`,
      JSON.stringify(sns([raw(), raw()], { a: '@' })).replace('"@"', '1e400'),
    ]) {
      assert.deepEqual(
        readAll(around).map((record) => 'rejection' in record && record.identity?.id),
        ['shop:e-1', 'shop:e-1'],
      );
    }
    // A Kinesis record that carries several is none of them.
    const [first, second] = readAll(kinesis(sns([raw(), 5])));
    assert.ok(first && 'event' in first && second && 'rejection' in second);
    assert.equal(second.identity, null);
  });
});

describe('unwrap, of whatever comes,', () => {
  type Wrapper = 'sns' | 'eventBridge' | 'kinesis' | 'nestedKinesis';
  const wrap = { sns, eventBridge, kinesis, nestedKinesis } as const;
  const wrappers = fc.array(
    fc.constantFrom<Wrapper>('sns', 'eventBridge', 'kinesis', 'nestedKinesis'),
    { maxLength: 3 },
  );
  const data = fc.jsonValue().map((value) => JSON.parse(withoutMisread(value)) as unknown);

  it('reads the same event through envelopes in any order', () => {
    fc.assert(
      fc.property(
        wrappers,
        fc.constantFrom('raw', 'cloudEvent', 'dynamodb'),
        data,
        fc.constantFrom('', 'array', 'Records'),
        (order, kind, value, list) => {
          const inward = [...order, kind];
          const isBeside = (outer: string, inner: RegExp) =>
            inward.some((each, at) => each === outer && inner.test(inward[at + 1] ?? ''));
          // In EventBridge, what says no more of itself than the bus does is data; so is in Kinesis what has no envelope.
          fc.pre(!isBeside('eventBridge', /^(raw|eventBridge)$/));
          fc.pre(!isBeside('kinesis', /^(dynamodb|.*inesis)$/));
          fc.pre(!isBeside('nestedKinesis', /^(dynamodb|.*inesis)$/));
          const event = {
            raw: raw({ data: value, eventId: 'own' }),
            cloudEvent: cloudEvent({ data: value, id: 'own' }),
            dynamodb: dynamodb({ dynamodb: value, eventID: 'own' }),
          }[kind as 'raw'];
          const wrapped = order.reduceRight<object>((inner, each) => wrap[each](inner), event);
          const body = { '': wrapped, array: [wrapped], Records: { Records: [wrapped] } }[list];
          assert.deepEqual(read(body), read(event));
        },
      ),
      { numRuns: 500 },
    );
  });

  it('throws nothing, says of each record what it is, and numbers them', () => {
    const key = fc.constantFrom(...KEYS.split(' '));
    const value = fc.constantFrom<unknown>(...VALUES);
    const { body } = fc.letrec<{ body: unknown }>((tie) => ({
      body: fc.oneof(
        { depthSize: 'medium', withCrossShrink: true },
        value,
        fc.array(tie('body'), { maxLength: 4 }),
        fc.array(fc.tuple(key, tie('body')), { maxLength: 8 }).map((entries) => {
          // Not by assignment: that would set the prototype.
          return Object.fromEntries(entries);
        }),
        tie('body').map((inner) => ({ Type: 'Notification', TopicArn: 'x', Message: str(inner) })),
        tie('body').map((inner) => kinesis(inner ?? null)),
      ),
    }));
    const text = fc.oneof(
      body.map(str),
      fc.string(),
      fc.json(),
      // Valid JSON, cut.
      fc.tuple(body.map(str), fc.nat()).map(([all, end]) => all.slice(0, end % (all.length + 1))),
    );
    fc.assert(
      fc.property(text, (each) => {
        const records = readAll(each);
        assert.deepEqual(
          records.map(({ index }) => index),
          [...records.keys()],
        );
        assert.ok(records.length > 0);
        for (const record of records) {
          const identity = 'event' in record ? record.event : record.identity;
          if ('rejection' in record) assert.ok(record.rejection instanceof EventRejectedError);
          else assert.ok(identity);
          if (identity) assert.ok(identity.id.startsWith(`${identity.source}:`));
        }
      }),
      { numRuns: 3_000 },
    );
  });

  it('keeps the order and the number of several records, whichever are bad', () => {
    const record = fc.constantFrom('good', 'field', 'number', 'envelope');
    fc.assert(
      fc.property(
        fc.array(record, { minLength: 2, maxLength: 30 }),
        fc.constantFrom('array', 'Records', 'sns', 'kinesis'),
        (kinds, around) => {
          const list = kinds.map((kind, index) => {
            const event = raw({ eventId: `e-${index}` });
            if (kind === 'field') return { ...event, type: 5 };
            if (kind === 'number') return { ...event, data: { a: ['@@'] } };
            return kind === 'envelope' ? sns({}, { Message: '{' }) : event;
          });
          const json = JSON.stringify(list).replaceAll('"@@"', '1e400');
          const message = {
            array: json,
            Records: `{"Records":${json}}`,
            sns: JSON.stringify({ ...sns({}), Message: json }),
            kinesis: JSON.stringify(kinesis(JSON.stringify({ ...sns({}), Message: json }))),
          }[around];
          assert.deepEqual(
            readAll(message).map((each) => [
              each.index,
              'event' in each ? each.event.id : each.rejection.message.replace(/.*\]\./, ''),
            ]),
            kinds.map((kind, index) => [
              index,
              {
                good: `shop:e-${index}`,
                field: 'type: expected a string, received 5',
                number: REJECTED_NUMBER,
                envelope: PARSE_ERROR,
              }[kind],
            ]),
          );
        },
      ),
    );
  });
});

/** What envelopes are made of. */
const KEYS =
  'Type TopicArn Message MessageId MessageAttributes detail detail-type id source type data eventId specversion ' +
  'data_base64 Records eventSource eventSourceARN eventID eventName s3 bucket name kinesis Service Event Bucket ' +
  'traceparent __proto__ x';
const TEXTS = 'Notification 1.0 shop aws:s3 aws:dynamodb aws:kinesis e30= {} s3:TestEvent';
const VALUES: readonly unknown[] = [
  ...TEXTS.split(' '),
  TABLE_ARN,
  STREAM_ARN,
  TRACEPARENT,
  'Amazon S3',
  '',
  5,
  null,
  1e300,
  JSON.stringify(raw()),
  base64(raw()),
  raw(),
  sns([raw(), raw()]),
  kinesis(sns(raw())),
];

const REJECTED_NUMBER = 'data.a[0]: expected a number of at most 2^53 - 1, received 1e400';
const PARSE_ERROR = reasonOf(sns({}, { Message: '{' }));

function reasonOf(body: object): string {
  const [record] = readAll(body);
  assert.ok(record && 'rejection' in record);
  return record.rejection.message;
}

function str(value: unknown): string {
  return JSON.stringify(value) ?? 'null';
}

/** JSON without what is refused. */
function withoutMisread(value: unknown): string {
  return JSON.stringify(value, (_key, each: unknown) =>
    typeof each === 'number' && Math.abs(each) > Number.MAX_SAFE_INTEGER ? 0 : each,
  ).replaceAll('"__proto__":', '"proto":');
}
