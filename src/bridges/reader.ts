import { setTimeout as delay } from 'node:timers/promises';
import { EventRejectedError } from './codes.ts';
import { unwrap, type EventIdentity, type UnwrappedRecord } from './envelope.ts';
import type { ParkingCode } from '../contracts/parking.ts';
import type { SourceMessage } from './record.ts';
import { routeTable, type Planned, type Route } from './route.ts';
import type { TraceContext } from './traceContext.ts';

/** The longest a schema may take, in milliseconds: it may ask elsewhere, and hang. */
const LONGEST_VALIDATION = 10_000;

/** One record of a message, read as far as its plan. */
export type ReadRecord = { readonly index: number } & (
  | { readonly kind: 'planned'; readonly planned: Planned; readonly trace: TraceContext }
  | {
      /** It can never be delivered. */
      readonly kind: 'rejected';
      readonly identity: EventIdentity | null;
      readonly code: ParkingCode;
      readonly reason: string;
    }
  | {
      /** A function of its route threw, or did not answer in time. */
      readonly kind: 'failed';
      readonly identity: EventIdentity;
      readonly reason: string;
    }
);

export type ReadableMessage = Pick<SourceMessage, 'body' | 'messageId' | 'parkedBefore'>;

/** Reads the records of a message, in their order; a promise only where a schema answers with one. Never throws, never rejects. */
export type Reader = (
  message: ReadableMessage,
) => readonly ReadRecord[] | Promise<readonly ReadRecord[]>;

/** From a message to plans, by a table of routes. @throws Error at once when two routes claim the same source and type. */
export function createReader(routes: readonly Route[]): Reader {
  const routeOf = routeTable(routes);

  function readRecord(record: UnwrappedRecord): ReadRecord | Promise<ReadRecord> {
    const { index } = record;
    if ('rejection' in record) {
      const { identity, rejection } = record;
      return { index, kind: 'rejected', identity, code: rejection.code, reason: rejection.message };
    }
    const { event } = record;
    const read = (planned: Planned): ReadRecord => ({
      index,
      kind: 'planned',
      planned,
      trace: event.trace,
    });
    const refuse = (error: unknown): ReadRecord => {
      const identity = { id: event.id, source: event.source, type: event.type };
      return error instanceof EventRejectedError
        ? { index, kind: 'rejected', identity, code: error.code, reason: error.message }
        : { index, kind: 'failed', identity, reason: textOf(error) };
    };
    try {
      const planned = routeOf(event).plan(event);
      return planned instanceof Promise ? inTime(planned).then(read, refuse) : read(planned);
    } catch (error) {
      return refuse(error);
    }
  }

  return (message) => {
    const records = unwrap(message).map(readRecord);
    return records.some((record) => record instanceof Promise)
      ? Promise.all(records.map(async (record) => await record))
      : (records as ReadRecord[]);
  };
}

/** Anything can be thrown, and not everything has a text. */
function textOf(error: unknown): string {
  return error instanceof Error ? String(error) : `threw ${typeof error}`;
}

async function inTime<Value>(work: Promise<Value>): Promise<Value> {
  const over = new AbortController();
  const late = delay(LONGEST_VALIDATION, undefined, { signal: over.signal }).then(() => {
    throw new Error(`no plan within ${LONGEST_VALIDATION} ms`);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    over.abort();
  }
}
