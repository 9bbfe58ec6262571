import { metrics, type Attributes } from '@opentelemetry/api';
import type { ParkingCode } from '../contracts/parking.ts';
import type { Operation } from './plan.ts';
import type { Settlement } from './settlement.ts';

/** What is looked at when metrics are collected. */
export interface BridgeState {
  /** Messages in hand. */
  readonly inHand: number;
  /** Calls to Temporal on their way, and how many there may be. */
  readonly calls: number;
  readonly limit: number;
  readonly isOpen: boolean;
  /** The age of the oldest message in hand of each queue, in seconds since it was sent; 0 where there is none. */
  readonly lags: readonly { readonly queue: string; readonly seconds: number }[];
}

/** How an event or message was settled: the outcome of a delete, else the kind. */
export type Outcome =
  | Extract<Settlement, { kind: 'delete' }>['outcome']
  | 'parked'
  | 'released'
  | 'lease-lost';

export interface Metrics {
  received(queue: string, messages: number): void;
  /** A call to Temporal was answered. @param latency - in milliseconds. */
  called(operation: Operation, latency: number, events: number): void;
  settled(queue: string, operation: Operation | 'unread', outcome: Outcome): void;
  parked(queue: string, code: ParkingCode): void;
  /** Temporal refused a call, and asked for fewer of them. */
  throttled(operation: Operation): void;
  /** Shows the state until the answer is called. */
  observe(state: () => BridgeState): () => void;
}

/**
 * OpenTelemetry's metrics of the bridge, under the meter `waybill.bridge`. Where the process sets up no SDK they cost
 * next to nothing and go nowhere.
 */
export function createMetrics(): Metrics {
  const meter = metrics.getMeter('waybill.bridge');
  const received = meter.createCounter('waybill.bridge.received', {
    unit: '{message}',
    description: 'Messages received from SQS, by queue.',
  });
  const delivered = meter.createCounter('waybill.bridge.delivered', {
    unit: '{event}',
    description: 'Events handed to Temporal and answered, whatever the answer, by operation.',
  });
  const settled = meter.createCounter('waybill.bridge.settled', {
    unit: '{event}',
    description: 'Events settled, by queue, operation and outcome.',
  });
  const parked = meter.createCounter('waybill.bridge.parked', {
    unit: '{event}',
    description: 'Events parked in a dead-letter queue, by queue and code.',
  });
  const throttled = meter.createCounter('waybill.bridge.throttled', {
    unit: '{call}',
    description: 'Calls that Temporal refused, asking for fewer, by operation.',
  });
  const duration = meter.createHistogram('waybill.bridge.delivery.duration', {
    unit: 's',
    description: 'From the call to Temporal to its answer, by operation.',
    advice: {
      explicitBucketBoundaries: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    },
  });
  const inHand = meter.createObservableGauge('waybill.bridge.in_flight', {
    unit: '{message}',
    description: 'Messages received and not settled yet.',
  });
  const calls = meter.createObservableGauge('waybill.bridge.calls', {
    unit: '{call}',
    description: 'Calls to Temporal on their way.',
  });
  const limit = meter.createObservableGauge('waybill.bridge.limit', {
    unit: '{call}',
    description: 'How many calls to Temporal may be on their way at once.',
  });
  const open = meter.createObservableGauge('waybill.bridge.breaker.open', {
    description:
      '1 while the breaker is open: Temporal cannot take anything, and nothing is received.',
  });
  const lag = meter.createObservableGauge('waybill.bridge.lag', {
    unit: 's',
    description: 'Age of the oldest message in hand since it was sent, by queue.',
  });
  return {
    received: (queue, messages) => received.add(messages, { queue }),
    called(operation, latency, events) {
      const attributes: Attributes = { operation };
      delivered.add(events, attributes);
      duration.record(latency / 1_000, attributes);
    },
    settled: (queue, operation, outcome) => settled.add(1, { queue, operation, outcome }),
    parked: (queue, code) => parked.add(1, { queue, code }),
    throttled: (operation) => throttled.add(1, { operation }),
    observe(state) {
      const gauges = [inHand, calls, limit, open, lag];
      const callback: Parameters<typeof meter.addBatchObservableCallback>[0] = (result) => {
        const now = state();
        result.observe(inHand, now.inHand);
        result.observe(calls, now.calls);
        result.observe(limit, now.limit);
        result.observe(open, now.isOpen ? 1 : 0);
        for (const { queue, seconds } of now.lags) result.observe(lag, seconds, { queue });
      };
      meter.addBatchObservableCallback(callback, gauges);
      return () => meter.removeBatchObservableCallback(callback, gauges);
    },
  };
}
