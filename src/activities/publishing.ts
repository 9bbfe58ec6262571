import {
  context,
  metrics,
  propagation,
  SpanKind,
  SpanStatusCode,
  trace,
  type Span,
} from '@opentelemetry/api';
import type { MessageAttributeValue } from '@aws-sdk/client-sns';
import type { Fact } from '../contracts/notifications.ts';

/** Publishes within a span of its own. Where the process sets up no SDK of OpenTelemetry it costs next to nothing. */
export async function inPublishSpan<Answer>(
  topicArn: string,
  messages: number,
  publish: () => Promise<Answer>,
): Promise<Answer> {
  const topic = topicArn.split(':').at(-1) ?? '';
  const options = {
    kind: SpanKind.PRODUCER,
    attributes: {
      'messaging.system': 'aws_sns',
      'messaging.operation.type': 'send',
      'messaging.destination.name': topic,
      'messaging.batch.message_count': messages,
    },
  };
  // Looked up each time: the process may set its SDK up later.
  const tracer = trace.getTracer('waybill.notifications');
  return await tracer.startActiveSpan(`send ${topic}`, options, async (span: Span) => {
    try {
      return await publish();
    } catch (error) {
      span.setStatus({ code: SpanStatusCode.ERROR, message: String(error) });
      throw error;
    } finally {
      span.end();
    }
  });
}

/** The trace that a message is part of, as an attribute beside it: W3C's `traceparent`. None where there is no trace. */
export function traceAttribute(): Record<string, MessageAttributeValue> {
  const carrier: { traceparent?: string } = {};
  propagation.inject(context.active(), carrier);
  const { traceparent } = carrier;
  return traceparent === undefined
    ? {}
    : { traceparent: { DataType: 'String', StringValue: traceparent } };
}

const KINDS: Readonly<Partial<Record<Fact['type'], string>>> = {
  'order-state': 'order',
  'return-state': 'return',
};

/** Counts those facts by which an order or a return asks for an operator; one that is published again counts again. */
export function countNeedsOperator(facts: readonly Fact[]): void {
  for (const { type, state } of facts) {
    const kind = KINDS[type];
    if (state !== 'needs-operator' || kind === undefined) continue;
    metrics
      .getMeter('waybill.operations')
      .createCounter('waybill.needs_operator', {
        unit: '{notification}',
        description: 'Orders and returns that were told to need an operator, by kind.',
      })
      .add(1, { kind });
  }
}
