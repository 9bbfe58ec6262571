import { EventRejectedError } from './codes.ts';

/** How deep an event may be nested: deeper values parse, but overflow the stack of whoever writes them again. */
const MAX_DEPTH = 64;
const NUMBER = /-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/y;

/**
 * Parses JSON from the outside. Beyond the syntax it refuses what JavaScript would read without a word and
 * wrongly: numbers past 2^53 - 1, keys named `__proto__`, nesting deeper than 64.
 *
 * @param at - what is being read, to begin the path in a reason: `Message`, say.
 * @throws EventRejectedError `malformed`, with the path in its reason.
 */
export function parseJson(text: string, at = ''): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const { message } = error as SyntaxError;
    throw new EventRejectedError('malformed', `${at || 'body'}: expected JSON: ${cut(message)}`);
  }
  inspect(text, at);
  return value;
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

/** Walks over text that is known to be valid JSON, without recursion. */
function inspect(text: string, at: string): void {
  // One entry for each open object (its current key) or array (its current index).
  const path: (string | number)[] = [];
  let keyComes = false;
  const reject = (reason: string): never => {
    throw new EventRejectedError('malformed', `${show(at, path)}: ${reason}`);
  };
  for (let index = 0; index < text.length;) {
    const character = text[index] as string;
    if (character === '"') {
      const end = endOfString(text, index);
      if (keyComes) {
        const key = JSON.parse(text.slice(index, end)) as string;
        path[path.length - 1] = key;
        keyComes = false;
        if (key === '__proto__') reject('a key that is not allowed');
      }
      index = end;
      continue;
    }
    if (character === '-' || (character >= '0' && character <= '9')) {
      NUMBER.lastIndex = index;
      const [number] = NUMBER.exec(text) as RegExpExecArray;
      if (Math.abs(Number(number)) > Number.MAX_SAFE_INTEGER) {
        reject(`expected a number of at most 2^53 - 1, received ${cut(number, 40)}`);
      }
      index += number.length;
      continue;
    }
    if (character === '{' || character === '[') {
      if (path.length === MAX_DEPTH) reject(`nested deeper than ${MAX_DEPTH}`);
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

function show(at: string, path: readonly (string | number)[]): string {
  const steps = path.map((step) => (typeof step === 'number' ? `[${step}]` : `.${cut(step, 40)}`));
  return cut(`${at}${steps.join('')}`.replace(/^\./, ''), 200) || 'body';
}
