/** How long the bridge may keep a record. Times are milliseconds since the epoch, by the local clock. */
export interface Lease {
  /** Until then nobody else is given the record. The source moves it on while it holds the record. */
  until: number;
  /** From then on the source does not renew the lease, and the core lets go of the record. */
  cap: number;
}

/** What a former parking wrote on the message, where it has been parked before. */
export interface ParkedBefore {
  /** Null where it could not be read. */
  readonly eventId: string | null;
  readonly firstSeen: string | null;
}

/** One record as a source delivered it. Where it came from, and how it is settled there, only the source knows. */
export interface SourceRecord {
  /** The queue's name, for logs. */
  readonly queue: string;
  readonly messageId: string;
  readonly body: string;
  /** The FIFO group within which order holds; null where none is promised. */
  readonly group: string | null;
  /** When it was received for the first time, by anybody; milliseconds since the epoch, by the local clock. */
  readonly firstReceivedAt: number;
  readonly parkedBefore: ParkedBefore | null;
  readonly lease: Lease;
}
