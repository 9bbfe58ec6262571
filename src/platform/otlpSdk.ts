import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { context, metrics, propagation, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { setGlobalErrorHandler, W3CTraceContextPropagator } from '@opentelemetry/core';
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-proto';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import {
  defaultResource,
  detectResources,
  envDetector,
  resourceFromAttributes,
  type Resource,
} from '@opentelemetry/resources';
import { MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
import { BasicTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { OpenTelemetryPlugin } from '@temporalio/interceptors-opentelemetry-v2';
import type { OtlpSettings, Telemetry } from './otlp.ts';

// Apart from otlp.ts, so that a process that exports nothing loads none of it.

/** How long a collector may take what is left, in milliseconds. */
const FLUSH_WITHIN = 1_000;

/** Sets up what the settings ask for, for the whole process. */
export function startSdk(
  name: string,
  settings: OtlpSettings,
  onError: (error: unknown) => void,
): Telemetry {
  setGlobalErrorHandler(onError);
  const resource = describeProcess(name);
  const traces = settings.traces && startTraces(settings.traces, resource);
  const meters = settings.metrics && startMetrics(settings.metrics, resource);
  return {
    clientPlugins: traces ? [new OpenTelemetryPlugin(traces.spans)] : [],
    spans: traces?.spans ?? null,
    coreMetrics: settings.metrics && { ...settings.metrics, resource: textsOf(resource) },
    async stop() {
      const flushed = Promise.allSettled([traces?.provider.shutdown(), meters?.shutdown()]);
      const waiting = new AbortController();
      const late = delay(FLUSH_WITHIN, undefined, { signal: waiting.signal }).catch(
        () => undefined,
      );
      await Promise.race([flushed, late]);
      waiting.abort();
    },
  };
}

/** What OTEL_RESOURCE_ATTRIBUTES and OTEL_SERVICE_NAME say goes before ours. */
function describeProcess(name: string): Resource {
  return defaultResource()
    .merge(
      resourceFromAttributes({
        'service.name': `waybill-${name}`,
        'service.instance.id': randomUUID(),
      }),
    )
    .merge(detectResources({ detectors: [envDetector] }));
}

function startTraces(target: NonNullable<OtlpSettings['traces']>, resource: Resource) {
  const spanProcessor = new BatchSpanProcessor(new OTLPTraceExporter({ ...target }));
  const provider = new BasicTracerProvider({ resource, spanProcessors: [spanProcessor] });
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(new W3CTraceContextPropagator());
  trace.setGlobalTracerProvider(provider);
  return { provider, spans: { resource, spanProcessor } };
}

function startMetrics(
  { url, headers, intervalMs }: NonNullable<OtlpSettings['metrics']>,
  resource: Resource,
): MeterProvider {
  const provider = new MeterProvider({
    resource,
    readers: [
      new PeriodicExportingMetricReader({
        exporter: new OTLPMetricExporter({ url, headers }),
        exportIntervalMillis: intervalMs,
      }),
    ],
  });
  metrics.setGlobalMeterProvider(provider);
  return provider;
}

/** Of the SDK itself Temporal's core tells its own. */
function textsOf({ attributes }: Resource): Record<string, string> {
  return Object.fromEntries(
    Object.entries(attributes).flatMap(([key, value]) =>
      key.startsWith('telemetry.') || value === undefined ? [] : [[key, String(value)]],
    ),
  );
}
