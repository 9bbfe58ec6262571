import { fastify } from 'fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { notFound, ProviderError } from './errors.ts';
import { allowOnly, parseForm, required } from './form.ts';
import type { Form } from './form.ts';
import { cancelIntent, captureIntent, confirmIntent, createIntent } from './intents.ts';
import type { Ledger } from './ledger.ts';
import { pageOf } from './list.ts';
import { newId } from './objects.ts';
import type { PaymentIntent, StoredObject } from './objects.ts';
import { amountRefunded, createRefund } from './refunds.ts';
import { scoreOf } from './screening.ts';

/** The result of a POST: the object to answer, and the refusal that goes out in its place. */
interface Effect {
  readonly object: StoredObject;
  readonly error: ProviderError | null;
}

type Operation = (form: Form, id: string) => Effect;

/**
 * The payment provider's sandbox: the part of Stripe's HTTP API that the order service uses, with Stripe's
 * statuses, test payment methods, refusals and idempotency keys. All its state is in the ledger.
 *
 * `GET /ledger` is for the audit: every intent with what was captured and refunded, and every refund.
 * `POST /screening/scores` is another sandbox beside it, that of the fraud screening.
 */
export function createProvider(ledger: Ledger): FastifyInstance {
  const server = fastify({ forceCloseConnections: true });
  server.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'string' },
    (_request, body, done) => done(null, body),
  );
  server.setErrorHandler((error, _request, reply) => answerError(reply, error));
  server.setNotFoundHandler((request) => {
    const message = `Unrecognized request URL (${request.method}: ${request.url})`;
    throw new ProviderError(404, { type: 'invalid_request_error', message });
  });

  server.register(
    async (api) => {
      api.addHook('onRequest', authenticate);
      api.addHook('onRequest', keyLock());

      const post = (path: string, operation: Operation): void => {
        api.post<{ Params: { id?: string }; Body: string | undefined }>(path, (request, reply) =>
          execute(ledger, request, reply, (form) => operation(form, request.params.id ?? '')),
        );
      };
      const intentOf = (id: string, param: string): PaymentIntent => {
        const intent = ledger.intents.get(id);
        if (!intent) throw notFound('payment_intent', id, param);
        return intent;
      };
      const plain = (object: StoredObject): Effect => ({ object, error: null });

      post('/payment_intents', (form) => plain(createIntent(form)));
      post('/payment_intents/:id/confirm', (form, id) => {
        const { intent, error } = confirmIntent(intentOf(id, 'intent'), form);
        return { object: intent, error };
      });
      post('/payment_intents/:id/capture', (form, id) =>
        plain(captureIntent(intentOf(id, 'intent'), form)),
      );
      post('/payment_intents/:id/cancel', (form, id) =>
        plain(cancelIntent(intentOf(id, 'intent'), form)),
      );
      post('/refunds', (form) => {
        const intent = intentOf(required(form, 'payment_intent'), 'payment_intent');
        return plain(createRefund(intent, form, ledger.refunds.values()));
      });

      api.get<{ Params: { id: string } }>('/payment_intents/:id', ({ params }) =>
        intentOf(params.id, 'intent'),
      );
      api.get<{ Querystring: Record<string, string> }>('/payment_intents', ({ query }) => {
        allowOnly(new Map(Object.entries(query)), ['limit', 'starting_after']);
        return pageOf('/v1/payment_intents', ledger.intents.values(), query);
      });
      api.get<{ Params: { id: string } }>('/refunds/:id', ({ params }) => {
        const refund = ledger.refunds.get(params.id);
        if (!refund) throw notFound('refund', params.id, 'id');
        return refund;
      });
      api.get<{ Querystring: Record<string, string> }>('/refunds', ({ query }) => {
        allowOnly(new Map(Object.entries(query)), ['payment_intent', 'limit', 'starting_after']);
        const asked = query['payment_intent'];
        const refunds = [...ledger.refunds.values()].filter(
          (refund) => asked === undefined || refund.payment_intent === asked,
        );
        return pageOf('/v1/refunds', refunds, query);
      });
    },
    { prefix: '/v1' },
  );

  server.post('/screening/scores', ({ body }, reply) => {
    const score = scoreOf(body);
    return score === null ? reply.code(400).send({ error: 'not an order' }) : { score };
  });
  server.get('/ledger', () => {
    const refunds = [...ledger.refunds.values()];
    const intents = [...ledger.intents.values()].map((intent) => ({
      id: intent.id,
      amount: intent.amount,
      currency: intent.currency,
      status: intent.status,
      amount_captured: intent.amount_received,
      amount_refunded: amountRefunded(intent, refunds),
      metadata: intent.metadata,
    }));
    return { intents, refunds };
  });
  return server;
}

/** One POST: replays the key's first answer, or executes and writes effect and answer down before answering. */
function execute(
  ledger: Ledger,
  request: FastifyRequest<{ Body: string | undefined }>,
  reply: FastifyReply,
  operation: (form: Form) => Effect,
): FastifyReply {
  const form = parseForm(request.body ?? '');
  const key = keyOf(request);
  const fingerprint = fingerprintOf(request.url, form);

  const kept = key === undefined ? undefined : ledger.answers.get(key);
  if (kept) {
    if (kept.request !== fingerprint) throw keyReused(kept.key);
    return reply.header('idempotent-replayed', 'true').code(kept.status).send(kept.body);
  }

  const { objects, status, body } = outcomeOf(operation, form);
  const answer = key === undefined ? null : { key, request: fingerprint, status, body };
  ledger.append({ objects, answer });
  return reply.code(status).send(body);
}

function outcomeOf(
  operation: (form: Form) => Effect,
  form: Form,
): { objects: readonly StoredObject[]; status: number; body: unknown } {
  try {
    const { object, error } = operation(form);
    return error
      ? { objects: [object], status: error.status, body: { error: error.body } }
      : { objects: [object], status: 200, body: object };
  } catch (error) {
    if (error instanceof ProviderError && error.executed) {
      return { objects: [], status: error.status, body: { error: error.body } };
    }
    throw error;
  }
}

async function authenticate(request: FastifyRequest, reply: FastifyReply): Promise<void> {
  reply.header('request-id', newId('req'));
  const authorization = request.headers.authorization ?? '';
  if (/^Bearer sk_test_./.test(authorization)) return;
  const message = authorization
    ? 'Invalid API Key provided; the sandbox takes any that begins with sk_test_'
    : 'You did not provide an API key. Provide it in the Authorization header, using Bearer auth.';
  throw new ProviderError(401, { type: 'invalid_request_error', message });
}

/** While a request with a key is being handled, from its headers on, another with the same key is refused. */
function keyLock(): (request: FastifyRequest, reply: FastifyReply) => Promise<void> {
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
function fingerprintOf(url: string, form: Form): string {
  const parameters = new URLSearchParams([...form]);
  parameters.sort();
  return `${url} ${parameters.toString()}`;
}

function keyOf(request: FastifyRequest): string | undefined {
  const key = request.headers['idempotency-key'];
  return request.method === 'POST' && typeof key === 'string' ? key : undefined;
}

function keyReused(key: string): ProviderError {
  return new ProviderError(400, {
    type: 'idempotency_error',
    message:
      'Keys for idempotent requests can only be used with the same endpoint and parameters they were first ' +
      `used with. Try using a key other than '${key}' if you meant to execute a different request.`,
  });
}

function answerError(reply: FastifyReply, error: unknown): FastifyReply {
  if (error instanceof ProviderError) {
    return reply.code(error.status).send({ error: error.body });
  }
  const message = error instanceof Error ? error.message : String(error);
  return reply.code(500).send({ error: { type: 'api_error', message } });
}
