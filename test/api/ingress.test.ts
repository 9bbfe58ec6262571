import assert from 'node:assert/strict';
import { ReceiveMessageCommand, type Message } from '@aws-sdk/client-sqs';
import type { FastifyInstance } from 'fastify';
import Stripe from 'stripe';
import { createIngressQueues } from '../../src/api/ingressQueues.ts';
import { unwrap } from '../../src/bridges/envelope.ts';
import { createReader } from '../../src/bridges/reader.ts';
import { orderRoutes } from '../../src/bridges/orderRoutes.ts';
import {
  DEFAULT_POLICY,
  DEFAULT_RESTOCK_POLICY,
  DEFAULT_RETURN_POLICY,
} from '../../src/domain/policy.ts';
import { startBridgeStage, type BridgeStage, type TestQueue } from '../support/bridge.ts';
import { createIngress, fakeQueues, STRIPE_SECRET } from '../support/ingress.ts';
import { eventually, temporalAddress, uniqueId } from '../support/servers.ts';

const ROUTES = orderRoutes({
  orderPolicy: DEFAULT_POLICY,
  returnPolicy: DEFAULT_RETURN_POLICY,
  restockPolicy: DEFAULT_RESTOCK_POLICY,
  earlySeconds: 30,
});

function stripeEvent(eventId: string, orderId: string, type = 'payment_intent.succeeded'): string {
  const object = {
    id: 'pi_1',
    object: 'payment_intent',
    amount_received: 2_999,
    currency: 'usd',
    metadata: { orderKey: `order:web:${orderId}` },
  };
  return JSON.stringify({ id: eventId, object: 'event', type, data: { object } });
}

function signatureOf(payload: string, ageSeconds = 0, secret = STRIPE_SECRET): string {
  const timestamp = Math.floor(Date.now() / 1_000) - ageSeconds;
  return Stripe.webhooks.generateTestHeaderString({ payload, secret, timestamp });
}

async function post(
  app: FastifyInstance,
  url: string,
  payload: string,
  headers: Readonly<Record<string, string>> = {},
) {
  const response = await app.inject({
    method: 'POST',
    url,
    headers: { 'content-type': 'application/json', ...headers },
    payload,
  });
  return { status: response.statusCode, headers: response.headers, body: response.json() };
}

const postStripe = async (
  app: FastifyInstance,
  payload: string,
  signature = signatureOf(payload),
) => await post(app, '/ingress/stripe', payload, { 'stripe-signature': signature });
const postEvent = async (app: FastifyInstance, event: unknown) => {
  const payload = typeof event === 'string' ? event : JSON.stringify(event);
  return await post(app, '/ingress/events', payload, { authorization: 'Bearer token' });
};

describe('what Stripe sends', () => {
  it('is put into the queue when its signature is right and fresh', async () => {
    const { sent, enqueue } = fakeQueues();
    const app = await createIngress({ enqueue });
    const payload = stripeEvent('evt_1', '1');
    const { status, body } = await postStripe(app, payload, signatureOf(payload, 290));
    assert.deepEqual([status, body], [200, { taken: true, eventId: 'evt_1' }]);
    assert.deepEqual(sent[0]?.names, {
      source: 'waybill.payments',
      eventId: 'evt_1',
      orderKey: 'order:web:1',
      sellerId: null,
    });
  });

  it('is refused when anything about its signature is wrong', async () => {
    const { sent, enqueue } = fakeQueues();
    const app = await createIngress({ enqueue });
    const payload = stripeEvent('evt_1', '1');
    const signatures = [
      signatureOf(payload, 310),
      signatureOf(payload, 0, 'whsec_another'),
      signatureOf(`${payload} `),
      signatureOf(payload).replace('v1=', 'v0='),
      'nonsense',
      '',
    ];
    for (const signature of signatures) {
      const { status, body } = await postStripe(app, payload, signature);
      assert.deepEqual([status, body.type], [403, 'urn:waybill:problem:signature-invalid']);
      assert.doesNotMatch(JSON.stringify(body), /whsec/);
    }
    const missing = await post(app, '/ingress/stripe', payload);
    assert.equal(missing.status, 400);
    assert.match(missing.body.detail, /stripe-signature/);
    const noJson = await postStripe(app, '{');
    assert.equal(noJson.status, 400);
    assert.deepEqual(sent, []);
  });

  it('is acknowledged and left when it is of no order, or of no interest', async () => {
    const { sent, enqueue } = fakeQueues();
    const app = await createIngress({ enqueue });
    const created = await postStripe(app, stripeEvent('evt_1', '1', 'payment_intent.created'));
    assert.deepEqual([created.status, created.body], [200, { taken: false, reason: 'other-type' }]);
    const foreign = await postStripe(app, stripeEvent('evt_1', ''));
    assert.deepEqual(foreign.body, { taken: false, reason: 'not-an-order' });
    assert.deepEqual(sent, []);
  });

  it('is no operation without a secret', async () => {
    const app = await createIngress({ ...fakeQueues(), stripeWebhookSecret: undefined });
    assert.equal((await postStripe(app, stripeEvent('evt_1', '1'))).status, 404);
  });
});

describe('events that are sent as they are', () => {
  const order = { channel: 'web', orderId: '1' };
  const forms = [
    [{ source: 'a', type: 'T', eventId: 'e-1', data: order }, 'e-1'],
    [{ source: 'a', 'detail-type': 'T', id: 'e-2', detail: order }, 'e-2'],
    [{ source: 'a', 'detail-type': 'T', id: 'e-3', detail: { ...order, eventId: 'e-4' } }, 'e-4'],
    [{ source: 'a', type: 'T', data: order }, null],
  ] as const;

  it('are put into the queue as they came, and are read there as they are named here', async () => {
    const { sent, enqueue } = fakeQueues();
    const app = await createIngress({ enqueue });
    for (const [event, eventId] of forms) {
      const text = ` ${JSON.stringify(event, null, 2)}\n`;
      const { status, body } = await postEvent(app, text);
      assert.deepEqual([status, body.taken], [200, true]);
      assert.equal(body.eventId, eventId ?? `message-${sent.length}`);
      assert.deepEqual(sent.at(-1), {
        body: text,
        names: { source: 'a', eventId, orderKey: 'order:web:1', sellerId: null },
      });
      const [record] = unwrap({ body: text, messageId: 'm', parkedBefore: null });
      assert.ok(record && 'event' in record);
      assert.equal(record.event.id, `a:${eventId ?? 'm'}`);
    }
  });

  it('need a token, a source, a type and data', async () => {
    const { sent, enqueue } = fakeQueues();
    const app = await createIngress({ enqueue });
    const refused = await post(app, '/ingress/events', JSON.stringify(forms[0][0]));
    assert.equal(refused.status, 403);
    const cases = [
      [{ type: 'T', data: {} }, /^source: /],
      [{ source: 'a', data: {} }, /^type: /],
      [{ source: 'a', type: 'T' }, /^data: /],
      [{ source: 'a', 'detail-type': 5, detail: {} }, /^detail-type: /],
      [{ source: 'a', 'detail-type': 'T', detail: 'text' }, /^detail: /],
      [{ source: 'a', type: 'T', eventId: 'é', data: {} }, /^eventId: /],
      [[], /^body: /],
      ['{"source":"a","type":"T","data":{"n":1e400}}', /^data.n: .*2\^53/],
    ] as const;
    for (const [event, says] of cases) {
      const { status, body } = await postEvent(app, event);
      assert.equal(status, 400, JSON.stringify(event));
      assert.match(body.detail, says);
    }
    assert.deepEqual(sent, []);
  });

  it('leave the content types of other operations as they were', async () => {
    const app = await createIngress(fakeQueues());
    const authorization = 'Bearer token';
    const plain = await post(app, '/probe', '{}', { authorization, 'content-type': 'text/plain' });
    assert.equal(plain.status, 415);
    const json = await post(app, '/probe', '{"amount":1}', { authorization });
    assert.deepEqual([json.status, json.body], [200, { amount: 1 }]);
  });

  it('may be as large as SQS takes them', async () => {
    const app = await createIngress(fakeQueues());
    const empty = JSON.stringify({ source: 'a', type: 'T', data: { x: '' } }).length;
    const send = async (size: number) =>
      (
        await postEvent(app, {
          source: 'a',
          type: 'T',
          data: { x: 'x'.repeat(size - empty) },
        })
      ).status;
    assert.deepEqual([await send(1_048_576), await send(1_048_577)], [200, 413]);
    const large = stripeEvent('evt_1', '1').padEnd(300_000);
    assert.equal((await postStripe(app, large)).status, 200);
    const sns = await post(app, '/ingress/sns', '{}'.padEnd(300_000), {
      'content-type': 'text/plain',
    });
    assert.equal(sns.status, 400);
  });
});

describe('the queues behind the ingress', () => {
  let stage: BridgeStage;
  let payments: TestQueue;
  let standard: TestQueue;
  let app: FastifyInstance;

  before(async () => {
    stage = await startBridgeStage(temporalAddress());
  });
  after(async () => await stage.stop());
  beforeEach(async () => {
    [payments, standard] = [await stage.createQueue({ fifo: true }), await stage.createQueue()];
    const enqueue = createIngressQueues({
      sqs: stage.sqs,
      paymentsQueueUrl: payments.url,
      ingressQueueUrl: standard.url,
    });
    app = await createIngress({ enqueue });
  });

  /** Waits for so many messages, and makes sure that there are no more. */
  async function received({ url }: TestQueue, count: number): Promise<readonly Message[]> {
    const found: Message[] = [];
    await eventually(async () => {
      const { Messages = [] } = await stage.sqs.send(
        new ReceiveMessageCommand({
          QueueUrl: url,
          MaxNumberOfMessages: 10,
          MessageSystemAttributeNames: ['All'],
        }),
      );
      found.push(...Messages);
      return found.length >= count && Messages.length === 0;
    });
    assert.equal(found.length, count);
    return found;
  }

  it("takes Stripe's payment through the bridge into its order's inbox, once", async () => {
    const orderId = uniqueId('order');
    await stage.begin(`order:web:${orderId}`);
    const [captured, failed] = [uniqueId('evt'), uniqueId('evt')];
    const payload = stripeEvent(captured, orderId);
    assert.equal((await postStripe(app, payload)).status, 200);
    assert.equal((await postStripe(app, payload)).status, 200);
    const declined = stripeEvent(failed, orderId, 'payment_intent.payment_failed');
    assert.equal((await postStripe(app, declined)).status, 200);
    const bridge = stage.startBridge([payments], { routes: ROUTES });
    await stage.untilEmpty(payments);
    const { records, repeats } = await stage.inbox(`order:web:${orderId}`);
    assert.deepEqual(
      records.map(({ id, type }) => [id, type]),
      [
        [`waybill.payments:${captured}`, 'PaymentCaptured'],
        [`waybill.payments:${failed}`, 'PaymentFailed'],
      ],
    );
    assert.equal(repeats, 0);
    await bridge.stop();
  });

  it('has payments by order in the one, and all other events in the other', async () => {
    const long = 'o'.repeat(128);
    const data = { version: 1, channel: 'web', orderId: long };
    const payment = { source: 'waybill.payments', type: 'PaymentMethodUpdated' };
    const shipment = { source: 'waybill.fulfilment', type: 'ShipmentDelivered' };
    const id = uniqueId('event');
    const events = [
      { ...payment, eventId: id, data: { ...data, orderId: '1', paymentMethod: 'pm_1' } },
      { ...payment, eventId: 'e'.repeat(200), data: { ...data, paymentMethod: 'pm_1' } },
      { ...payment, data: {} },
      { ...shipment, eventId: id, data: { ...data, orderId: '1', shipmentId: 's-1' } },
      { ...shipment, eventId: id, data: { note: '\uFFFF' } },
    ];
    for (const event of events) assert.equal((await postEvent(app, event)).status, 200);
    // The same again: the FIFO queue takes it once.
    for (const event of events) assert.equal((await postEvent(app, event)).status, 200);
    const places = (await received(payments, 3)).map(({ Attributes }) => [
      Attributes?.MessageGroupId ?? '',
      Attributes?.MessageDeduplicationId ?? '',
    ]);
    assert.deepEqual(places[0], ['order:web:1', id]);
    assert.ok(places.flat().every((place) => /^.{1,128}$/.test(place)));
    assert.equal(places[2]?.[0], places[2]?.[1]);
    const read = createReader(ROUTES);
    const plans = await Promise.all(
      (await received(standard, 4)).map(
        async ({ Body = '' }) =>
          (await read({ body: Body, messageId: 'm', parkedBefore: null }))[0]?.kind,
      ),
    );
    assert.equal(plans.filter((kind) => kind === 'planned').length, 2);
  });

  it("has each seller's events as a group of their own in the fair queue", async () => {
    const order = { source: 'waybill.storefront', type: 'OrderPlaced' };
    const lines = (sellerId: unknown) => [{ sellerId }, { sellerId: 'another' }];
    const events = [
      { ...order, data: { lines: lines('s-1') } },
      { ...order, data: { sellerId: 's-2', lines: lines('s-1') } },
      { ...order, data: { lines: lines('no ID of a seller') } },
      { ...order, data: { lines: 'none' } },
    ];
    for (const event of events) assert.equal((await postEvent(app, event)).status, 200);
    const groups = (await received(standard, 4)).map(
      ({ Attributes }) => Attributes?.MessageGroupId ?? 'none',
    );
    assert.deepEqual(groups.toSorted(), ['none', 'none', 's-1', 's-2']);
  });

  it('asks the sender to come again when SQS does not take the event', async () => {
    const gone = createIngressQueues({
      sqs: stage.sqs,
      paymentsQueueUrl: `${payments.url}-gone`,
      ingressQueueUrl: `${standard.url}-gone`,
    });
    const without = await createIngress({ enqueue: gone });
    const answers = [
      await postStripe(without, stripeEvent('evt_1', '1')),
      await postEvent(without, { source: 'a', type: 'T', data: {} }),
    ];
    for (const { status, headers, body } of answers) {
      assert.deepEqual([status, headers['retry-after']], [503, '5']);
      assert.equal(body.type, 'urn:waybill:problem:not-ready');
    }
  });
});
