import assert from 'node:assert/strict';
import { EventRejectedError } from '../../src/bridges/codes.ts';
import { MAX_BODY_BYTES, unwrap } from '../../src/bridges/envelope.ts';

const DATA = { version: 1, note: 'an event' };

function raw(change: object = {}): object {
  return { source: 'shop', type: 'Placed', eventId: 'e-1', data: DATA, ...change };
}

function eventBridge(detail: unknown, change: object = {}): object {
  return { version: '0', id: 'eb-1', source: 'shop', 'detail-type': 'Placed', detail, ...change };
}

function sns(message: object, change: object = {}): object {
  return {
    Type: 'Notification',
    MessageId: 'sns-1',
    TopicArn: 'arn:aws:sns:us-east-1:000000000000:events',
    Message: JSON.stringify(message),
    ...change,
  };
}

function read(body: unknown, parkedId?: string) {
  return unwrap({
    body: typeof body === 'string' ? body : JSON.stringify(body),
    messageId: 'sqs-1',
    parkedBefore: parkedId === undefined ? null : { eventId: parkedId, firstSeen: null },
  });
}

function assertRejected(body: unknown, reason: RegExp, code = 'malformed'): void {
  assert.throws(
    () => read(body),
    (error) => {
      assert.ok(error instanceof EventRejectedError, String(error));
      assert.equal(error.code, code);
      assert.match(error.message, reason);
      return true;
    },
  );
}

describe('unwrap', () => {
  const plain = { source: 'shop', type: 'Placed', data: DATA };
  const { eventId: _, ...withoutId } = raw() as { eventId: string };

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
  ] as const) {
    it(`reads ${what}`, () => {
      assert.deepEqual(read(body), { id, ...plain });
    });
  }

  it("takes the ID in the body before every envelope's", () => {
    const data = { ...DATA, eventId: 'own' };
    assert.equal(read(eventBridge(data)).id, 'shop:own');
    assert.equal(read(sns(eventBridge(data))).id, 'shop:own');
    assert.equal(read(eventBridge(sns(eventBridge(data)))).id, 'shop:own');
  });

  it('takes the ID under which it was parked before all others', () => {
    assert.equal(read(raw(), 'shop:parked').id, 'shop:parked');
    assert.equal(read(withoutId, 'shop:parked').id, 'shop:parked');
  });

  it('leaves the data as it came, whatever it is', () => {
    for (const data of [null, 5, 'text', [1], { 'detail-type': 'x', detail: {} }]) {
      assert.deepEqual(read(raw({ data })).data, data);
    }
    assert.equal(read({ source: 'shop', type: 'Placed' }).data, undefined);
  });

  it('rejects what is no event, saying where and what came', () => {
    for (const [body, reason] of [
      ['', /^body: expected JSON/],
      ['{"source":', /^body: expected JSON/],
      ['null', /^body: expected a JSON object/],
      ['[]', /^body: expected a JSON object/],
      ['"text"', /^body: expected a JSON object/],
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
      [sns([], {}), /^body: expected a JSON object/],
      [sns(sns(sns(sns(raw())))), /^body: more than 3 envelopes/],
      [{ Type: 'SubscriptionConfirmation', TopicArn: 'x' }, /^source: expected a string/],
    ] as const) {
      assertRejected(body, reason);
    }
  });

  it('rejects what is larger than a workflow should be given, before it is parsed', () => {
    const frame = Buffer.byteLength(JSON.stringify(raw({ data: '' })));
    const fits = raw({ data: 'x'.repeat(MAX_BODY_BYTES - frame) });
    assert.equal(read(fits).id, 'shop:e-1');
    const reason = /^body: expected at most 262144 bytes, received 262145/;
    assertRejected(raw({ data: 'x'.repeat(MAX_BODY_BYTES - frame + 1) }), reason, 'too-large');
    // Two bytes of UTF-8 each: it is bytes that count.
    assertRejected(raw({ data: 'é'.repeat(MAX_BODY_BYTES / 2) }), /expected at most/, 'too-large');
    assertRejected('{'.repeat(MAX_BODY_BYTES + 1), reason, 'too-large');
  });

  it('rejects in each envelope what JavaScript would misread', () => {
    assertRejected(
      '{"source":"s","type":"t","data":{"a":[1,12345678901234567890]}}',
      /data\.a\[1\]/,
    );
    assertRejected(sns({}, { Message: '{"data":{"__proto__":{}}}' }), /^Message\.data\.__proto__/);
  });
});
