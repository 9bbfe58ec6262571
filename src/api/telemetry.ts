import {
  context,
  metrics,
  propagation,
  SpanKind,
  SpanStatusCode,
  trace,
  type Attributes,
  type Context,
} from '@opentelemetry/api';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Whether requests are part of traces. Default: true. */
    readonly traced?: false;
  }
}

/**
 * Makes each request a span, in the trace that it came with (W3C's `traceparent`), and measures how long it took. Names
 * and attributes are those of OpenTelemetry's conventions (https://opentelemetry.io/docs/specs/semconv/http/). Goes
 * before all else, so that what is refused is counted too. Where the process sets up no SDK it costs next to nothing.
 */
export function addTelemetry(app: FastifyInstance): void {
  const duration = metrics.getMeter('waybill.api').createHistogram('http.server.request.duration', {
    unit: 's',
    description: 'From a request to the end of its answer, by method, route and status.',
    advice: {
      explicitBucketBoundaries: [
        0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10,
      ],
    },
  });
  const traces = new WeakMap<FastifyRequest, Context>();

  app.addHook('onRequest', (request, reply, done) => {
    const began = performance.now();
    const own = request.routeOptions.config.traced === false ? undefined : beginSpan(request);
    // Also of a connection that was cut, which has no answer.
    reply.raw.once('close', () => {
      const attributes = describe(request, reply);
      duration.record((performance.now() - began) / 1_000, attributes);
      if (own !== undefined) endSpan(own, attributes);
    });
    if (own === undefined) return done();
    traces.set(request, own);
    context.with(own, done);
  });

  // The body was read in the connection's context, which is no request's.
  app.addHook('preValidation', (request, _reply, done) => {
    context.with(traces.get(request) ?? context.active(), done);
  });
}

function beginSpan(request: FastifyRequest): Context {
  const outer = propagation.extract(context.active(), request.headers);
  const { method, url } = request;
  const span = trace.getTracer('waybill.api').startSpan(
    `${method} ${request.routeOptions.url ?? ''}`.trim(),
    {
      kind: SpanKind.SERVER,
      attributes: { 'url.path': url.split('?', 1).join() },
    },
    outer,
  );
  return trace.setSpan(outer, span);
}

function endSpan(own: Context, attributes: Attributes): void {
  const span = trace.getSpan(own);
  span?.setAttributes(attributes);
  if (attributes['error.type'] !== undefined) span?.setStatus({ code: SpanStatusCode.ERROR });
  span?.end();
}

function describe(request: FastifyRequest, reply: FastifyReply): Attributes {
  const { statusCode } = reply;
  const answered = reply.raw.headersSent;
  const error = answered ? (statusCode >= 500 ? String(statusCode) : undefined) : 'aborted';
  const route = request.routeOptions.url;
  return {
    'http.request.method': request.method,
    'url.scheme': request.protocol,
    ...(route !== undefined && { 'http.route': route }),
    ...(answered && { 'http.response.status_code': statusCode }),
    ...(error !== undefined && { 'error.type': error }),
  };
}
