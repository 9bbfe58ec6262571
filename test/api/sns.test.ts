import assert from 'node:assert/strict';
import { sign } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Fetch } from '../../src/api/boundedFetch.ts';
import { unwrap } from '../../src/bridges/envelope.ts';
import { selfSigned } from '../support/certificate.ts';
import { createIngress, fakeQueues } from '../support/ingress.ts';
import { eventually } from '../support/servers.ts';

const TOPIC = 'arn:aws:sns:us-east-1:123456789012:shop';
const ORIGIN = 'https://sns.us-east-1.amazonaws.com';
const CERTIFICATE_URL = `${ORIGIN}/SimpleNotificationService-0123456789abcdef.pem`;
const SUBSCRIBE_URL = `${ORIGIN}/?Action=ConfirmSubscription&TopicArn=${TOPIC}&Token=token`;
const HOUR = 3_600_000;

type Fields = Readonly<Record<string, unknown>>;

const genuine = selfSigned('sns.amazonaws.com');
const another = selfSigned('sns.amazonaws.com');
const expired = selfSigned('sns.amazonaws.com', -HOUR);

const SIGNED = {
  Notification: ['Message', 'MessageId', 'Subject', 'Timestamp', 'TopicArn', 'Type'],
  SubscriptionConfirmation: [
    'Message',
    'MessageId',
    'SubscribeURL',
    'Timestamp',
    'Token',
    'TopicArn',
    'Type',
  ],
};

/** As SNS makes them; `forged` is put over it once it is signed. */
function message(own: Fields = {}, forged: Fields = {}, key = genuine): Fields {
  const fields: Fields = {
    Type: 'Notification',
    MessageId: '5f6e1a2b-0001',
    TopicArn: TOPIC,
    Message: '{"source":"waybill.storefront","type":"OrderCancelled","eventId":"e-1","data":{}}',
    Timestamp: new Date().toISOString(),
    SignatureVersion: '2',
    SigningCertURL: CERTIFICATE_URL,
    ...own,
  };
  const names =
    SIGNED[fields['Type'] === 'Notification' ? 'Notification' : 'SubscriptionConfirmation'];
  const canonical = names
    .filter((name) => fields[name] !== undefined)
    .map((name) => `${name}\n${String(fields[name])}\n`)
    .join('');
  const algorithm = fields['SignatureVersion'] === '1' ? 'sha1' : 'sha256';
  const Signature = sign(algorithm, Buffer.from(canonical), key.privateKey).toString('base64');
  return { ...fields, Signature, ...forged };
}

const confirmation = (own: Fields = {}, forged: Fields = {}) =>
  message(
    { Type: 'SubscriptionConfirmation', Token: 'token', SubscribeURL: SUBSCRIBE_URL, ...own },
    forged,
  );

/** An API that takes the topic's messages, and what it has fetched and put into queues. */
async function receiver(answer: Fetch = async () => new Response(genuine.pem)) {
  const fetched: string[] = [];
  const { sent, enqueue } = fakeQueues();
  const app = await createIngress({
    enqueue,
    snsTopicArns: [TOPIC],
    fetch: async (url, init) => {
      fetched.push(url);
      return await answer(url, init);
    },
  });
  const post = async (body: Fields | string, contentType = 'text/plain; charset=UTF-8') => {
    const response = await app.inject({
      method: 'POST',
      url: '/ingress/sns',
      headers: { 'content-type': contentType },
      payload: typeof body === 'string' ? body : JSON.stringify(body),
    });
    return { status: response.statusCode, headers: response.headers, body: response.json() };
  };
  return { fetched, sent, post };
}

describe('messages of SNS', () => {
  it('takes a notification of either signature version, and fetches the certificate once', async () => {
    const { fetched, sent, post } = await receiver();
    for (const SignatureVersion of ['1', '2']) {
      const taken = await post(message({ SignatureVersion, Subject: 'a subject' }));
      assert.deepEqual([taken.status, taken.body], [200, { taken: true, eventId: 'e-1' }]);
    }
    assert.deepEqual(fetched, [CERTIFICATE_URL]);
    assert.deepEqual(
      sent.map(({ names }) => names?.source),
      Array(2).fill('waybill.storefront'),
    );
    const [record] = unwrap({ body: sent[0]?.body ?? '', messageId: 'm', parkedBefore: null });
    assert.ok(record && 'event' in record);
    assert.equal(record.event.id, 'waybill.storefront:e-1');
    assert.equal(record.event.type, 'OrderCancelled');
  });

  it('names an event without an ID by its message, and leaves to the bridge what is no event', async () => {
    const { sent, post } = await receiver();
    const Message = JSON.stringify({
      source: 'waybill.payments',
      'detail-type': 'PaymentCaptured',
      detail: { channel: 'web', orderId: '1' },
    });
    assert.deepEqual((await post(message({ Message }))).body.eventId, '5f6e1a2b-0001');
    assert.deepEqual(sent[0]?.names, {
      source: 'waybill.payments',
      eventId: '5f6e1a2b-0001',
      orderKey: 'order:web:1',
      sellerId: null,
    });
    for (const unreadable of ['hello', '{"source":"x"}', '[]']) {
      assert.equal((await post(message({ Message: unreadable }))).status, 200);
      assert.equal(sent.at(-1)?.names, null);
    }
  });

  it('takes nothing of a message that was not signed, but what traces it', async () => {
    const { sent, post } = await receiver();
    const event = { source: 'waybill.payments', type: 'PaymentCaptured', data: {} };
    const traceparent = { Type: 'String', Value: `00-${'1'.repeat(32)}-${'2'.repeat(16)}-01` };
    const forged = { Records: [event], MessageAttributes: { traceparent } };
    assert.equal((await post(message({}, forged))).status, 200);
    const [record] = unwrap({ body: sent[0]?.body ?? '', messageId: 'm', parkedBefore: null });
    assert.ok(record && 'event' in record);
    assert.equal(record.event.id, 'waybill.storefront:e-1');
    assert.equal(record.event.trace.traceparent, traceparent.Value);
  });

  const at = (offset: number) => new Date(Date.now() + offset).toISOString();
  const certificates = [
    'http://sns.us-east-1.amazonaws.com/SimpleNotificationService-1.pem',
    'https://sns.evil.com/SimpleNotificationService-1.pem',
    'https://sns.us-east-1.amazonaws.com.evil.com/SimpleNotificationService-1.pem',
    'https://evil.com/sns.us-east-1.amazonaws.com/SimpleNotificationService-1.pem',
    'https://user:pass@sns.us-east-1.amazonaws.com/SimpleNotificationService-1.pem',
    'https://sns.us-east-1.amazonaws.com@evil.com/SimpleNotificationService-1.pem',
    'https://sns.us-east-1.amazonaws.com:8443/SimpleNotificationService-1.pem',
    'https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem',
    'https://sns.us-east-1.amazonaws.com.cn/SimpleNotificationService-1.pem',
    'https://sns.us-east-1.amazonaws.com/evil.pem',
    'https://sns.us-east-1.amazonaws.com/a/../SimpleNotificationService-1.pem',
    'https://sns.us-east-1.amazonaws.com/SimpleNotificationService-1.pem?x',
    'https://sns.us-east-1.amazonaws.com/SimpleNotificationService-1.pem#x',
    'https://sns.us-east-1.amazonaws.com\\@evil.com/SimpleNotificationService-1.pem',
    'https://sns.us-east-1.amazonaws.com/\nSimpleNotificationService-1.pem',
    'https://s3.amazonaws.com/SimpleNotificationService-1.pem',
  ].map((SigningCertURL) => [
    `the certificate ${SigningCertURL}`,
    () => message({ SigningCertURL }),
  ]);
  const subscriptions = [
    'https://evil.com/?Action=ConfirmSubscription&Token=token',
    'http://sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription&Token=token',
    'https://sns.us-east-1.amazonaws.com.evil.com/?Action=ConfirmSubscription&Token=token',
    'https://sns.us-east-1.amazonaws.com@evil.com/?Action=ConfirmSubscription&Token=token',
    'https://sns.us-east-1.amazonaws.com/?Action=DeleteTopic&TopicArn=x',
  ].map((SubscribeURL) => [
    `the subscription ${SubscribeURL}`,
    () => confirmation({ SubscribeURL }),
  ]);
  const forgeries = [
    ...certificates,
    ...subscriptions,
    ['another topic', () => message({ TopicArn: `${TOPIC}s` })],
    ['a topic of another account', () => message({ TopicArn: TOPIC.replace('1', '2') })],
    ['a message of 61 minutes ago', () => message({ Timestamp: at(-61 * 60_000) })],
    ['a message of 6 minutes ahead', () => message({ Timestamp: at(6 * 60_000) })],
  ] as [string, () => Fields][];

  for (const [what, forge] of forgeries) {
    it(`refuses ${JSON.stringify(what)} before it fetches anything (FAULTS 29)`, async () => {
      const { fetched, sent, post } = await receiver();
      const { status, body } = await post(forge());
      assert.deepEqual([status, body.type], [403, 'urn:waybill:problem:signature-invalid']);
      assert.deepEqual([fetched, sent], [[], []]);
    });
  }

  const tampered = [
    ['another text', () => message({}, { Message: '{}' })],
    ['another ID', () => message({}, { MessageId: 'another' })],
    ['another time', () => message({}, { Timestamp: at(-60_000) })],
    ['a subject', () => message({}, { Subject: 'a subject' })],
    ['another version of the signature', () => message({}, { SignatureVersion: '1' })],
    ['the key of another', () => message({}, {}, another)],
    [
      'a confirmation in the place of a notification',
      () => confirmation({}, { ...message(), Type: 'SubscriptionConfirmation' }),
    ],
    ['another token', () => confirmation({}, { Token: 'another' })],
  ] as [string, () => Fields][];

  for (const [what, forge] of tampered) {
    it(`refuses a message with ${what}, and follows none of its links (FAULTS 29)`, async () => {
      const { fetched, sent, post } = await receiver();
      const { status, body } = await post(forge());
      assert.deepEqual([status, body.type], [403, 'urn:waybill:problem:signature-invalid']);
      assert.deepEqual([fetched, sent], [[CERTIFICATE_URL], []]);
    });
  }

  it('takes what is repeated within the hour again: the inbox knows it by its ID', async () => {
    const { sent, post } = await receiver();
    const repeated = message({ Timestamp: at(-59 * 60_000) });
    assert.equal((await post(repeated)).status, 200);
    assert.equal((await post(repeated)).status, 200);
    const ids = sent.map(({ body }) => unwrap({ body, messageId: 'm', parkedBefore: null }));
    assert.deepEqual(ids[0], ids[1]);
  });

  it('confirms a subscription to a topic of ours, once for each that asks, and ends one', async () => {
    const { fetched, sent, post } = await receiver();
    const confirmed = await post(confirmation());
    assert.deepEqual(confirmed.body, { taken: false, reason: 'subscription-confirmed' });
    assert.deepEqual(fetched, [CERTIFICATE_URL, SUBSCRIBE_URL]);
    const ended = await post(confirmation({ Type: 'UnsubscribeConfirmation' }));
    assert.deepEqual(ended.body, { taken: false, reason: 'subscription-ended' });
    assert.deepEqual([fetched.length, sent.length], [2, 0]);
  });

  it('asks to send again where the certificate does not come, or is none that holds', async () => {
    const answers: readonly (() => Response)[] = [
      () => new Response('', { status: 500 }),
      () => new Response('no certificate'),
      () => new Response(expired.pem),
      () => new Response(`${genuine.pem}${'\n'.repeat(100_000)}`),
    ];
    for (const answer of answers) {
      const { sent, post } = await receiver(async () => answer());
      const { status, headers, body } = await post(message());
      assert.deepEqual([status, headers['retry-after']], [503, '5']);
      assert.equal(body.type, 'urn:waybill:problem:not-ready');
      assert.deepEqual(sent, []);
    }
  });

  it('tries again after a certificate that did not come', async () => {
    let isDown = true;
    const { post } = await receiver(async () => new Response(isDown ? '' : genuine.pem));
    assert.equal((await post(message())).status, 503);
    isDown = false;
    assert.equal((await post(message())).status, 200);
  });

  it('fetches four certificates at a time, and asks to send again what needs a fifth', async () => {
    const waiting: (() => void)[] = [];
    const { post } = await receiver(async () => {
      await new Promise<void>((resolve) => waiting.push(resolve));
      return new Response(genuine.pem);
    });
    const urls = [1, 2, 3, 4].map((n) => `${ORIGIN}/SimpleNotificationService-${n}.pem`);
    const answers = urls.map((SigningCertURL) => post(message({ SigningCertURL })));
    await eventually(() => waiting.length === 4);
    assert.equal((await post(message())).status, 503);
    waiting.forEach((resolve) => resolve());
    const statuses = (await Promise.all(answers)).map(({ status }) => status);
    assert.deepEqual(statuses, [200, 200, 200, 200]);
  });

  it('follows no redirect, not even of SNS itself', async () => {
    const visited: string[] = [];
    const server = createServer((request, response) => {
      visited.push(request.url ?? '');
      response.writeHead(302, { location: '/elsewhere' }).end();
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const { post } = await receiver((url, init) =>
      fetch(url.replace(ORIGIN, `http://127.0.0.1:${port}`), init),
    );
    const { status } = await post(message());
    server.close();
    assert.equal(status, 503);
    assert.deepEqual(visited, [new URL(CERTIFICATE_URL).pathname]);
  });

  it('says what is wrong with what is no message of SNS', async () => {
    const { fetched, post } = await receiver();
    const cases = [
      ['{', /body: expected JSON/],
      ['{}', /Type/],
      [message({}, { Signature: '***' }), /Signature/],
      [message({}, { SignatureVersion: '3' }), /SignatureVersion/],
      [message({}, { Timestamp: 'yesterday' }), /Timestamp/],
      [message({}, { Message: 1 }), /Message: .*expected string, received number/],
    ] as const;
    for (const [body, says] of cases) {
      const answer = await post(body);
      assert.equal(answer.status, 400);
      assert.match(answer.body.detail, says);
    }
    const wrongType = await post(message(), 'application/json');
    assert.equal(wrongType.status, 415);
    assert.match(wrongType.body.detail, /expected text\/plain, received application\/json/);
    assert.deepEqual(fetched, []);
  });
});
