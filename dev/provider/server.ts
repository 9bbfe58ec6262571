import { fastify } from 'fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { booksOf } from './books.ts';
import { carrierSandbox } from './carrier.ts';
import { notFound, ProviderError } from './errors.ts';
import {
  createFaults,
  type Faults,
  type MetFault,
  SERVER_ERROR,
  type WriteOperation,
} from './faults.ts';
import { allowOnly, parseForm, required } from './form.ts';
import type { Form } from './form.ts';
import { cancelIntent, captureIntent, confirmIntent, createIntent } from './intents.ts';
import { fingerprintOf, keyLock, keyOf, keyReused } from './keys.ts';
import type { Ledger } from './ledger.ts';
import { pageOf } from './list.ts';
import { newId } from './objects.ts';
import type { Dispute, PaymentIntent, Refund, StoredObject } from './objects.ts';
import { createRefund } from './refunds.ts';
import { addSandbox } from './sandbox.ts';
import { scoreOf } from './screening.ts';
import { supplierSandbox } from './supplier.ts';

/** The result of a POST: the object to answer, and the refusal that goes out in its place. */
interface Effect {
  readonly object: StoredObject;
  readonly error: ProviderError | null;
}

interface Operation {
  readonly name: WriteOperation;
  /** Of the intent in question; undefined before there is one. */
  readonly intentId: string | undefined;
  readonly run: (form: Form) => Effect;
}

/**
 * The payment provider's sandbox: the part of Stripe's HTTP API that the order service uses, with Stripe's
 * statuses, test payment methods, refusals and idempotency keys. All its state is in the ledger.
 *
 * `GET /ledger` is for the audit: every intent with what was captured, refunded, disputed and lost, every refund and every
 * dispute. `/sandbox/...` makes happen what the service cannot ask for, also that the provider fails: see sandbox.ts.
 * Beside it are the sandboxes of the carrier (`/carrier`), the supplier (`/supplier`) and the fraud screening
 * (`POST /screening/scores`).
 *
 * @param onFault - told of every request about a payment that was made to fail.
 */
export function createProvider(
  ledger: Ledger,
  onFault: (met: MetFault) => void = () => undefined,
): FastifyInstance {
  const server = fastify({ forceCloseConnections: true });
  const faults = createFaults(onFault);
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

      const post = (
        path: string,
        name: WriteOperation,
        run: (form: Form, id: string) => Effect,
      ): void => {
        api.post<{ Params: { id?: string }; Body: string | undefined }>(path, (request, reply) => {
          const { id } = request.params;
          const operation = { name, intentId: id, run: (form: Form) => run(form, id ?? '') };
          return execute(ledger, faults, request, reply, operation);
        });
      };
      const intentOf = (id: string, param: string): PaymentIntent => {
        const intent = ledger.intents.get(id);
        if (!intent) throw notFound('payment_intent', id, param);
        return intent;
      };
      const plain = (object: StoredObject): Effect => ({ object, error: null });

      post('/payment_intents', 'create', (form) => plain(createIntent(form)));
      post('/payment_intents/:id/confirm', 'confirm', (form, id) => {
        const { intent, error } = confirmIntent(intentOf(id, 'intent'), form);
        return { object: intent, error };
      });
      post('/payment_intents/:id/capture', 'capture', (form, id) =>
        plain(captureIntent(intentOf(id, 'intent'), form)),
      );
      post('/payment_intents/:id/cancel', 'cancel', (form, id) =>
        plain(cancelIntent(intentOf(id, 'intent'), form)),
      );
      post('/refunds', 'refund', (form) => {
        const intent = intentOf(required(form, 'payment_intent'), 'payment_intent');
        return plain(createRefund(intent, form, ledger.refunds.values(), ledger.disputes.values()));
      });

      /** Answers a look-up that concerns one intent, unless it meets a fault. */
      const answerLookUp = <Found>(reply: FastifyReply, id: string, look: () => Found) => {
        const orderKey = ledger.intents.get(id)?.metadata['orderKey'] ?? null;
        const fault = faults.meet('retrieve', orderKey);
        if (!fault) return look();
        if (fault.how !== 'error') return faults.interrupt(reply, fault.how);
        return reply.code(SERVER_ERROR.status).send(SERVER_ERROR.body);
      };
      api.get<{ Params: { id: string } }>('/payment_intents/:id', ({ params }, reply) =>
        answerLookUp(reply, params.id, () => intentOf(params.id, 'intent')),
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
      const listOf = (
        query: Record<string, string>,
        url: string,
        all: ReadonlyMap<string, Refund | Dispute>,
      ) => {
        allowOnly(new Map(Object.entries(query)), ['payment_intent', 'limit', 'starting_after']);
        const asked = query['payment_intent'];
        const found = [...all.values()].filter(
          (object) => asked === undefined || object.payment_intent === asked,
        );
        return pageOf(url, found, query);
      };
      api.get<{ Querystring: Record<string, string> }>('/refunds', ({ query }, reply) => {
        const look = () => listOf(query, '/v1/refunds', ledger.refunds);
        const asked = query['payment_intent'];
        return asked === undefined ? look() : answerLookUp(reply, asked, look);
      });
      api.get<{ Querystring: Record<string, string> }>('/disputes', ({ query }) =>
        listOf(query, '/v1/disputes', ledger.disputes),
      );
    },
    { prefix: '/v1' },
  );

  server.register(carrierSandbox(ledger), { prefix: '/carrier' });
  server.register(supplierSandbox(ledger), { prefix: '/supplier' });
  server.post('/screening/scores', ({ body }, reply) => {
    const score = scoreOf(body);
    return score === null ? reply.code(400).send({ error: 'not an order' }) : { score };
  });
  server.get('/ledger', () => booksOf(ledger));
  addSandbox(server, ledger, faults);
  return server;
}

/** One POST: replays the key's first answer, or executes and writes effect and answer down before answering. */
function execute(
  ledger: Ledger,
  faults: Faults,
  request: FastifyRequest<{ Body: string | undefined }>,
  reply: FastifyReply,
  operation: Operation,
): FastifyReply {
  const form = parseForm(request.body ?? '');
  const key = keyOf(request);
  const fingerprint = fingerprintOf(request.url, form);

  const kept = key === undefined ? undefined : ledger.answers.get(key);
  if (kept) {
    if (kept.request !== fingerprint) throw keyReused(kept.key);
    return reply.header('idempotent-replayed', 'true').code(kept.status).send(kept.body);
  }

  const orderKey = orderOf(ledger, operation, form);
  const fault = faults.meet(operation.name, orderKey);
  const takesEffect = !fault || (fault.operation !== 'retrieve' && fault.takesEffect);
  if (!takesEffect && fault.how !== 'error') return faults.interrupt(reply, fault.how);

  const outcome = takesEffect ? outcomeOf(operation, form) : { objects: [], ...SERVER_ERROR };
  const { status, body } = fault?.how === 'error' ? SERVER_ERROR : outcome;
  const answer = key === undefined ? null : { key, orderKey, request: fingerprint, status, body };
  ledger.append({ objects: outcome.objects, answer });
  if (fault && fault.how !== 'error') return faults.interrupt(reply, fault.how);
  return reply.code(status).send(body);
}

/** The order that a request is about, as its intent names it. */
function orderOf(ledger: Ledger, { intentId }: Operation, form: Form): string | null {
  const intent = ledger.intents.get(intentId ?? form.get('payment_intent') ?? '');
  return intent?.metadata['orderKey'] ?? form.get('metadata[orderKey]') ?? null;
}

function outcomeOf(
  operation: Operation,
  form: Form,
): { objects: readonly StoredObject[]; status: number; body: unknown } {
  try {
    const { object, error } = operation.run(form);
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

function answerError(reply: FastifyReply, error: unknown): FastifyReply {
  if (error instanceof ProviderError) {
    return reply.code(error.status).send({ error: error.body });
  }
  const message = error instanceof Error ? error.message : String(error);
  // What the server itself refuses, such as a body that is no JSON, has a status of its own.
  const { statusCode = 500 } = error as { readonly statusCode?: number };
  const type = statusCode < 500 ? 'invalid_request_error' : 'api_error';
  return reply.code(statusCode).send({ error: { type, message } });
}
