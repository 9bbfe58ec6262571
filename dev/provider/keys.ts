import type { FastifyReply, FastifyRequest } from 'fastify';
import { ProviderError } from './errors.ts';
import type { Form } from './form.ts';

// Idempotency keys: https://docs.stripe.com/api/idempotent_requests.

/** While a request with a key is being handled, from its headers on, another with the same key is refused. */
export function keyLock(): (request: FastifyRequest, reply: FastifyReply) => Promise<void> {
  const inUse = new Set<string>();
  return async (request, reply) => {
    const key = keyOf(request);
    if (key === undefined) return;
    if (key.length > 255) {
      const message = 'Idempotency keys have at most 255 characters';
      throw new ProviderError(400, { type: 'invalid_request_error', message });
    }
    if (inUse.has(key)) {
      throw new ProviderError(409, {
        type: 'invalid_request_error',
        code: 'idempotency_key_in_use',
        message: `There is currently another in-progress request using this Idempotent Key: ${key}.`,
      });
    }
    inUse.add(key);
    reply.raw.once('close', () => inUse.delete(key));
  };
}

/** Tells one request from another, whatever the order of its parameters. */
export function fingerprintOf(url: string, form: Form): string {
  const parameters = new URLSearchParams([...form]);
  parameters.sort();
  return `${url} ${parameters.toString()}`;
}

export function keyOf(request: FastifyRequest): string | undefined {
  const key = request.headers['idempotency-key'];
  return request.method === 'POST' && typeof key === 'string' ? key : undefined;
}

export function keyReused(key: string): ProviderError {
  return new ProviderError(400, {
    type: 'idempotency_error',
    message:
      'Keys for idempotent requests can only be used with the same endpoint and parameters they were first ' +
      `used with. Try using a key other than '${key}' if you meant to execute a different request.`,
  });
}
