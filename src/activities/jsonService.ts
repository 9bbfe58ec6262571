import { z } from 'zod';
import { id } from '../contracts/fields.ts';

export interface JsonServiceOptions {
  /** What errors call it. */
  readonly name: string;
  /** Without a slash at its end. */
  readonly url: string;
  /** How long one call may take, to the end of its answer, in milliseconds. */
  readonly timeoutMs: number;
}

export interface JsonCall<Answer> {
  readonly method: 'POST' | 'PUT' | 'DELETE';
  /** After the service's URL: from its first slash on, with what it names URL-encoded. */
  readonly path: string;
  readonly body?: object;
  /** What an answer has to be; what it says besides is left out. */
  readonly answer: z.ZodType<Answer>;
  /** What the error calls the answer that did not come. */
  readonly wanted: string;
}

/** The service has understood the call and says, by a code, that it never will do it. Nothing took effect. */
export class RefusedError extends Error {
  override readonly name = 'RefusedError';
  /** The service's own. */
  readonly code: string;

  constructor(message: string, code: string) {
    super(message);
    this.code = code;
  }
}

const Refusal = z.object({ code: id });
/** These say when to ask, not what was asked. */
const ASK_AGAIN: readonly number[] = [408, 429];

/**
 * A remote system that is asked in JSON over HTTP: each call once, within its deadline, nowhere else.
 *
 * @throws RefusedError at a status of 4xx (408 and 429 apart) whose body has a `code`. Whatever else is thrown says
 * nothing about the effect: another status, no connection, no answer in time, an answer that is none.
 */
export function createJsonService({ name, url, timeoutMs }: JsonServiceOptions) {
  return async function ask<Answer>(call: JsonCall<Answer>): Promise<Answer> {
    const { method, path, body } = call;
    const response = await fetch(`${url}${path}`, {
      method,
      headers: { accept: 'application/json', ...(body && { 'content-type': 'application/json' }) },
      ...(body && { body: JSON.stringify(body) }),
      // Else whoever answers could send an order's data on to anybody.
      redirect: 'error',
      signal: AbortSignal.timeout(timeoutMs),
    });
    const { status } = response;
    const text = await response.text();
    const content = parsed(text);
    if (!response.ok) {
      const message = `${name} answered ${status}: ${excerpt(text)}`;
      const refusal = Refusal.safeParse(content);
      const isFinal = status >= 400 && status < 500 && !ASK_AGAIN.includes(status);
      throw isFinal && refusal.success
        ? new RefusedError(message, refusal.data.code)
        : new Error(message);
    }
    const answer = call.answer.safeParse(content);
    if (!answer.success) throw new Error(`${name} answered no ${call.wanted}: ${excerpt(text)}`);
    return answer.data;
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function excerpt(text: string): string {
  return text.slice(0, 200);
}
