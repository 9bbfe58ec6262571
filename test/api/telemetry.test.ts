import assert from 'node:assert/strict';
import { request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { context, metrics, propagation, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
  type Histogram,
} from '@opentelemetry/sdk-metrics';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import type { FastifyInstance } from 'fastify';
import { createProbe } from '../support/probe.ts';
import { eventually } from '../support/servers.ts';

const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';
const PARENT_ID = 'b7ad6b7169203331';
const ANA = { authorization: 'Bearer ana' };

describe("the API's telemetry", () => {
  const spans = new InMemorySpanExporter();
  const measured = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  let meters: MeterProvider;
  let app: FastifyInstance;
  let url: string;
  const [entered, held] = [Promise.withResolvers<void>(), Promise.withResolvers<object>()];

  before(async () => {
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    propagation.setGlobalPropagator(new W3CTraceContextPropagator());
    const spanProcessors = [new SimpleSpanProcessor(spans)];
    trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors }));
    const reader = new PeriodicExportingMetricReader({ exporter: measured });
    meters = new MeterProvider({ readers: [reader] });
    metrics.setGlobalMeterProvider(meters);
    app = await createProbe();
    const open = { config: { access: 'public' }, schema: { hide: true } } as const;
    app.post('/active/:id', open, async () => trace.getActiveSpan()?.spanContext());
    app.get('/broken', open, async () => {
      throw new Error('broken');
    });
    app.get('/held', open, async () => {
      entered.resolve();
      return await held.promise;
    });
    await app.listen({ host: '127.0.0.1', port: 0 });
    url = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`;
  });

  after(async () => {
    held.resolve({});
    await app.close();
    await meters.shutdown();
    for (const api of [trace, propagation, context, metrics]) api.disable();
  });

  const spanOf = async (name: string) =>
    await eventually(() => spans.getFinishedSpans().find((span) => span.name === name));

  async function durations(): Promise<readonly Readonly<Record<string, unknown>>[]> {
    measured.reset();
    await meters.forceFlush();
    const all = measured.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics);
    const found = all
      .flatMap((scope) => scope.metrics)
      .find(({ descriptor }) => descriptor.name === 'http.server.request.duration');
    return (found?.dataPoints ?? []).map(({ attributes, value }) => ({
      ...attributes,
      count: (value as Histogram).count,
    }));
  }

  it('goes on with the trace of the request, also in what comes after its body', async () => {
    const response = await fetch(`${url}/active/42?token=t`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        traceparent: `00-${TRACE_ID}-${PARENT_ID}-01`,
      },
      // More than one read of the connection.
      body: JSON.stringify({ text: 'x'.repeat(200_000) }),
    });
    const active = (await response.json()) as { readonly spanId: string };
    const span = await spanOf('POST /active/:id');
    assert.equal(active.spanId, span.spanContext().spanId);
    assert.equal(span.spanContext().traceId, TRACE_ID);
    assert.equal(span.parentSpanContext?.spanId, PARENT_ID);
    assert.equal(span.kind, SpanKind.SERVER);
    assert.equal(span.status.code, SpanStatusCode.UNSET);
    assert.deepEqual(span.attributes, {
      'url.path': '/active/42',
      'http.request.method': 'POST',
      'url.scheme': 'http',
      'http.route': '/active/:id',
      'http.response.status_code': 200,
    });
  });

  it('tells what was refused, what failed and what was given up', async () => {
    await fetch(`${url}/probe`);
    const refused = await spanOf('GET /probe');
    assert.equal(refused.attributes['http.response.status_code'], 401);
    assert.equal(refused.status.code, SpanStatusCode.UNSET);

    await fetch(`${url}/broken`);
    const broken = await spanOf('GET /broken');
    assert.equal(broken.attributes['error.type'], '500');
    assert.equal(broken.status.code, SpanStatusCode.ERROR);

    await fetch(`${url}/nowhere`);
    const nowhere = await spanOf('GET');
    assert.equal(nowhere.attributes['http.route'], undefined);

    const asking = request(`${url}/held`).end();
    asking.on('error', () => undefined);
    await entered.promise;
    asking.destroy();
    const givenUp = await spanOf('GET /held');
    assert.equal(givenUp.attributes['error.type'], 'aborted');
    assert.equal(givenUp.attributes['http.response.status_code'], undefined);
  });

  it('measures every request by its route, and traces no look at the health', async () => {
    for (const id of ['1', '2']) {
      await fetch(`${url}/probe`, { method: 'POST', headers: { ...ANA, 'x-id': id } });
    }
    await fetch(`${url}/healthz`);
    const own = { 'http.request.method': 'GET', 'url.scheme': 'http' };
    await eventually(async () => {
      const all = await durations();
      assert.deepEqual(
        all.find((one) => one['http.route'] === '/healthz'),
        { ...own, 'http.route': '/healthz', 'http.response.status_code': 200, count: 1 },
      );
      assert.equal(
        all.find(
          (one) => one['http.request.method'] === 'POST' && one['http.route'] === '/probe',
        )?.['count'],
        2,
      );
      assert.ok(all.some((one) => one['http.response.status_code'] === 404 && !one['http.route']));
      return true;
    });
    assert.equal(
      spans.getFinishedSpans().find(({ name }) => name.includes('healthz')),
      undefined,
    );
  });
});
