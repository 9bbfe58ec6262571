import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod';

/** One field of a request that is not what was expected. */
export interface FieldError {
  /** The field's path, its parts joined by dots; `body`, `headers`, ... for the whole of it. */
  readonly field: string;
  /** What was expected and what came. */
  readonly detail: string;
}

/** An answer that is not a success, in the shape of RFC 9457 (`application/problem+json`). */
export class Problem extends Error {
  override readonly name = 'Problem';
  readonly status: number;
  /** A stable code, for programs. */
  readonly code: string;
  readonly errors: readonly FieldError[];
  /** After how many seconds asking again makes sense; absent where it does not. */
  readonly retryAfterSeconds: number | undefined;

  constructor(
    status: number,
    code: string,
    detail: string,
    more: { errors?: readonly FieldError[]; retryAfterSeconds?: number; cause?: unknown } = {},
  ) {
    super(detail, { cause: more.cause });
    this.status = status;
    this.code = code;
    this.errors = more.errors ?? [];
    this.retryAfterSeconds = more.retryAfterSeconds;
  }
}

/** Answers with a problem for whatever was thrown while a request was handled. */
export function answerProblem(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const problem = asProblem(error, request);
  if (problem.status >= 500) request.log.error({ err: error }, 'request failed');
  if (problem.retryAfterSeconds !== undefined) {
    reply.header('retry-after', problem.retryAfterSeconds);
  }
  reply
    .status(problem.status)
    .type('application/problem+json')
    .send({
      type: `urn:waybill:problem:${problem.code}`,
      title: problem.code,
      status: problem.status,
      detail: problem.message,
      ...(problem.errors.length > 0 && { errors: problem.errors }),
    });
}

/** A request that cannot be read. @param reason - `{field}: {what was expected, what came}` */
export function invalidRequest(reason: string): Problem {
  const [, field = 'body', detail = reason] = /^(\S+): (.*)$/s.exec(reason) ?? [];
  return new Problem(400, 'invalid-request', reason, { errors: [{ field, detail }] });
}

function asProblem(error: unknown, request: FastifyRequest): Problem {
  if (error instanceof Problem) return error;
  if (hasZodFastifySchemaValidationErrors(error)) {
    const where = error.validationContext ?? 'body';
    const errors = error.validation.map(({ instancePath, message }) =>
      fieldError(where, instancePath, message ?? 'is not as expected', request),
    );
    const [first] = errors;
    return new Problem(400, 'invalid-request', `${first?.field}: ${first?.detail}`, { errors });
  }
  return refusedByServer(error as Partial<FastifyError>, request);
}

/** What Fastify itself refuses, before a route is reached. */
function refusedByServer(
  { statusCode, message = 'the request could not be read', code }: Partial<FastifyError>,
  request: FastifyRequest,
): Problem {
  const refuse = (status: number, named: string, field: string, detail: string) =>
    new Problem(status, named, `${field}: ${detail}`, { errors: [{ field, detail }] });
  switch (code ?? '') {
    case 'FST_ERR_CTP_BODY_TOO_LARGE': {
      const came = request.headers['content-length'] ?? 'more';
      const most = request.routeOptions.bodyLimit;
      return refuse(413, 'too-large', 'body', `expected at most ${most} bytes, received ${came}`);
    }
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE': {
      const came = request.headers['content-type'] ?? 'none';
      const detail = `expected application/json, received ${came}`;
      return refuse(415, 'unsupported-media-type', 'content-type', detail);
    }
    case 'FST_ERR_BAD_URL':
      return refuse(400, 'invalid-request', 'path', 'expected a well-formed percent-encoding');
    default:
      return statusCode !== undefined && statusCode >= 400 && statusCode < 500
        ? refuse(statusCode, 'invalid-request', 'body', message)
        : new Problem(500, 'internal-error', 'the request could not be carried out');
  }
}

/** Names the field, what was expected and, where the validator did not say it, what came. */
function fieldError(
  where: string,
  instancePath: string,
  message: string,
  request: FastifyRequest,
): FieldError {
  const path = instancePath.split('/').filter((part) => part !== '');
  const field = path.length > 0 ? path.join('.') : where;
  if (message.includes('received')) return { field, detail: message };
  const came = path.reduce<unknown>(
    (value, part) => (value as Record<string, unknown> | null | undefined)?.[part],
    (request as unknown as Record<string, unknown>)[where],
  );
  const shown = JSON.stringify(came) ?? 'undefined';
  const received =
    shown.length > 80 ? `${shown.slice(0, 80)}... (${shown.length} characters)` : shown;
  return { field, detail: `${message}, received ${received}` };
}
