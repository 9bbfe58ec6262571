import { ValueType } from '@opentelemetry/api';
import { PrometheusSerializer } from '@opentelemetry/exporter-prometheus';
import { emptyResource } from '@opentelemetry/resources';
import {
  AggregationTemporality,
  DataPointType,
  type DataPoint,
  type Histogram,
  type MetricData,
} from '@opentelemetry/sdk-metrics';
import type {
  HistogramPoint,
  NumberPoint,
  ReceivedAttributes,
  ReceivedMetric,
  ReceivedMetrics,
} from './messages.ts';

/** How long what a process has said is shown, in milliseconds: it is taken to be gone then. */
const SHOWN_FOR = 60_000;

/** Keeps what each process said last, and shows it all as Prometheus text, with the process as the label `service_name`. */
export function createPage() {
  const latest = new Map<string, { readonly at: number; readonly metrics: ReceivedMetric[] }>();

  return {
    take({ resource, metrics }: ReceivedMetrics): void {
      const service = String(resource['service.name']);
      // Of one process Node's SDK and Temporal's core speak apart. A process that was started again takes its place.
      latest.set(`${service} ${resource['telemetry.sdk.language']}`, {
        at: Date.now(),
        metrics: metrics.map((metric) => labelled(metric, { service_name: service })),
      });
    },

    text(): string {
      const shown = [...latest.values()].filter(({ at }) => Date.now() - at < SHOWN_FOR);
      // A name may stand there once only, with the values of all processes.
      const byName = Map.groupBy(
        shown.flatMap(({ metrics }) => metrics),
        ({ name }) => name,
      );
      const metrics = [...byName.values()]
        .map(([first, ...others]) => {
          const all = first as ReceivedMetric;
          return dataOf({ ...all, points: [all, ...others].flatMap(({ points }) => points) });
        })
        .toSorted((one, other) => one.descriptor.name.localeCompare(other.descriptor.name));
      return SERIALIZER.serialize({
        resource: emptyResource(),
        scopeMetrics: [{ scope: { name: '' }, metrics }],
      });
    },
  };
}

/** Without timestamps, and without what tells of the resource and of the scope. */
const SERIALIZER = new PrometheusSerializer('', false, undefined, true, true);

function labelled(metric: ReceivedMetric, labels: ReceivedAttributes): ReceivedMetric {
  return {
    ...metric,
    points: metric.points.map((point) => ({
      ...point,
      attributes: { ...point.attributes, ...labels },
    })),
  };
}

function dataOf({ name, description, unit, kind, points }: ReceivedMetric): MetricData {
  const described = {
    descriptor: { name, description, unit, valueType: ValueType.DOUBLE },
    aggregationTemporality: AggregationTemporality.CUMULATIVE,
  };
  if (kind === 'histogram') {
    const dataPoints = (points as readonly HistogramPoint[]).map(
      ({ attributes, count, sum, buckets, bounds }) =>
        pointOf<Histogram>(attributes, {
          count,
          sum,
          buckets: { counts: [...buckets], boundaries: [...bounds] },
        }),
    );
    return { ...described, dataPointType: DataPointType.HISTOGRAM, dataPoints };
  }
  const dataPoints = (points as readonly NumberPoint[]).map(({ attributes, value }) =>
    pointOf(attributes, value),
  );
  return kind === 'gauge'
    ? { ...described, dataPointType: DataPointType.GAUGE, dataPoints }
    : {
        ...described,
        dataPointType: DataPointType.SUM,
        dataPoints,
        isMonotonic: kind === 'counter',
      };
}

function pointOf<Value>(attributes: ReceivedAttributes, value: Value): DataPoint<Value> {
  return { attributes, value, startTime: [0, 0], endTime: [0, 0] };
}
