import { EventRejectedError } from './codes.ts';
import {
  fieldOf,
  malformed,
  own,
  readBase64,
  readId,
  readJson,
  whatCame,
  type JsonObject,
} from './json.ts';
import { asRejection, named, type Reading } from './reading.ts';
import type { ReadEvent } from './streamRecord.ts';

const JSON_TYPE = /^[^/\s]+\/(?:[^;\s]+\+)?json\s*(?:;|$)/i;

/** Reads a CloudEvent in structured mode: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md */
export function readCloudEvent(layer: JsonObject, { at, texts }: Reading): ReadEvent {
  const event = named(layer, at, 'type', readId(own(layer, 'id'), at, 'id'), own(layer, 'data'));
  const version = own(layer, 'specversion');
  if (version !== '1.0') {
    const reason = `${fieldOf(at, 'specversion')}: expected the string 1.0, received ${whatCame(version)}`;
    return { ...event, refusal: new EventRejectedError('unknown-version', reason) };
  }
  if (!Object.hasOwn(layer, 'data_base64')) return event;
  const dataAt = fieldOf(at, 'data_base64');
  try {
    if (Object.hasOwn(layer, 'data')) {
      throw malformed(dataAt, 'expected either this or data, received both');
    }
    const contentType = own(layer, 'datacontenttype') ?? 'application/json';
    if (typeof contentType !== 'string' || !JSON_TYPE.test(contentType)) {
      throw malformed(
        fieldOf(at, 'datacontenttype'),
        `expected a JSON media type, as data_base64 is read as JSON, received ${whatCame(contentType)}`,
      );
    }
    const text = readBase64(own(layer, 'data_base64'), dataAt);
    const data = readJson(text, dataAt);
    texts.push({ text, at: dataAt });
    return { ...event, data };
  } catch (error) {
    return { ...event, refusal: asRejection(error) };
  }
}
