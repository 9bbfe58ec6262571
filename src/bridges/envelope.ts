import { EventRejectedError } from './codes.ts';
import { parseJson, whatCame } from './json.ts';
import type { SourceRecord } from './record.ts';

/** An event as it came out of its envelopes; nothing is known about its data yet. */
export interface UnwrappedEvent {
  /** `{source}:{id}`, at most 513 characters. */
  readonly id: string;
  readonly source: string;
  readonly type: string;
  readonly data: unknown;
}

/**
 * The largest body taken, in bytes of UTF-8. Temporal warns at 256 KiB a payload and refuses at 2 MiB, and an
 * event is passed on: from a workflow's input to its activities and its state.
 */
export const MAX_BODY_BYTES = 256 * 1024;

/** SNS inside EventBridge inside SNS: more than that is a loop, not a route. */
const MAX_ENVELOPES = 3;

const ID = /^[\x21-\x7e]{1,256}$/;
const NAME = /^[^\p{Cc}\p{Cs}]{1,256}$/u;

const EVENT_ID = /^[^\p{Cc}\p{Cs}]{1,256}:[\x21-\x7e]{1,256}$/u;

type JsonObject = Readonly<Record<string, unknown>>;

/**
 * Reads the event out of a body: raw JSON (`{ source, type, eventId?, data }`), an EventBridge event, an SNS
 * notification, and these inside each other.
 *
 * @throws EventRejectedError `too-large` or `malformed`.
 */
export function unwrap({
  body,
  messageId,
  parkedBefore,
}: Pick<SourceRecord, 'body' | 'messageId' | 'parkedBefore'>): UnwrappedEvent {
  const size = Buffer.byteLength(body);
  if (size > MAX_BODY_BYTES) {
    throw new EventRejectedError(
      'too-large',
      `body: expected at most ${MAX_BODY_BYTES} bytes, received ${size}`,
    );
  }
  // The innermost envelope's ID is the one its first sender knows.
  let eventBridgeId: unknown;
  let snsId: unknown;
  let layer = parseJson(body);
  for (let envelopes = 0; envelopes <= MAX_ENVELOPES; envelopes += 1) {
    if (!isObject(layer)) {
      throw new EventRejectedError('malformed', 'body: expected a JSON object');
    }
    if (isNotification(layer)) {
      snsId = layer['MessageId'];
      layer = parseJson(text(layer, 'Message'), 'Message');
    } else if (isEventBridge(layer) && isNotification(layer['detail'])) {
      eventBridgeId = layer['id'];
      layer = layer['detail'];
    } else {
      const bridged = isEventBridge(layer);
      if (bridged) eventBridgeId = layer['id'];
      const data = layer[bridged ? 'detail' : 'data'];
      const named = bridged ? data : layer;
      const source = name(layer, 'source');
      const ids: [string, unknown][] = [
        ['eventId', isObject(named) ? named['eventId'] : undefined],
        ['id', eventBridgeId],
        ['MessageId', snsId],
      ];
      const id = `${source}:${ids.map(checkedId).find((each) => each !== undefined) ?? messageId}`;
      return {
        id: parkedBefore?.eventId ?? id,
        source,
        type: name(layer, bridged ? 'detail-type' : 'type'),
        data,
      };
    }
  }
  throw new EventRejectedError('malformed', `body: more than ${MAX_ENVELOPES} envelopes`);
}

/** Whether a text can be the ID of an event. */
export function isEventId(text: string): boolean {
  return EVENT_ID.test(text);
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isNotification(value: unknown): value is JsonObject {
  return isObject(value) && value['Type'] === 'Notification' && 'TopicArn' in value;
}

function isEventBridge(value: JsonObject): boolean {
  return 'detail-type' in value && 'detail' in value;
}

function text(object: JsonObject, key: string): string {
  const value = object[key];
  if (typeof value !== 'string') {
    throw new EventRejectedError(
      'malformed',
      `${key}: expected a string, received ${whatCame(value)}`,
    );
  }
  return value;
}

function name(object: JsonObject, key: string): string {
  const value = text(object, key);
  if (!NAME.test(value)) {
    throw new EventRejectedError(
      'malformed',
      `${key}: expected 1 to 256 characters, none of them a control character, received ${whatCame(value)}`,
    );
  }
  return value;
}

function checkedId([key, value]: [string, unknown]): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'string' || !ID.test(value)) {
    throw new EventRejectedError(
      'malformed',
      `${key}: expected 1 to 256 printable ASCII characters, received ${whatCame(value)}`,
    );
  }
  return value;
}
