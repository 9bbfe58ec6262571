import { isUtf8 } from 'node:buffer';
import { EventRejectedError } from './codes.ts';

/** How deep an event may be nested: deeper values parse, but overflow the stack of whoever writes them again. */
const MAX_DEPTH = 64;
const NUMBER = /-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/y;

const ID = /^[\x21-\x7e]{1,256}$/;
const NAME = /^[^\p{Cc}\p{Cs}]{1,256}$/u;

export type JsonObject = Readonly<Record<string, unknown>>;

/** The keys and indices that lead to a value. */
export type JsonPath = readonly (string | number)[];

/**
 * Is told of each thing that JavaScript misreads, and answers whether to look for more. The path is only good until
 * it answers.
 */
export type Report = (path: JsonPath, complaint: string) => boolean;

/**
 * Parses JSON from the outside. Beyond the syntax it refuses what JavaScript would read without a word and
 * wrongly: numbers past 2^53 - 1, keys named `__proto__`, nesting deeper than 64.
 *
 * @param at - what is being read, to begin the path in a reason: `Message`, say.
 * @throws EventRejectedError `malformed`, with the path in its reason.
 */
export function parseJson(text: string, at = ''): unknown {
  const value = readJson(text, at);
  inspect(text, (path, complaint) => {
    throw malformed(placeOf(at, path), complaint);
  });
  return value;
}

/** Parses JSON, and leaves to {@link inspect} what JavaScript misreads. @throws EventRejectedError `malformed`. */
export function readJson(text: string, at: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw malformed(at, `expected JSON: ${cut((error as SyntaxError).message)}`);
  }
}

export function malformed(at: string, complaint: string): EventRejectedError {
  return new EventRejectedError('malformed', `${at || 'body'}: ${complaint}`);
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What an object has under a key itself; undefined where it has nothing, or is no object. */
export function own(object: unknown, key: string): unknown {
  return isObject(object) && Object.hasOwn(object, key) ? object[key] : undefined;
}

/** The path of a field, for a reason. */
export function fieldOf(at: string, key: string): string {
  return at === '' ? key : `${at}.${key}`;
}

/** A source or a type; an error where it is none, as what else the event says of itself may still be read. */
export function readName(value: unknown, at: string, key: string): string | EventRejectedError {
  if (typeof value === 'string' && NAME.test(value)) return value;
  return malformed(
    fieldOf(at, key),
    typeof value === 'string'
      ? `expected 1 to 256 characters, none of them a control character, received ${whatCame(value)}`
      : `expected a string, received ${whatCame(value)}`,
  );
}

/** An ID, or an error where it cannot be one. */
export function readId(value: unknown, at: string, key: string): string | EventRejectedError {
  if (isId(value)) return value;
  return malformed(
    fieldOf(at, key),
    `expected 1 to 256 printable ASCII characters, received ${whatCame(value)}`,
  );
}

/** What base64 stands for, where that is text. @throws EventRejectedError `malformed`. */
export function readBase64(value: unknown, at: string): string {
  const isBase64 =
    typeof value === 'string' && value.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(value);
  if (!isBase64) throw malformed(at, `expected base64, received ${whatCame(value)}`);
  const bytes = Buffer.from(value, 'base64');
  // Decoded as it is, other bytes would turn into replacement characters without a word.
  if (!isUtf8(bytes)) throw malformed(at, `expected JSON in UTF-8, received ${bytes.length} bytes`);
  return bytes.toString();
}

export function isId(value: unknown): value is string {
  return typeof value === 'string' && ID.test(value);
}

/** Shortens what came from the outside, for a reason. */
export function cut(text: string, length = 120): string {
  return text.length <= length ? text : `${text.slice(0, length)}...`;
}

/** What came, for a reason. Texts are not shown: reasons are logged, and a text may be anything. */
export function whatCame(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (typeof value === 'string') return `a string of ${value.length} characters`;
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (typeof value === 'object' && value !== null) return 'an object';
  return String(value as number | boolean | null);
}

/** Finds what JavaScript misreads in a text that is known to be valid JSON: one walk over it, without recursion. */
export function inspect(text: string, report: Report): void {
  // One entry for each open object (its current key) or array (its current index).
  const path: (string | number)[] = [];
  let keyComes = false;
  for (let index = 0; index < text.length;) {
    const character = text[index] as string;
    if (character === '"') {
      const end = endOfString(text, index);
      if (keyComes) {
        const key = JSON.parse(text.slice(index, end)) as string;
        path[path.length - 1] = key;
        keyComes = false;
        if (key === '__proto__' && !report(path, 'a key that is not allowed')) return;
      }
      index = end;
      continue;
    }
    if (character === '-' || (character >= '0' && character <= '9')) {
      NUMBER.lastIndex = index;
      const [number] = NUMBER.exec(text) as RegExpExecArray;
      if (Math.abs(Number(number)) > Number.MAX_SAFE_INTEGER) {
        const complaint = `expected a number of at most 2^53 - 1, received ${cut(number, 40)}`;
        if (!report(path, complaint)) return;
      }
      index += number.length;
      continue;
    }
    if (character === '{' || character === '[') {
      if (path.length === MAX_DEPTH && !report(path, `nested deeper than ${MAX_DEPTH}`)) return;
      path.push(character === '{' ? '' : 0);
      keyComes = character === '{';
    } else if (character === '}' || character === ']') {
      path.pop();
      keyComes = false;
    } else if (character === ',') {
      const last = path[path.length - 1];
      if (typeof last === 'number') path[path.length - 1] = last + 1;
      else keyComes = true;
    }
    index += 1;
  }
}

/** The position after the string that opens at `start`. */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); ; end = text.indexOf('"', end + 1)) {
    let backslashes = 0;
    while (text[end - 1 - backslashes] === '\\') backslashes += 1;
    if (backslashes % 2 === 0) return end + 1;
  }
}

/** A path as it is written in a reason, empty for the whole. */
export function placeOf(at: string, path: JsonPath): string {
  const steps = path.map((step) => (typeof step === 'number' ? `[${step}]` : `.${cut(step, 40)}`));
  return cut(`${at}${steps.join('')}`.replace(/^\./, ''), 200);
}
