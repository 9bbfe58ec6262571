import type { FastifyInstance, FastifyReply } from 'fastify';
import { z } from 'zod';

/** A call that is refused, with the code by which the caller tells why. */
export class Refusal extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/**
 * `error` answers 500 in the call's place. The others come after its effect: `hang` never answers, `drop` cuts the
 * connection. 0 `times`: nothing fails any more.
 */
const Failing = z.strictObject({
  fault: z.enum(['error', 'hang', 'drop']),
  times: z.int().min(0).max(1_000_000),
});

/** Answers with what the operation returns, unless the call has to fail. */
type Answer = (reply: FastifyReply, operation: () => object) => FastifyReply;

/**
 * What the sandboxes of those we trade with have in common: JSON, refusals with a code, and faults on request.
 * `POST /sandbox/faults` says how the next calls fail, and how many of them; it replaces what was said before.
 */
export function partner(sandbox: FastifyInstance): Answer {
  let failing: z.infer<typeof Failing> = { fault: 'error', times: 0 };
  sandbox.setErrorHandler((error, _request, reply) => {
    const { status, code, message } = refusalOf(error);
    return reply.code(status).send({ code, message });
  });
  sandbox.post('/sandbox/faults', ({ body }) => (failing = read(Failing, body)));

  return (reply, operation) => {
    const fault = failing.times > 0 ? failing.fault : null;
    if (fault) failing = { fault, times: failing.times - 1 };
    if (fault === 'error') throw new Refusal(500, 'internal-error', 'it was told to fail');
    const answer = operation();
    if (fault === null) return reply.send(answer);
    reply.hijack();
    if (fault === 'drop') reply.raw.destroy();
    return reply;
  };
}

/** @throws Refusal that names the fields, where a body is not what it must be. */
export function read<Content>(schema: z.ZodType<Content>, body: unknown): Content {
  const content = schema.safeParse(body);
  if (content.success) return content.data;
  const message = z.prettifyError(content.error).replaceAll('\n', ' ');
  throw new Refusal(400, 'malformed', message);
}

function refusalOf(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  const { message, statusCode = 500 } = error as Error & { readonly statusCode?: number };
  // The framework's: a body that is no JSON, or too long.
  if (statusCode < 500) return new Refusal(statusCode, 'malformed', message);
  return new Refusal(500, 'internal-error', message);
}
