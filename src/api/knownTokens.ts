import { createHash } from 'node:crypto';
import type { Caller } from './caller.ts';

/** How long a token that was checked is taken without checking it again, in milliseconds: a tenth of what keys are kept. */
const KEPT = 60_000;
/** How many are remembered; beyond it those checked first are forgotten. */
const REMEMBERED = 10_000;

/** Whose tokens were checked just now: a signature takes as long to check as a row to read. */
export class KnownTokens {
  /** By a hash of the token: a token itself may be long, and is a secret. */
  readonly #callers = new Map<string, { readonly caller: Caller; readonly until: number }>();

  /** Who it stands for; undefined where it has to be checked. */
  find(token: string): Caller | undefined {
    const known = this.#callers.get(hashOf(token));
    return known && Date.now() < known.until ? known.caller : undefined;
  }

  /** @param expiresAt - when the token is not good any more, in milliseconds since 1970. */
  add(token: string, caller: Caller, expiresAt: number): void {
    const hash = hashOf(token);
    this.#callers.delete(hash);
    this.#callers.set(hash, { caller, until: Math.min(expiresAt, Date.now() + KEPT) });
    if (this.#callers.size <= REMEMBERED) return;
    const [oldest = ''] = this.#callers.keys();
    this.#callers.delete(oldest);
  }
}

function hashOf(token: string): string {
  return createHash('sha256').update(token).digest('base64');
}
