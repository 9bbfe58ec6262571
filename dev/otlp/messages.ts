import { readFileSync } from 'node:fs';
import protobuf from 'protobufjs';

/** A span as a process exported it; IDs in hex. */
export interface ReceivedSpan {
  /** Such as `waybill-worker`. */
  readonly service: string;
  readonly scope: string;
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  /** Empty where it has none. */
  readonly parentSpanId: string;
  readonly attributes: ReceivedAttributes;
}

export type ReceivedAttributes = Readonly<Record<string, string | number | boolean>>;

/** The metrics of one process, from one SDK: Node's, or that of Temporal's core. */
export interface ReceivedMetrics {
  readonly resource: ReceivedAttributes;
  readonly metrics: readonly ReceivedMetric[];
}

export interface ReceivedMetric {
  readonly name: string;
  readonly description: string;
  readonly unit: string;
  readonly points: readonly (NumberPoint | HistogramPoint)[];
  readonly kind: 'gauge' | 'sum' | 'counter' | 'histogram';
}

export interface NumberPoint {
  readonly attributes: ReceivedAttributes;
  readonly value: number;
}

export interface HistogramPoint {
  readonly attributes: ReceivedAttributes;
  readonly count: number;
  readonly sum: number;
  /** One more than bounds: the last is of what is above all of them. */
  readonly buckets: readonly number[];
  readonly bounds: readonly number[];
}

const { root } = protobuf.parse(readFileSync(new URL('./messages.proto', import.meta.url), 'utf8'));
const [tracesData, metricsData] = [root.lookupType('TracesData'), root.lookupType('MetricsData')];

/** Throws an Error for what is no message of OTLP. */
export function readSpans(body: Uint8Array): readonly ReceivedSpan[] {
  const { resourceSpans } = decode<WireTraces>(tracesData, body);
  return resourceSpans.flatMap(({ resource, scopeSpans }) => {
    const service = String(attributesOf(resource)['service.name']);
    return scopeSpans.flatMap(({ scope, spans }) =>
      spans.map(({ traceId, spanId, parentSpanId, name, attributes }) => ({
        service,
        scope: scope?.name ?? '',
        name,
        traceId: hex(traceId),
        spanId: hex(spanId),
        parentSpanId: hex(parentSpanId),
        attributes: attributesOf({ attributes }),
      })),
    );
  });
}

/** Throws an Error for what is no message of OTLP. */
export function readMetrics(body: Uint8Array): readonly ReceivedMetrics[] {
  const { resourceMetrics } = decode<WireMetrics>(metricsData, body);
  return resourceMetrics.map(({ resource, scopeMetrics }) => ({
    resource: attributesOf(resource),
    metrics: scopeMetrics.flatMap(({ metrics }) => metrics.flatMap(metricOf)),
  }));
}

/** None of a kind that is not read here. */
function metricOf(wire: WireMetric): readonly ReceivedMetric[] {
  const { name, description, unit, gauge, sum, histogram } = wire;
  const described = { name, description, unit };
  if (histogram) {
    const points = histogram.dataPoints.map((point) => ({
      attributes: attributesOf(point),
      count: point.count,
      sum: point.sum,
      buckets: point.bucketCounts,
      bounds: point.explicitBounds,
    }));
    return [{ ...described, kind: 'histogram', points }];
  }
  const numbers = gauge ?? sum;
  if (!numbers) return [];
  const points = numbers.dataPoints.map((point) => ({
    attributes: attributesOf(point),
    value: point.asDouble ?? point.asInt ?? 0,
  }));
  return [
    { ...described, kind: gauge ? 'gauge' : numbers.isMonotonic ? 'counter' : 'sum', points },
  ];
}

function decode<Wire>(type: protobuf.Type, body: Uint8Array): Wire {
  return type.toObject(type.decode(body), { longs: Number, defaults: true }) as Wire;
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

function attributesOf(of: { readonly attributes: readonly WireAttribute[] } | null) {
  return Object.fromEntries(
    (of?.attributes ?? []).map(({ key, value }) => [
      key,
      value?.stringValue ?? value?.boolValue ?? value?.intValue ?? value?.doubleValue ?? '',
    ]),
  );
}

interface WireAttribute {
  readonly key: string;
  readonly value: {
    readonly stringValue?: string;
    readonly boolValue?: boolean;
    readonly intValue?: number;
    readonly doubleValue?: number;
  } | null;
}

interface WireResource {
  readonly attributes: readonly WireAttribute[];
}

interface WireTraces {
  readonly resourceSpans: readonly {
    readonly resource: WireResource | null;
    readonly scopeSpans: readonly {
      readonly scope: { readonly name: string } | null;
      readonly spans: readonly {
        readonly traceId: Uint8Array;
        readonly spanId: Uint8Array;
        readonly parentSpanId: Uint8Array;
        readonly name: string;
        readonly attributes: readonly WireAttribute[];
      }[];
    }[];
  }[];
}

interface WireMetrics {
  readonly resourceMetrics: readonly {
    readonly resource: WireResource | null;
    readonly scopeMetrics: readonly { readonly metrics: readonly WireMetric[] }[];
  }[];
}

interface WireMetric {
  readonly name: string;
  readonly description: string;
  readonly unit: string;
  readonly gauge?: WireNumbers;
  readonly sum?: WireNumbers;
  readonly histogram?: {
    readonly dataPoints: readonly {
      readonly attributes: readonly WireAttribute[];
      readonly count: number;
      readonly sum: number;
      readonly bucketCounts: readonly number[];
      readonly explicitBounds: readonly number[];
    }[];
  };
}

interface WireNumbers {
  readonly isMonotonic: boolean;
  readonly dataPoints: readonly {
    readonly attributes: readonly WireAttribute[];
    readonly asDouble?: number;
    readonly asInt?: number;
  }[];
}
