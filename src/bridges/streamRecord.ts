import type { EventRejectedError } from './codes.ts';
import {
  fieldOf,
  isObject,
  malformed,
  own,
  readBase64,
  readId,
  readName,
  whatCame,
  type JsonObject,
} from './json.ts';

/** What an event says of itself. An error stands where it says it wrongly: the rest may still tell which event it is. */
export interface ReadEvent {
  readonly source: string | EventRejectedError;
  readonly type: string | EventRejectedError;
  /** Undefined where it has none of its own. */
  readonly ownId: string | EventRejectedError | undefined;
  readonly data: unknown;
  /** Why it is refused all the same. */
  readonly refusal?: EventRejectedError;
}

const S3_TEST = 's3:TestEvent';

/** Names of tables and streams, from the ARNs of their streams and of a stream's consumers. */
const STREAM_ARNS = {
  dynamodb: /^arn:[a-z-]+:dynamodb:[a-z0-9-]*:\d*:table\/([\w.-]{1,255})(?:\/|$)/,
  kinesis: /^arn:[a-z-]+:kinesis:[a-z0-9-]*:\d*:stream\/([\w.-]{1,128})(?:\/|$)/,
} as const;

/** Whether an event is what S3 sends once when a bucket's notifications are configured: it says nothing about any object. */
export function isS3Test({ source, type }: { readonly source: string; readonly type: string }) {
  return type === S3_TEST && source.startsWith('aws:s3:');
}

/** Whether a layer is a record of S3, DynamoDB or Kinesis, a list of such, or the test of a bucket's notifications. */
export function isFromAws(layer: unknown): boolean {
  const records = own(layer, 'Records');
  return (
    isStreamRecord(layer) ||
    isS3TestBody(layer) ||
    (Array.isArray(records) && records.length > 0 && records.every(isStreamRecord))
  );
}

export function isKinesisRecord(layer: unknown): layer is JsonObject {
  return own(layer, 'eventSource') === 'aws:kinesis';
}

/** Reads a record of S3 or of a table's stream, or the test of a bucket's notifications; undefined where it is none. */
export function readStreamRecord(layer: JsonObject, at: string): ReadEvent | undefined {
  const data = layer;
  if (isS3TestBody(layer)) {
    const source = bucketSource(own(layer, 'Bucket'), at, 'Bucket');
    return { source, type: S3_TEST, ownId: undefined, data };
  }
  const eventSource = own(layer, 'eventSource');
  if (eventSource !== 'aws:s3' && eventSource !== 'aws:dynamodb') return undefined;
  const type = readName(own(layer, 'eventName'), at, 'eventName');
  if (eventSource === 'aws:dynamodb') {
    return { source: arnSource(layer, at, 'dynamodb'), type, ownId: ownIdOf(layer, at), data };
  }
  const bucket = own(own(own(layer, 's3'), 'bucket'), 'name');
  const source = bucketSource(bucket, at, 's3.bucket.name');
  return { source, type, ownId: undefined, data };
}

/** Reads a record of a Kinesis stream, but for what it carries. */
export function readKinesisRecord(layer: JsonObject, at: string): ReadEvent {
  const source = arnSource(layer, at, 'kinesis');
  return { source, type: 'aws:kinesis:record', ownId: ownIdOf(layer, at), data: undefined };
}

/**
 * The text that a Kinesis record carries, and its path: EventBridge Pipes write it beside the rest, Lambda's events a
 * level deeper.
 *
 * @throws EventRejectedError `malformed`.
 */
export function kinesisText(layer: JsonObject, at: string): { text: string; at: string } {
  const nested = own(layer, 'kinesis');
  const inner = isObject(nested);
  const dataAt = fieldOf(at, inner ? 'kinesis.data' : 'data');
  return { text: readBase64(own(inner ? nested : layer, 'data'), dataAt), at: dataAt };
}

function isStreamRecord(layer: unknown): boolean {
  const eventSource = own(layer, 'eventSource');
  return (
    eventSource === 'aws:s3' || eventSource === 'aws:dynamodb' || eventSource === 'aws:kinesis'
  );
}

function isS3TestBody(layer: unknown): boolean {
  return own(layer, 'Service') === 'Amazon S3' && own(layer, 'Event') === S3_TEST;
}

function bucketSource(bucket: unknown, at: string, key: string): string | EventRejectedError {
  const name = readName(bucket, at, key);
  return typeof name === 'string' ? `aws:s3:${name}` : name;
}

function arnSource(
  layer: JsonObject,
  at: string,
  service: keyof typeof STREAM_ARNS,
): string | EventRejectedError {
  const key = 'eventSourceARN';
  const arn = own(layer, key);
  const [, name] = (typeof arn === 'string' && STREAM_ARNS[service].exec(arn)) || [];
  return name === undefined
    ? malformed(
        fieldOf(at, key),
        `expected the ARN of a ${service} stream, received ${whatCame(arn)}`,
      )
    : `aws:${service}:${name}`;
}

function ownIdOf(layer: JsonObject, at: string): string | EventRejectedError | undefined {
  const id = own(layer, 'eventID');
  return id === undefined ? undefined : readId(id, at, 'eventID');
}
