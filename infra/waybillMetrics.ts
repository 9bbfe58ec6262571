import { Duration } from 'aws-cdk-lib';
import { Metric, type IMetric } from 'aws-cdk-lib/aws-cloudwatch';
import { METRICS_NAMESPACE } from './collector.ts';

/**
 * The metrics that the processes export, as CloudWatch has them. `collector.yaml` declares each with its dimensions: one
 * that it does not declare is none.
 */
const DIMENSIONS = {
  'waybill.bridge.breaker.open': [],
  'waybill.bridge.limit': [],
  'waybill.bridge.throttled': [],
  'waybill.bridge.settled': ['outcome'],
  'waybill.bridge.lag': ['queue'],
  'waybill.bridge.parked': ['code'],
  'waybill.bridge.delivered': ['operation'],
  'waybill.bridge.delivery.duration': ['operation'],
  'waybill.audit.disagreements': [],
  'waybill.needs_operator': [],
  temporal_num_pollers: ['task_queue', 'poller_type'],
  temporal_worker_task_slots_available: ['task_queue', 'worker_type'],
  temporal_worker_task_slots_used: ['task_queue', 'worker_type'],
  temporal_workflow_task_schedule_to_start_latency: ['task_queue'],
  temporal_activity_schedule_to_start_latency: ['task_queue'],
  temporal_workflow_task_execution_failed: ['failure_reason'],
  temporal_request_failure: ['status_code'],
  temporal_workflow_failed: [],
} as const satisfies Record<string, readonly string[]>;

export type WaybillMetricName = keyof typeof DIMENSIONS;

type Dimensions<Name extends WaybillMetricName> = Readonly<
  Record<(typeof DIMENSIONS)[Name][number], string>
>;

/** One metric, by a statistic of CloudWatch (`Maximum`, `Sum`, `p99`) over each period; a minute by default. */
export function waybillMetric<Name extends WaybillMetricName>(
  name: Name,
  dimensions: Dimensions<Name>,
  statistic: string,
  period = Duration.minutes(1),
): Metric {
  return new Metric({
    namespace: METRICS_NAMESPACE,
    metricName: name,
    dimensionsMap: { ...dimensions },
    statistic,
    period,
  });
}

/** Metrics by the names that an expression calls them: `m0`, `m1`, ... and those names. */
export function named(metrics: readonly IMetric[], prefix = 'm') {
  const entries = metrics.map((metric, index) => [`${prefix}${index}`, metric] as const);
  return { names: entries.map(([name]) => name), usingMetrics: Object.fromEntries(entries) };
}
