import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { ReceiveMessageCommand, SendMessageCommand } from '@aws-sdk/client-sqs';
import type { FastifyInstance } from 'fastify';
import { connectTo, type StackClients } from '../dev/clients.ts';
import { seedStock } from '../dev/feed/stock.ts';
import type { ReceivedSpan } from '../dev/otlp/messages.ts';
import { createReceiver } from '../dev/otlp/receiver.ts';
import { freePort } from '../dev/ports.ts';
import type { Stack } from '../dev/stack.ts';
import type { OrderNotification } from '../src/contracts/orders.ts';
import { order } from './support/hostile.ts';
import { eventually, uniqueId } from './support/servers.ts';
import { startTestStack, tokenOf, type TestStack } from './support/stack.ts';

const HOST = '127.0.0.1';
const WITHIN = { within: 30_000 };

/** A trace that somebody else has begun. */
function createTrace() {
  const [traceId, spanId] = [randomBytes(16).toString('hex'), randomBytes(8).toString('hex')];
  return { traceId, spanId, traceparent: `00-${traceId}-${spanId}-01` };
}

interface Told {
  readonly notification: OrderNotification;
  /** Undefined where it has none. */
  readonly traceparent: string | undefined;
  readonly attributes: number;
}

describe('the telemetry of the whole stack', function () {
  this.timeout(120_000);
  const spans: ReceivedSpan[] = [];
  const told: Told[] = [];
  let receiver: FastifyInstance;
  let port: number;
  let test: TestStack;
  let stack: Stack;
  let clients: StackClients;
  let token: string;

  before(async () => {
    receiver = createReceiver((some) => void spans.push(...some));
    port = await freePort();
    await receiver.listen({ host: HOST, port });
    test = await startTestStack(
      { paymentMethodWithinSeconds: 60, compensationRetrySeconds: 60 },
      {
        settings: {
          OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `http://${HOST}:${port}/v1/traces`,
          OTEL_BSP_SCHEDULE_DELAY: '200',
          OTEL_METRIC_EXPORT_INTERVAL: '1000',
        },
      },
    );
    stack = test.stack;
    clients = await connectTo(stack);
    token = await tokenOf(stack);
    await seedStock(clients.table, stack.outputs.StockTable, { record: 1_000 });
  });

  after(async () => {
    await clients?.close();
    await test?.stop();
    await receiver.close();
  });

  async function post(path: string, body: object, headers: Readonly<Record<string, string>>) {
    return await fetch(new URL(path, stack.urls.api), {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    });
  }

  const orderPlaced = () => ({
    source: 'waybill.storefront',
    type: 'OrderPlaced',
    eventId: uniqueId('event'),
    data: { version: 1, ...order() },
  });

  /** The span of a workflow is exported when it ends. */
  async function deliver({ channel, orderId }: { channel: string; orderId: string }) {
    const data = { version: 1, channel, orderId, shipmentId: '1', carrier: 'post' };
    for (const type of ['ShipmentDispatched', 'ShipmentDelivered']) {
      const event = { source: 'waybill.fulfilment', type, eventId: uniqueId('event'), data };
      assert.equal((await post('/ingress/events', event, {})).status, 200);
    }
    return await notifications(orderId, 'closed');
  }

  /** Waits until it is told that the order is there, and answers what was told of it by then. */
  async function notifications(orderId: string, state: string): Promise<readonly Told[]> {
    return await eventually(async () => {
      const { Messages = [] } = await clients.sqs.send(
        new ReceiveMessageCommand({
          QueueUrl: stack.outputs.AuditQueueUrl,
          MaxNumberOfMessages: 10,
          MessageAttributeNames: ['All'],
        }),
      );
      for (const { Body = '', MessageAttributes = {} } of Messages) {
        told.push({
          notification: JSON.parse(Body) as OrderNotification,
          traceparent: MessageAttributes['traceparent']?.StringValue,
          attributes: Object.keys(MessageAttributes).length,
        });
      }
      const own = told.filter(({ notification }) => notification.orderId === orderId);
      return own.some(({ notification }) => notification.state === state) && own;
    }, WITHIN);
  }

  /**
   * Waits until the trace holds spans of these names, each under one that is in it too, up to the one that came from
   * outside; and answers all of it.
   */
  async function untilTraced(
    { traceId, spanId }: ReturnType<typeof createTrace>,
    names: readonly (readonly [service: string, name: string])[],
  ): Promise<readonly ReceivedSpan[]> {
    return await eventually(() => {
      const own = spans.filter((span) => span.traceId === traceId);
      for (const [service, name] of names) {
        assert.ok(
          own.some((span) => span.service === service && span.name === name),
          `${service} has no ${name} in\n${own.map((span) => `${span.service} ${span.name}`).join('\n')}`,
        );
      }
      const ids = new Set([spanId, ...own.map((span) => span.spanId)]);
      const loose = own.filter(({ parentSpanId }) => !ids.has(parentSpanId));
      assert.deepEqual(
        loose.map(({ name }) => name),
        [],
      );
      return own;
    }, WITHIN);
  }

  const parentOf = (own: readonly ReceivedSpan[], name: string) => {
    const { parentSpanId } = own.find((span) => span.name === name) ?? {};
    return own.find(({ spanId }) => spanId === parentSpanId)?.name;
  };

  /** Of a notification that is part of the trace, under a span by which it was published. */
  function assertPublished(own: readonly ReceivedSpan[], all: readonly Told[]): void {
    const publishing = own.filter(({ name }) => name.startsWith('send '));
    for (const { traceparent = 'none', attributes, notification } of all) {
      const what = `${notification.state}: ${traceparent}`;
      const [, traceId, spanId] = traceparent.split('-');
      assert.equal(traceId, own[0]?.traceId, what);
      assert.ok(
        publishing.some((span) => span.spanId === spanId),
        what,
      );
      assert.ok(attributes <= 10, what);
    }
  }

  it('is one trace from POST /orders to the notifications', async () => {
    const trace = createTrace();
    const body = order();
    const response = await post('/orders', body, {
      'idempotency-key': uniqueId('key'),
      traceparent: trace.traceparent,
    });
    assert.equal(response.status, 202);
    await notifications(body.orderId, 'fulfilling');
    const all = await deliver(body);
    const own = await untilTraced(trace, [
      ['waybill-api', 'POST /orders'],
      ['waybill-api', 'StartWorkflow:orderWorkflow'],
      ['waybill-worker', 'RunWorkflow:orderWorkflow'],
      ['waybill-worker', 'RunActivity:announceOrder'],
    ]);
    assertPublished(own, all);
    assert.equal(parentOf(own, 'StartWorkflow:orderWorkflow'), 'POST /orders');
    assert.equal(parentOf(own, 'RunWorkflow:orderWorkflow'), 'StartWorkflow:orderWorkflow');
    const { attributes } = own.find(({ name }) => name === 'POST /orders') as ReceivedSpan;
    assert.equal(attributes['http.route'], '/orders');
    assert.equal(attributes['http.response.status_code'], 202);
  });

  it('is one trace from an event through the bridge to the notifications', async () => {
    const trace = createTrace();
    const event = orderPlaced();
    await clients.sqs.send(
      new SendMessageCommand({
        QueueUrl: stack.outputs.OrdersQueueUrl,
        MessageBody: JSON.stringify(event),
        MessageAttributes: {
          traceparent: { DataType: 'String', StringValue: trace.traceparent },
        },
      }),
    );
    await notifications(event.data.orderId, 'fulfilling');
    const all = await deliver(event.data);
    const own = await untilTraced(trace, [
      ['waybill-bridge', 'start OrderPlaced'],
      ['waybill-bridge', 'StartWorkflow:orderWorkflow'],
      ['waybill-worker', 'RunWorkflow:orderWorkflow'],
      ['waybill-worker', 'RunActivity:announceOrder'],
    ]);
    assertPublished(own, all);
    assert.equal(parentOf(own, 'StartWorkflow:orderWorkflow'), 'start OrderPlaced');
  });

  it('is one trace from an event that the API takes', async () => {
    const trace = createTrace();
    const event = orderPlaced();
    const response = await post('/ingress/events', event, { traceparent: trace.traceparent });
    assert.equal(response.status, 200);
    await notifications(event.data.orderId, 'fulfilling');
    const all = await deliver(event.data);
    const own = await untilTraced(trace, [
      ['waybill-api', 'POST /ingress/events'],
      ['waybill-bridge', 'start OrderPlaced'],
      ['waybill-worker', 'RunWorkflow:orderWorkflow'],
    ]);
    assertPublished(own, all);
    assert.equal(parentOf(own, 'start OrderPlaced'), 'POST /ingress/events');
  });

  it("shows the metrics of each process and of Temporal's worker as Prometheus text", async () => {
    const text = await eventually(async () => {
      const response = await fetch(stack.urls.metrics);
      assert.match(response.headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/);
      const page = await response.text();
      for (const line of [
        /^waybill_bridge_received_total\{queue="[^"]+",service_name="waybill-bridge"\} [1-9]/m,
        /^waybill_bridge_breaker_open\{service_name="waybill-bridge"\} 0$/m,
        /^waybill_bridge_delivery_duration_bucket\{.*le="0\.05"\} \d/m,
        /^http_server_request_duration_count\{.*http_route="\/orders",http_response_status_code="202".*\} [1-9]/m,
        /^temporal_workflow_task_schedule_to_start_latency_bucket\{.*service_name="waybill-worker".*\} \d/m,
        /^temporal_worker_task_slots_available\{.*task_queue="payments".*\} \d/m,
        /^temporal_num_pollers\{.*\} [1-9]/m,
      ]) {
        assert.match(page, line);
      }
      return page;
    }, WITHIN);
    const types = [...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name);
    assert.deepEqual(types, [...new Set(types)]);
  });

  it('keeps nothing from working, and no process from ending, when the collector is away', async () => {
    await receiver.close();
    const body = order();
    const response = await post('/orders', body, { 'idempotency-key': uniqueId('key') });
    assert.equal(response.status, 202);
    await notifications(body.orderId, 'fulfilling');
    await eventually(async () => {
      const log = await readFile(stack.part('worker').logFile, 'utf8');
      return log.includes('"telemetry not taken"');
    }, WITHIN);
    // One that takes everything and answers nothing.
    const hanging = await listen(
      createServer(() => undefined),
      port,
    );
    try {
      for (const name of ['bridge', 'api', 'worker'] as const) {
        const began = performance.now();
        const child = stack.part(name);
        assert.ok(await child.stop({ within: 15_000 }), `${name} did not end by itself`);
        console.log(`      ${name} ended after ${Math.round(performance.now() - began)} ms`);
      }
    } finally {
      hanging.closeAllConnections();
      hanging.close();
    }
  });
});

async function listen(server: Server, port: number): Promise<Server> {
  const { promise, resolve, reject } = Promise.withResolvers<Server>();
  server.once('error', reject);
  server.listen(port, HOST, () => resolve(server));
  return await promise;
}
