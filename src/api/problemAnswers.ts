import { maxHeaderSize, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod';
import { type FieldError, Problem, type ProblemCode } from './problems.ts';

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
    // Written here, so that no route's response schema has to know every problem.
    .serializer(JSON.stringify)
    .send(problem.body());
}

/** Answers with a problem what is no request of HTTP, or does not come to its end, and lets go of the connection. */
export function answerNoRequest(
  error: Error & { readonly code?: string },
  socket: Pick<Socket, 'writable' | 'end' | 'destroy'>,
): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const problem = noRequest(error.code);
  const body = JSON.stringify(problem.body());
  const head = [
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}`,
    'content-type: application/problem+json',
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy());
}

function noRequest(code: string | undefined): Problem {
  switch (code) {
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new Problem('request-timeout', 'the request did not come to its end in time');
    case 'HPE_HEADER_OVERFLOW':
      return new Problem(
        'headers-too-large',
        `expected a URL and headers of at most ${maxHeaderSize} bytes`,
      );
    default:
      return new Problem('invalid-request', 'expected a request of HTTP/1.1');
  }
}

/** A request that cannot be read. @param reason - `{field}: {what was expected, what came}` */
export function invalidRequest(reason: string): Problem {
  const [, field = 'body', detail = reason] = /^(\S+): (.*)$/s.exec(reason) ?? [];
  return new Problem('invalid-request', reason, { errors: [{ field, detail }] });
}

function asProblem(error: unknown, request: FastifyRequest): Problem {
  if (error instanceof Problem) return error;
  if (hasZodFastifySchemaValidationErrors(error)) {
    const where = error.validationContext ?? 'body';
    const errors = error.validation.map(({ instancePath, message }) =>
      fieldError(where, instancePath, message ?? 'is not as expected', request),
    );
    const [first] = errors;
    return new Problem('invalid-request', `${first?.field}: ${first?.detail}`, { errors });
  }
  return refusedByServer(error as Partial<FastifyError>, request);
}

/** What Fastify itself refuses, before a route is reached. */
function refusedByServer(
  { statusCode, message = 'the request could not be read', code }: Partial<FastifyError>,
  request: FastifyRequest,
): Problem {
  const refuse = (named: ProblemCode, field: string, detail: string) =>
    new Problem(named, `${field}: ${detail}`, { errors: [{ field, detail }] });
  switch (code ?? '') {
    case 'FST_ERR_CTP_BODY_TOO_LARGE': {
      const came = request.headers['content-length'] ?? 'more';
      const most = request.routeOptions.bodyLimit;
      return refuse('too-large', 'body', `expected at most ${most} bytes, received ${came}`);
    }
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE': {
      const came = request.headers['content-type'] ?? 'none';
      const detail = `expected application/json, received ${came}`;
      return refuse('unsupported-media-type', 'content-type', detail);
    }
    case 'FST_ERR_BAD_URL':
      return refuse('invalid-request', 'path', 'expected a well-formed percent-encoding');
    default:
      return statusCode !== undefined && statusCode >= 400 && statusCode < 500
        ? refuse('invalid-request', 'body', message)
        : new Problem('internal-error', 'the request could not be carried out');
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
  if (message.includes(', received ')) return { field, detail: message };
  const came = path.reduce<unknown>(
    (value, part) => (value as Record<string, unknown> | null | undefined)?.[part],
    (request as unknown as Record<string, unknown>)[where === 'querystring' ? 'query' : where],
  );
  const shown = JSON.stringify(came) ?? 'undefined';
  const received =
    shown.length > 80 ? `${shown.slice(0, 80)}... (${shown.length} characters)` : shown;
  return { field, detail: `${message}, received ${received}` };
}
