import type { Winner } from '../contracts/commands.ts';

/** One field of a request that is not what was expected. */
export interface FieldError {
  /** The field's path, its parts joined by dots; `body`, `headers`, ... for the whole of it. */
  readonly field: string;
  /** What was expected and what came. */
  readonly detail: string;
}

/**
 * Every answer that is not a success, by its code; `docs/problems.md` says of each when it comes and what to do.
 * A code is for programs, and never changes its meaning.
 */
export const PROBLEMS = {
  'invalid-request': { status: 400, title: 'The request is not as expected' },
  unauthenticated: { status: 401, title: 'There is no valid token' },
  forbidden: { status: 403, title: 'The token does not allow this' },
  'signature-invalid': { status: 403, title: 'It is not proven who sent this' },
  'not-found': { status: 404, title: 'There is no such operation' },
  'order-not-found': { status: 404, title: 'There is no such order' },
  'return-not-found': { status: 404, title: 'There is no such return' },
  'method-not-allowed': { status: 405, title: 'The operation has other methods' },
  'request-timeout': { status: 408, title: 'The request did not come in time' },
  'order-exists': { status: 409, title: 'Another order has this ID' },
  'not-cancellable': { status: 409, title: 'The order cannot be cancelled any more' },
  'payment-method-refused': { status: 409, title: 'The order takes no other payment method' },
  'not-under-review': { status: 409, title: 'The order does not wait for a review' },
  'not-returnable': { status: 409, title: 'The order does not allow this return' },
  'not-inspectable': { status: 409, title: 'The return does not wait for this inspection' },
  'too-large': { status: 413, title: 'The body is too large' },
  'unsupported-media-type': { status: 415, title: 'The body is not JSON' },
  'idempotency-key-reused': {
    status: 422,
    title: 'The idempotency key was used for another request',
  },
  'too-many-requests': { status: 429, title: 'The caller asks too often' },
  'headers-too-large': { status: 431, title: 'The URL and headers are too large' },
  'internal-error': { status: 500, title: 'The request could not be carried out' },
  'not-answered': { status: 503, title: 'The order service did not answer in time' },
  'not-ready': { status: 503, title: 'The API cannot do its work now' },
} as const satisfies Record<string, { readonly status: number; readonly title: string }>;

export type ProblemCode = keyof typeof PROBLEMS;

interface ProblemMore {
  readonly errors?: readonly FieldError[];
  readonly wonBy?: Winner;
  readonly retryAfterSeconds?: number;
  readonly cause?: unknown;
}

/** An answer that is not a success, in the shape of RFC 9457 (`application/problem+json`). */
export class Problem extends Error {
  override readonly name = 'Problem';
  readonly code: ProblemCode;
  readonly errors: readonly FieldError[];
  /** Who was first, where the request lost a race. */
  readonly wonBy: Winner | undefined;
  /** After how many seconds asking again makes sense; absent where it does not. */
  readonly retryAfterSeconds: number | undefined;

  constructor(code: ProblemCode, detail: string, more: ProblemMore = {}) {
    super(detail, { cause: more.cause });
    this.code = code;
    this.errors = more.errors ?? [];
    this.wonBy = more.wonBy;
    this.retryAfterSeconds = more.retryAfterSeconds;
  }

  get status(): number {
    return PROBLEMS[this.code].status;
  }

  /** What is sent. */
  body(): object {
    return {
      type: `urn:waybill:problem:${this.code}`,
      title: PROBLEMS[this.code].title,
      status: this.status,
      detail: this.message,
      ...(this.errors.length > 0 && { errors: this.errors }),
      ...(this.wonBy && { wonBy: this.wonBy }),
    };
  }
}
