import {
  context,
  propagation,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  type Context,
} from '@opentelemetry/api';
import type { Delivered } from './deliver.ts';
import type { Job } from './lanes.ts';
import type { MessageTrace } from './record.ts';

/**
 * Makes a call within a span of its own, in the trace that its event came with; where a call carries several, the
 * others are links. OpenTelemetry's interceptors of the client, where it has them, carry the trace on into the workflow.
 */
export async function inSpan(
  batch: readonly Job[],
  call: () => Promise<readonly Delivered[]>,
): Promise<readonly Delivered[]> {
  const [{ planned, trace: own }, ...others] = batch as readonly [Job, ...Job[]];
  const parent = contextOf(own);
  const links = others.flatMap((job) => trace.getSpanContext(contextOf(job.trace)) ?? []);
  // Looked up each time: the process may set its SDK up later than the bridge.
  const span = trace.getTracer('waybill.bridge').startSpan(
    `${planned.plan.operation} ${planned.event.type}`,
    {
      kind: SpanKind.CONSUMER,
      links: links.map((linked) => ({ context: linked })),
      attributes: {
        'messaging.system': 'aws_sqs',
        'messaging.batch.message_count': batch.length,
        'waybill.event_id': planned.event.id,
        'waybill.route': `${planned.event.source} ${planned.event.type}`,
        ...('workflowId' in planned.plan && { 'temporal.workflow.id': planned.plan.workflowId }),
      },
    },
    parent,
  );
  const answers = await context.with(trace.setSpan(parent, span), call);
  const [answer] = answers;
  span.setAttribute('waybill.delivery', answer?.delivery ?? '');
  if (answer?.error instanceof Error) {
    span.setStatus({ code: SpanStatusCode.ERROR, message: answer.error.message });
  }
  span.end();
  return answers;
}

/** Of what is noted, the first that can be read. */
function contextOf({ traceparent, tracestate, awsTraceHeader }: MessageTrace): Context {
  const own = extract(traceparent, tracestate);
  return trace.getSpanContext(own) ? own : extract(traceparentOf(awsTraceHeader));
}

function extract(traceparent: string | undefined, tracestate?: string): Context {
  if (traceparent === undefined) return ROOT_CONTEXT;
  return propagation.extract(ROOT_CONTEXT, {
    traceparent,
    ...(tracestate !== undefined && { tracestate }),
  });
}

const ROOT = /(?:^|;)\s*Root=1-([0-9a-f]{8})-([0-9a-f]{24})\s*(?:;|$)/i;
const PARENT = /(?:^|;)\s*Parent=([0-9a-f]{16})\s*(?:;|$)/i;
const SAMPLED = /(?:^|;)\s*Sampled=1\s*(?:;|$)/i;

/**
 * X-Ray's trace header as W3C's (https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader);
 * undefined where it names no parent.
 */
export function traceparentOf(header: string | undefined): string | undefined {
  if (header === undefined) return undefined;
  const root = ROOT.exec(header);
  const parent = PARENT.exec(header);
  if (!root || !parent) return undefined;
  const flags = SAMPLED.test(header) ? '01' : '00';
  return `00-${root[1]}${root[2]}-${parent[1]}-${flags}`.toLowerCase();
}
