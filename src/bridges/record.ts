import type { TraceContext } from './traceContext.ts';

/** How long the bridge may keep a message. Times are milliseconds since the epoch, by the local clock. */
export interface Lease {
  /** Until then nobody else is given the message. The source moves it on while it holds the message. */
  until: number;
  /** From then on the source does not renew the lease. */
  cap: number;
}

/** What a former parking wrote on the message, where it has been parked before. */
export interface ParkedBefore {
  /** The ID that SQS had given the message then: what an event without an ID of its own is known by. Null where it could not be read. */
  readonly messageId: string | null;
  /** When it was first received, ISO 8601. Null where it could not be read. */
  readonly firstSeen: string | null;
  /** The indices of the records that were parked; what else the message holds was settled then. Null: all of them. */
  readonly records: readonly number[] | null;
}

/** The trace that a message belongs to, as its sender noted it beside the body: W3C's from the message attributes `traceparent` and `tracestate`. */
export interface MessageTrace extends TraceContext {
  /** X-Ray's, from the system attribute of that name. */
  readonly awsTraceHeader?: string;
}

/** One message as a source delivered it. Where it came from, and how it is settled there, only the source knows. */
export interface SourceMessage {
  /** The queue's name, for logs. */
  readonly queue: string;
  readonly messageId: string;
  readonly body: string;
  /** The FIFO group within which order holds; null where none is promised. */
  readonly group: string | null;
  /** When it was received for the first time, by anybody; milliseconds since the epoch, by the local clock. */
  readonly firstReceivedAt: number;
  readonly trace: MessageTrace;
  readonly parkedBefore: ParkedBefore | null;
  readonly lease: Lease;
}
