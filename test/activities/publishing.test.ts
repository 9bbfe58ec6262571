import assert from 'node:assert/strict';
import { metrics } from '@opentelemetry/api';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import { countNeedsOperator, traceAttribute } from '../../src/activities/publishing.ts';
import type { Fact } from '../../src/contracts/notifications.ts';

describe('who needs an operator', () => {
  const measured = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  let meters: MeterProvider;

  before(() => {
    meters = new MeterProvider({
      readers: [new PeriodicExportingMetricReader({ exporter: measured })],
    });
    metrics.setGlobalMeterProvider(meters);
  });
  after(async () => {
    metrics.disable();
    await meters.shutdown();
  });

  it('is counted by kind, when the state is told and not with each notice', async () => {
    const reason = null;
    const facts = [
      { type: 'order-state', state: 'needs-operator', reason },
      { type: 'order-state', state: 'needs-operator', reason: 'capture-failed' },
      { type: 'order-state', state: 'paid', reason },
      { type: 'shipment-lost', state: 'needs-operator', reason },
      { type: 'return-state', state: 'needs-operator', reason },
      { type: 'return-reminder', state: 'awaiting-goods', reason },
      { type: 'audit-mismatch', state: 'disagrees', reason },
    ] as const;
    countNeedsOperator(facts.map((fact): Fact => ({ ...fact, notificationId: 'n' })));
    await meters.forceFlush();
    const [found] = measured.getMetrics()[0]?.scopeMetrics[0]?.metrics ?? [];
    assert.equal(found?.descriptor.name, 'waybill.needs_operator');
    assert.deepEqual(
      found.dataPoints.map(({ attributes, value }) => ({ ...attributes, value })),
      [
        { kind: 'order', value: 2 },
        { kind: 'return', value: 1 },
      ],
    );
  });
});

describe('the trace of a message', () => {
  it('is none where OpenTelemetry is not set up', () => {
    assert.deepEqual(traceAttribute(), {});
  });
});
