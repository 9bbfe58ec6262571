import assert from 'node:assert/strict';
import type { UserError } from '../../src/platform/errors.ts';
import { createLogger } from '../../src/platform/logger.ts';
import { readOtlp, startTelemetry } from '../../src/platform/otlp.ts';

const ENDPOINT = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' };
const NOWHERE = { traces: null, metrics: null };

describe('what the OTEL_* variables say', () => {
  for (const [what, env] of [
    ['without an endpoint', {}],
    ['with an empty one', { OTEL_EXPORTER_OTLP_ENDPOINT: '' }],
    ['where the SDK is disabled', { ...ENDPOINT, OTEL_SDK_DISABLED: 'TRUE' }],
    [
      'with the exporters none',
      { ...ENDPOINT, OTEL_TRACES_EXPORTER: 'none', OTEL_METRICS_EXPORTER: 'none' },
    ],
  ] as const) {
    it(`is that nothing is exported, ${what}`, () => {
      assert.deepEqual(readOtlp(env), NOWHERE);
    });
  }

  it('is where both signals go', () => {
    const { traces, metrics } = readOtlp({
      OTEL_EXPORTER_OTLP_ENDPOINT: 'https://collector:4318/base/',
      OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20secret, tenant = t=1 ,',
      OTEL_EXPORTER_OTLP_METRICS_HEADERS: 'tenant=t2',
    });
    assert.deepEqual(traces, {
      url: 'https://collector:4318/base/v1/traces',
      headers: { authorization: 'Bearer secret', tenant: 't=1' },
    });
    assert.deepEqual(metrics, {
      url: 'https://collector:4318/base/v1/metrics',
      headers: { authorization: 'Bearer secret', tenant: 't2' },
      intervalMs: 60_000,
      temporality: 'cumulative',
    });
  });

  it('is where one signal goes, as it stands there', () => {
    const { traces, metrics } = readOtlp({
      OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: 'http://127.0.0.1:9464/own',
      OTEL_EXPORTER_OTLP_METRICS_PROTOCOL: 'http/protobuf',
      OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',
      OTEL_METRIC_EXPORT_INTERVAL: '5000',
      OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE: 'Delta',
    });
    assert.equal(traces, null);
    assert.deepEqual(metrics, {
      url: 'http://127.0.0.1:9464/own',
      headers: {},
      intervalMs: 5_000,
      temporality: 'delta',
    });
  });

  for (const [variable, value, complaint] of [
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'collector:4317', /expected an http\(s\) URL.*received "coll/],
    ['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', '/v1/traces', /expected an http\(s\) URL/],
    ['OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE', 'low', /expected cumulative or delta/],
    ['OTEL_EXPORTER_OTLP_PROTOCOL', 'grpc', /expected http\/protobuf, received "grpc"/],
    ['OTEL_EXPORTER_OTLP_METRICS_PROTOCOL', 'http/json', /expected http\/protobuf/],
    ['OTEL_TRACES_EXPORTER', 'zipkin', /expected otlp or none, received "zipkin"/],
    ['OTEL_METRIC_EXPORT_INTERVAL', '60s', /expected whole milliseconds, 1000 to 3600000/],
    ['OTEL_METRIC_EXPORT_INTERVAL', '999', /received "999"/],
    ['OTEL_EXPORTER_OTLP_HEADERS', 'sEcret', /expected name=value pairs/],
    ['OTEL_EXPORTER_OTLP_HEADERS', 'key=%sEcret', /expected name=value pairs/],
  ] as const) {
    it(`is refused where ${variable} is ${value}`, () => {
      assert.throws(
        () => readOtlp({ ...ENDPOINT, [variable]: value }),
        ({ message, hint }: UserError) => {
          assert.ok(message.startsWith(`${variable}: `), message);
          assert.match(message, complaint);
          assert.doesNotMatch(message, /sEcret/);
          assert.match(hint, /OTEL_EXPORTER_OTLP_ENDPOINT/);
          return true;
        },
      );
    });
  }
});

describe('telemetry that goes nowhere', () => {
  it('is nothing at all', async () => {
    const logger = createLogger({ process: 'test', level: 'info' });
    const telemetry = await startTelemetry('test', logger, {});
    assert.deepEqual(telemetry.clientPlugins, []);
    assert.equal(telemetry.spans, null);
    assert.equal(telemetry.coreMetrics, null);
    await telemetry.stop();
  });
});
