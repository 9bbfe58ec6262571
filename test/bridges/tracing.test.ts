import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { context, propagation, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { emptyResource } from '@opentelemetry/resources';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  NoopSpanProcessor,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { Client } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import { OpenTelemetryPlugin } from '@temporalio/interceptors-opentelemetry-v2';
import { z } from 'zod';
import { bridge, on, workflowReference } from '../../src/bridges/index.ts';
import type { Job } from '../../src/bridges/lanes.ts';
import type { MessageTrace } from '../../src/bridges/record.ts';
import { inSpan, traceparentOf } from '../../src/bridges/tracing.ts';
import type { inboxWorkflow } from '../support/inboxWorkflow.ts';
import {
  capturingLogger,
  rawEvent,
  startBridgeStage,
  type BridgeStage,
} from '../support/bridge.ts';
import { eventually, temporalAddress, uniqueId } from '../support/servers.ts';

/** A trace that somebody has begun, and how they note it. */
function createTrace() {
  const traceId = randomBytes(16).toString('hex');
  const spanId = randomBytes(8).toString('hex');
  return {
    traceId,
    spanId,
    traceparent: `00-${traceId}-${spanId}-01`,
    awsTraceHeader: `Root=1-${traceId.slice(0, 8)}-${traceId.slice(8)};Parent=${spanId};Sampled=1`,
  };
}

const text = (value: string) => ({ DataType: 'String', StringValue: value });

describe('an X-Ray trace header', () => {
  const ROOT = 'Root=1-5759e988-bd862e3fe1be46a994272793';
  const TRACE = '00-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8';
  for (const [header, expected] of [
    [`${ROOT};Parent=53995c3f42cd8ad8;Sampled=1`, `${TRACE}-01`],
    [`${ROOT};Parent=53995c3f42cd8ad8;Sampled=0`, `${TRACE}-00`],
    [`${ROOT};Parent=53995c3f42cd8ad8;Sampled=?`, `${TRACE}-00`],
    [`${ROOT};Parent=53995c3f42cd8ad8`, `${TRACE}-00`],
    [`Sampled=1; Parent=53995C3F42CD8AD8; ${ROOT}`, `${TRACE}-01`],
    [`Self=1-0-0;${ROOT};Parent=53995c3f42cd8ad8;Sampled=1;Lineage=a:1`, `${TRACE}-01`],
    [ROOT, undefined],
    ['Parent=53995c3f42cd8ad8;Sampled=1', undefined],
    [`${ROOT.slice(0, -1)};Parent=53995c3f42cd8ad8`, undefined],
    [`${ROOT};Parent=53995c3f42cd8ad`, undefined],
    [`${ROOT}0;Parent=53995c3f42cd8ad8`, undefined],
    [`${ROOT};Parent=53995c3f42cd8ad80`, undefined],
    [`Old${ROOT};Parent=53995c3f42cd8ad8`, undefined],
    [`${ROOT};Parent=53995c3f42cd8ad8;Sampled=10`, `${TRACE}-00`],
    ['', undefined],
    [undefined, undefined],
  ] as const) {
    it(`${header} is ${expected ?? 'no trace'}`, () => {
      assert.equal(traceparentOf(header), expected);
    });
  }
});

describe('a trace', () => {
  const exporter = new InMemorySpanExporter();
  let stage: BridgeStage;
  let stopping: AbortController;

  before(async function () {
    this.timeout(180_000);
    stage = await startBridgeStage(temporalAddress());
  });
  after(() => stage.stop());

  function setUp(): void {
    stopping = new AbortController();
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    propagation.setGlobalPropagator(new W3CTraceContextPropagator());
    trace.setGlobalTracerProvider(
      new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }),
    );
  }

  function tearDown(): void {
    // A test that fails would leave its bridge running.
    stopping.abort();
    trace.disable();
    propagation.disable();
    context.disable();
    exporter.reset();
  }

  const spansOf = (name: string) =>
    exporter.getFinishedSpans().filter((span) => span.name === name);

  /** An event on its way, as the scheduler hands it over. */
  function job(id: string, own: MessageTrace): Job {
    return {
      planned: {
        event: { id, source: 'test', type: 'Event', data: {} },
        plan: { operation: 'inbox', workflowId: 'w', earlySeconds: 0, late: 'park' },
        namespace: undefined,
      },
      size: 1,
      lease: { until: Infinity, cap: Infinity },
      trace: own,
      resolve: () => undefined,
    };
  }

  describe('where OpenTelemetry is set up', () => {
    beforeEach(setUp);
    afterEach(tearDown);

    const bodies = {
      raw: (event: object, { traceparent }: ReturnType<typeof createTrace>) => ({
        ...event,
        traceparent,
      }),
      SNS: (event: object, { traceparent }: ReturnType<typeof createTrace>) => ({
        Type: 'Notification',
        TopicArn: 'arn:aws:sns:us-east-1:000000000000:topic',
        MessageId: uniqueId('sns'),
        Message: JSON.stringify(event),
        MessageAttributes: { traceparent: { Type: 'String', Value: traceparent } },
      }),
      CloudEvents: (
        { source, type, data }: ReturnType<typeof rawEvent>,
        { traceparent }: ReturnType<typeof createTrace>,
      ) => ({ specversion: '1.0', id: uniqueId('ce'), source, type, data, traceparent }),
      EventBridge: (
        { source, type, data }: ReturnType<typeof rawEvent>,
        { traceparent }: ReturnType<typeof createTrace>,
      ) => ({
        version: '0',
        id: uniqueId('eb'),
        source,
        'detail-type': type,
        detail: { ...data, traceparent },
      }),
    };

    for (const [what, body, attributes] of [
      ['the message attribute traceparent', null, 'traceparent'],
      ["X-Ray's system attribute", null, 'awsTraceHeader'],
      ['the top level of a raw event', bodies.raw, null],
      ['the attributes of an SNS notification', bodies.SNS, null],
      ['the extension of CloudEvents', bodies.CloudEvents, null],
      ["the detail of EventBridge's event", bodies.EventBridge, null],
      ['its message attribute before that of its body', bodies.raw, 'traceparent'],
    ] as const) {
      it(`goes on from ${what}`, async () => {
        const queue = await stage.createQueue();
        const running = stage.startBridge([queue]);
        const own = createTrace();
        const event = rawEvent('Begin', uniqueId('order'), uniqueId('e'));
        const inBody = attributes === null ? own : createTrace();
        await stage.send(queue, body ? body(event, inBody) : event, {
          ...(attributes === 'traceparent' && {
            MessageAttributes: {
              traceparent: text(own.traceparent),
              tracestate: text('vendor=value'),
            },
          }),
          ...(attributes === 'awsTraceHeader' && {
            MessageSystemAttributes: { AWSTraceHeader: text(own.awsTraceHeader) },
          }),
        });
        await stage.untilEmpty(queue);
        const [span, ...more] = spansOf('start Begin');
        assert.deepEqual(more, []);
        assert.ok(span);
        assert.equal(span.spanContext().traceId, own.traceId);
        assert.equal(span.parentSpanContext?.spanId, own.spanId);
        assert.equal(span.parentSpanContext?.isRemote, true);
        assert.equal(span.kind, SpanKind.CONSUMER);
        if (attributes === 'traceparent') {
          assert.equal(span.parentSpanContext?.traceState?.serialize(), 'vendor=value');
        }
        assert.deepEqual(span.attributes, {
          'messaging.system': 'aws_sqs',
          'messaging.batch.message_count': 1,
          'waybill.event_id': running.lines('settled')[0]?.['eventId'],
          'waybill.route': 'test Begin',
          'temporal.workflow.id': event.data.id,
          'waybill.delivery': 'delivered',
        });
        await running.stop();
      });
    }

    it('of its own begins where none came, and X-Ray stands in for one that cannot be read', async () => {
      const own = createTrace();
      const answer = async () => [{ delivery: 'delivered' as const }];
      const { awsTraceHeader } = own;
      await inSpan([job('e-1', {})], answer);
      await inSpan([job('e-2', { traceparent: 'not one' })], answer);
      await inSpan([job('e-3', { traceparent: 'not one', awsTraceHeader })], answer);
      const [first, second, third] = exporter.getFinishedSpans();
      assert.equal(first?.parentSpanContext, undefined);
      assert.equal(second?.parentSpanContext, undefined);
      assert.equal(third?.parentSpanContext?.spanId, own.spanId);
    });

    it('is linked where its event went together with one of another', async () => {
      const queue = await stage.createQueue();
      const id = uniqueId('order');
      await stage.begin(id);
      const traces = Array.from({ length: 6 }, createTrace);
      for (const [index, { traceparent }] of traces.entries()) {
        await stage.send(queue, { ...rawEvent('Event', id, `e-${index}`), traceparent });
      }
      const running = stage.startBridge([queue]);
      await stage.untilEmpty(queue);
      const spans = spansOf('inbox Event');
      const carried = spans.map(({ parentSpanContext, links }) => [
        String(parentSpanContext?.spanId),
        ...links.map((link) => link.context.spanId),
      ]);
      assert.deepEqual(carried.flat().toSorted(), traces.map(({ spanId }) => spanId).toSorted());
      assert.ok(carried.some(({ length }) => length > 1));
      assert.deepEqual(
        spans.map(({ attributes }) => attributes['messaging.batch.message_count']),
        carried.map(({ length }) => length),
      );
      await running.stop();
    });

    it('tells what Temporal refused', async () => {
      await inSpan([job('e-1', {})], async () => [
        { delivery: 'unavailable', error: new Error('no connection') },
      ]);
      await inSpan([job('e-2', {})], async () => [{ delivery: 'late' }]);
      const [away, late] = exporter.getFinishedSpans();
      assert.deepEqual(away?.status, { code: SpanStatusCode.ERROR, message: 'no connection' });
      assert.equal(away.attributes['waybill.delivery'], 'unavailable');
      assert.equal(late?.status.code, SpanStatusCode.UNSET);
      assert.equal(late.attributes['waybill.delivery'], 'late');
    });

    it("is carried into the workflow by Temporal's own interceptors", async () => {
      const queue = await stage.createQueue();
      const running = bridge({
        queueUrls: [queue.url],
        routes: [
          on('test', 'Begin', z.object({ id: z.string() })).start(
            workflowReference<typeof inboxWorkflow>('inboxWorkflow', stage.taskQueue),
            ({ data: { id } }) => ({ workflowId: id, args: [] }),
          ),
        ],
        client: new Client({
          connection: stage.client.connection,
          plugins: [
            new OpenTelemetryPlugin({
              resource: emptyResource(),
              spanProcessor: new NoopSpanProcessor(),
            }),
          ],
        }),
        sqs: stage.sqs,
        logger: capturingLogger().logger,
      }).run(stopping.signal);
      const { traceId, traceparent } = createTrace();
      const id = uniqueId('order');
      await stage.send(queue, { ...rawEvent('Begin', id, 'e-1'), traceparent });
      await stage.untilEmpty(queue);
      const [delivery] = spansOf('start Begin');
      const starting = await eventually(() => spansOf('StartWorkflow:inboxWorkflow')[0]);
      assert.equal(starting.parentSpanContext?.spanId, delivery?.spanContext().spanId);
      const { events } = await stage.client.workflow.getHandle(id).fetchHistory();
      const { header } = events?.[0]?.workflowExecutionStartedEventAttributes ?? {};
      const payload = header?.fields?.['_tracer-data'];
      assert.ok(payload);
      assert.deepEqual(defaultPayloadConverter.fromPayload(payload), {
        traceparent: `00-${traceId}-${starting.spanContext().spanId}-01`,
      });
      stopping.abort();
      await running;
    });
  });

  it('is of no matter where OpenTelemetry is not set up', async () => {
    const queue = await stage.createQueue();
    const running = stage.startBridge([queue]);
    const { traceparent } = createTrace();
    const id = uniqueId('order');
    const send = (type: string, eventId: string) =>
      stage.send(queue, { ...rawEvent(type, id, eventId), traceparent });
    await send('Begin', 'e-1');
    await stage.untilEmpty(queue);
    await send('Event', 'e-2');
    await stage.untilEmpty(queue);
    assert.deepEqual(running.outcomes(), ['delivered', 'delivered']);
    await running.stop();
  });
});
