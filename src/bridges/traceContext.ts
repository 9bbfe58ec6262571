import { own } from './json.ts';

/** W3C's trace context (https://www.w3.org/TR/trace-context/), as far as it can be read. */
export interface TraceContext {
  readonly traceparent?: string;
  readonly tracestate?: string;
}

export const NO_TRACE: TraceContext = Object.freeze({});

const TRACEPARENT = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;

/** The trace context in the fields of an object, else what is known from around it. */
export function traceIn(layer: unknown, outer: TraceContext): TraceContext {
  return traceOf(own(layer, 'traceparent'), own(layer, 'tracestate'), outer);
}

/** The two belong together: a state without its parent says nothing. */
export function traceOf(
  traceparent: unknown,
  tracestate: unknown,
  outer: TraceContext = NO_TRACE,
): TraceContext {
  if (typeof traceparent !== 'string' || !TRACEPARENT.test(traceparent)) return outer;
  return typeof tracestate === 'string' ? { traceparent, tracestate } : { traceparent };
}
