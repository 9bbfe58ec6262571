import { EventRejectedError } from './codes.ts';
import {
  fieldOf,
  own,
  placeOf,
  readId,
  readJson,
  readName,
  type JsonObject,
  type JsonPath,
} from './json.ts';
import type { ReadEvent } from './streamRecord.ts';
import { NO_TRACE, type TraceContext } from './traceContext.ts';

/** SNS inside EventBridge inside SNS: more than that is a loop, not a route. */
const MAX_ENVELOPES = 3;

export type ReadId = string | EventRejectedError | undefined;

/** A text that was parsed as JSON, and its path for reasons. */
export interface Text {
  readonly text: string;
  readonly at: string;
}

/** How far the envelopes around a record have been read. */
export interface Reading {
  layer: unknown;
  /** The layer's path for reasons, through all texts. */
  at: string;
  /** The layer's path within the innermost text. */
  path: JsonPath;
  /** Outermost first. */
  readonly texts: Text[];
  envelopes: number;
  lists: number;
  // Each is of the innermost envelope of its kind: that ID is the one its first sender knows.
  eventBridgeId: ReadId;
  snsId: ReadId;
  /** What counts where those are missing. */
  outerIds: readonly ReadId[];
  readonly messageId: string;
  trace: TraceContext;
  /** What is known by a Kinesis record around the layer. */
  record: ReadEvent | undefined;
}

export function start(messageId: string): Reading {
  return {
    layer: undefined,
    at: '',
    path: [],
    texts: [],
    envelopes: 0,
    lists: 0,
    eventBridgeId: undefined,
    snsId: undefined,
    outerIds: [],
    messageId,
    trace: NO_TRACE,
    record: undefined,
  };
}

export function enterText(reading: Reading, text: string, at: string): void {
  reading.layer = readJson(text, at);
  reading.at = at;
  reading.path = [];
  reading.texts.push({ text, at });
}

export function enterField(reading: Reading, value: unknown, key: string): void {
  reading.layer = value;
  reading.at = fieldOf(reading.at, key);
  reading.path = [...reading.path, key];
}

/** What stands around several records has one ID for all of them. */
export function enterRecord(outer: Reading, layer: unknown, index: number): Reading {
  const { eventBridgeId, snsId, outerIds } = outer;
  const numbered = (id: ReadId) => (typeof id === 'string' ? `${id}#${index}` : id);
  return {
    ...outer,
    layer,
    at: placeOf(outer.at, [index]),
    path: [],
    texts: [],
    record: undefined,
    eventBridgeId: undefined,
    snsId: undefined,
    outerIds: [eventBridgeId, snsId, ...outerIds].map(numbered),
    messageId: `${outer.messageId}#${index}`,
  };
}

export function countEnvelope(reading: Reading): void {
  reading.envelopes += 1;
  if (reading.envelopes > MAX_ENVELOPES) {
    throw new EventRejectedError('malformed', `body: more than ${MAX_ENVELOPES} envelopes`);
  }
}

export function idsOf({ ownId }: ReadEvent, { eventBridgeId, snsId, outerIds }: Reading): ReadId[] {
  return [ownId, eventBridgeId, snsId, ...outerIds];
}

/** An event by the fields that name it. */
export function named(
  layer: JsonObject,
  at: string,
  typeKey: string,
  ownId: ReadId,
  data: unknown,
): ReadEvent {
  const source = readName(own(layer, 'source'), at, 'source');
  return { source, type: readName(own(layer, typeKey), at, typeKey), ownId, data };
}

export function optionalId(layer: unknown, at: string, key: string): ReadId {
  const id = own(layer, key);
  return id === undefined ? undefined : readId(id, at, key);
}

export function asRejection(error: unknown): EventRejectedError {
  if (error instanceof EventRejectedError) return error;
  throw error;
}
