import { createRequire } from 'node:module';
import { emptyResource, type Resource } from '@opentelemetry/resources';
import { NoopSpanProcessor, type SpanProcessor } from '@opentelemetry/sdk-trace-base';
import { OpenTelemetryPlugin } from '@temporalio/interceptors-opentelemetry-v2';

/**
 * OpenTelemetry's interceptors for the workflows, by path: for `bundleWorkflowCode`. They are in every bundle,
 * whether its spans go anywhere or not, because they are part of what a history replays against.
 */
export const workflowInterceptorModules: string[] = [
  createRequire(import.meta.url).resolve(
    '@temporalio/interceptors-opentelemetry-v2/lib/workflow-interceptors',
  ),
];

/** Where spans go, and the process that they are of. */
export interface SpanSink {
  readonly resource: Resource;
  readonly spanProcessor: SpanProcessor;
}

/**
 * The counterpart in the worker and in replay (`plugins: [createTelemetry()]`): interceptors of activities, and
 * the sink that takes the workflows' spans.
 *
 * @param spans - Default: they are dropped.
 */
export function createTelemetry(spans?: SpanSink | null): OpenTelemetryPlugin {
  return new OpenTelemetryPlugin(
    spans ?? { resource: emptyResource(), spanProcessor: new NoopSpanProcessor() },
  );
}
