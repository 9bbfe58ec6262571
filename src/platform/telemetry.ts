import { createRequire } from 'node:module';
import { emptyResource } from '@opentelemetry/resources';
import { NoopSpanProcessor } from '@opentelemetry/sdk-trace-base';
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

/**
 * The counterpart in the worker and in replay (`plugins: [createTelemetry()]`): interceptors of activities, and
 * the sink that takes the workflows' spans. It drops the spans: nothing exports them yet.
 */
export function createTelemetry(): OpenTelemetryPlugin {
  return new OpenTelemetryPlugin({
    resource: emptyResource(),
    spanProcessor: new NoopSpanProcessor(),
  });
}
