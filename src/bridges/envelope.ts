import { readCloudEvent } from './cloudEvent.ts';
import { EventRejectedError } from './codes.ts';
import {
  fieldOf,
  inspect,
  isId,
  isObject,
  malformed,
  own,
  placeOf,
  readJson,
  whatCame,
  type JsonObject,
} from './json.ts';
import {
  asRejection,
  countEnvelope,
  enterField,
  enterRecord,
  enterText,
  idsOf,
  named,
  optionalId,
  start,
  type Reading,
  type Text,
} from './reading.ts';
import type { SourceMessage } from './record.ts';
import {
  isFromAws,
  isKinesisRecord,
  kinesisText,
  readKinesisRecord,
  readStreamRecord,
  type ReadEvent,
} from './streamRecord.ts';
import { traceIn, traceOf, type TraceContext } from './traceContext.ts';

/** Who an event says it is. */
export interface EventIdentity {
  /** `{source}:{id}`, at most 529 characters. */
  readonly id: string;
  readonly source: string;
  readonly type: string;
}

/** An event as it came out of its envelopes; nothing is known about its data yet. */
export interface UnwrappedEvent extends EventIdentity {
  readonly data: unknown;
  /** The W3C trace context that the event itself carries. */
  readonly trace: TraceContext;
}

/** One record of a message: an event, or why it is none, with its identity where that could be read. */
export type UnwrappedRecord =
  | { readonly index: number; readonly event: UnwrappedEvent }
  | {
      readonly index: number;
      readonly identity: EventIdentity | null;
      readonly rejection: EventRejectedError;
    };

/**
 * The largest event taken, in bytes of UTF-8. Temporal warns at 256 KiB a payload and refuses at 2 MiB, and an
 * event is passed on: from a workflow's input to its activities and its state.
 */
export const MAX_BODY_BYTES = 256 * 1024;

const MAX_RECORDS = 1_000;

/**
 * Reads the events out of a body: raw JSON (`{ source, type, eventId?, data }`), CloudEvents 1.0, EventBridge events,
 * SNS notifications, records of S3, DynamoDB's streams and Kinesis, these inside each other, and lists of them.
 *
 * @returns at least one record, in the order of the body. It throws nothing: what is no event says why, as
 * `too-large`, `unknown-version` or `malformed`.
 */
export function unwrap({
  body,
  messageId,
  parkedBefore,
}: Pick<SourceMessage, 'body' | 'messageId' | 'parkedBefore'>): readonly UnwrappedRecord[] {
  const size = Buffer.byteLength(body);
  const tooLarge = size > MAX_BODY_BYTES ? oversize('', size) : undefined;
  // Anybody may have written that note.
  const formerId = parkedBefore?.messageId;
  const reading = start(isId(formerId) ? formerId : messageId);
  let read: ReadEvent | readonly unknown[];
  try {
    enterText(reading, body, '');
    read = open(reading);
  } catch (error) {
    return [rejected(0, identityOf(reading.record, reading), tooLarge ?? error)];
  }
  if (isList(read)) return unwrapList(read, reading, tooLarge !== undefined);
  return [settled(0, read, reading, tooLarge ?? firstOffence(reading.texts))];
}

function unwrapList(
  list: readonly unknown[],
  outer: Reading,
  isLarge: boolean,
): readonly UnwrappedRecord[] {
  if (list.length === 0 || list.length > MAX_RECORDS) {
    const complaint = `expected 1 to ${MAX_RECORDS} records, received ${whatCame(list)}`;
    return [rejected(0, null, malformed(outer.at, complaint))];
  }
  const offenceOf = offencesIn(outer, list.length);
  return list.map((layer, index) => {
    const reading = enterRecord(outer, layer, index);
    let read: ReadEvent | readonly unknown[];
    try {
      read = open(reading);
      if (isList(read)) {
        throw malformed(
          reading.at,
          `expected one record within a record, received ${whatCame(read)}`,
        );
      }
    } catch (error) {
      return rejected(index, identityOf(reading.record, reading), error);
    }
    const offence = offenceOf(index) ?? firstOffence(reading.texts);
    if (offence || !isLarge) return settled(index, read, reading, offence);
    // Only now is it known not to be nested too deeply for this.
    const size = Buffer.byteLength(JSON.stringify(layer));
    const tooLarge = size > MAX_BODY_BYTES ? oversize(placeOf(outer.at, [index]), size) : undefined;
    return settled(index, read, reading, tooLarge);
  });
}

/** Opens envelopes down to an event, or to a list that does not hold one record exactly. @throws EventRejectedError `malformed`. */
function open(reading: Reading): ReadEvent | readonly unknown[] {
  for (;;) {
    const { layer, at } = reading;
    const list = Array.isArray(layer) ? layer : recordsIn(layer);
    if (list) {
      reading.lists += 1;
      if (reading.lists > 1) countEnvelope(reading);
      if (list !== layer) enterField(reading, list, 'Records');
      if (list.length !== 1) return list;
      reading.layer = list[0];
      reading.at = placeOf(reading.at, [0]);
      reading.path = [...reading.path, 0];
    } else if (!isObject(layer)) {
      throw malformed(at, `expected a JSON object, received ${whatCame(layer)}`);
    } else if (isNotification(layer)) {
      countEnvelope(reading);
      reading.snsId = optionalId(layer, at, 'MessageId');
      const attributes = own(layer, 'MessageAttributes');
      reading.trace = traceOf(
        own(own(attributes, 'traceparent'), 'Value'),
        own(own(attributes, 'tracestate'), 'Value'),
        reading.trace,
      );
      const message = own(layer, 'Message');
      const messageAt = fieldOf(at, 'Message');
      if (typeof message !== 'string') {
        throw malformed(messageAt, `expected a string, received ${whatCame(message)}`);
      }
      enterText(reading, message, messageAt);
    } else if (isEventBridge(layer)) {
      const detail = own(layer, 'detail');
      reading.eventBridgeId = optionalId(layer, at, 'id');
      reading.trace = traceIn(detail, reading.trace);
      if (!isNotification(detail) && !isCloudEvent(detail) && !isFromAws(detail)) {
        const ownId = optionalId(detail, fieldOf(at, 'detail'), 'eventId');
        return named(layer, at, 'detail-type', ownId, detail);
      }
      countEnvelope(reading);
      enterField(reading, detail, 'detail');
    } else if (Object.hasOwn(layer, 'specversion')) {
      reading.trace = traceIn(layer, reading.trace);
      return readCloudEvent(layer, reading);
    } else if (Object.hasOwn(layer, 'source')) {
      reading.trace = traceIn(layer, reading.trace);
      return readRaw(layer, at);
    } else if (isKinesisRecord(layer)) {
      const record = openKinesisRecord(layer, reading);
      if (record) return record;
    } else {
      return readStreamRecord(layer, at) ?? readRaw(layer, at);
    }
  }
}

/** Reads a Kinesis record; undefined where it carries an envelope, which is the layer then. */
function openKinesisRecord(layer: JsonObject, reading: Reading): ReadEvent | undefined {
  const record = readKinesisRecord(layer, reading.at);
  let data: unknown;
  try {
    const { text, at } = kinesisText(layer, reading.at);
    data = readJson(text, at);
    reading.texts.push({ text, at });
    if (!isEnvelope(data)) return { ...record, data };
    reading.layer = data;
    reading.at = at;
    reading.path = [];
  } catch (error) {
    return { ...record, refusal: asRejection(error) };
  }
  reading.record = record;
  if (record.ownId !== undefined) {
    // It knows its record better than what brought it.
    reading.eventBridgeId = undefined;
    reading.snsId = undefined;
    reading.outerIds = [record.ownId];
  }
  countEnvelope(reading);
  return undefined;
}

function readRaw(layer: JsonObject, at: string): ReadEvent {
  return named(layer, at, 'type', optionalId(layer, at, 'eventId'), own(layer, 'data'));
}

function isNotification(layer: unknown): layer is JsonObject {
  return own(layer, 'Type') === 'Notification' && Object.hasOwn(layer as JsonObject, 'TopicArn');
}

function isEventBridge(layer: JsonObject): boolean {
  return Object.hasOwn(layer, 'detail-type') && Object.hasOwn(layer, 'detail');
}

function isCloudEvent(layer: unknown): boolean {
  return typeof own(layer, 'specversion') === 'string' && isNamed(layer);
}

/** Whether what a Kinesis record carries is an envelope: anything may stand there, so it has to be clear. */
function isEnvelope(data: unknown): boolean {
  if (!isObject(data)) return false;
  const isRaw = isNamed(data) && Object.hasOwn(data, 'data');
  return isRaw || isCloudEvent(data) || isEventBridge(data) || isNotification(data);
}

function isNamed(layer: unknown): boolean {
  return typeof own(layer, 'source') === 'string' && typeof own(layer, 'type') === 'string';
}

/** The list that a layer is but for its frame; an event may have a field of that name too. */
function recordsIn(layer: unknown): readonly unknown[] | undefined {
  const records = own(layer, 'Records');
  return Array.isArray(records) && !Object.hasOwn(layer as JsonObject, 'source')
    ? records
    : undefined;
}

function isList(read: ReadEvent | readonly unknown[]): read is readonly unknown[] {
  return Array.isArray(read);
}

/** An event, unless something about it is wrong. */
function settled(
  index: number,
  read: ReadEvent,
  reading: Reading,
  refusal: EventRejectedError | undefined,
): UnwrappedRecord {
  const identity = identityOf(read, reading);
  const wrong = refusal ?? errorOf(read, reading);
  if (wrong || !identity) return rejected(index, identity, wrong);
  return {
    index,
    event: {
      id: identity.id,
      source: identity.source,
      type: identity.type,
      data: read.data,
      trace: reading.trace,
    },
  };
}

function rejected(index: number, identity: EventIdentity | null, error: unknown): UnwrappedRecord {
  return { index, identity, rejection: asRejection(error) };
}

function errorOf(read: ReadEvent, reading: Reading): EventRejectedError | undefined {
  const said = [read.source, ...idsOf(read, reading), read.type, read.refusal];
  return said.find((each) => each instanceof EventRejectedError);
}

function identityOf(read: ReadEvent | undefined, reading: Reading): EventIdentity | null {
  if (typeof read?.source !== 'string' || typeof read.type !== 'string') return null;
  const known = idsOf(read, reading).find((each) => typeof each === 'string');
  const { source, type } = read;
  return { id: `${source}:${known ?? reading.messageId}`, source, type };
}

function oversize(at: string, size: number): EventRejectedError {
  const reason = `${at || 'body'}: expected at most ${MAX_BODY_BYTES} bytes, received ${size}`;
  return new EventRejectedError('too-large', reason);
}

function firstOffence(texts: readonly Text[]): EventRejectedError | undefined {
  let offence: EventRejectedError | undefined;
  for (const { text, at } of texts) {
    inspect(text, (path, complaint) => {
      offence = malformed(placeOf(at, path), complaint);
      return false;
    });
    if (offence) return offence;
  }
  return undefined;
}

/** Whose offences those in the texts around a list are: one outside of all records spoils every one. */
function offencesIn({ texts, path: listPath }: Reading, count: number) {
  const ofRecords = new Map<number, EventRejectedError>();
  let shared = firstOffence(texts.slice(0, -1));
  const { text, at } = texts.at(-1) as Text;
  inspect(text, (path, complaint) => {
    const index = path[listPath.length];
    const isOfRecord =
      typeof index === 'number' &&
      index < count &&
      listPath.every((step, depth) => step === path[depth]);
    if (!isOfRecord) shared ??= malformed(placeOf(at, path), complaint);
    else if (!ofRecords.has(index)) ofRecords.set(index, malformed(placeOf(at, path), complaint));
    return isOfRecord;
  });
  return (index: number) => shared ?? ofRecords.get(index);
}
