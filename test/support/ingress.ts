import Fastify, { type FastifyInstance } from 'fastify';
import { serializerCompiler, validatorCompiler } from 'fastify-type-provider-zod';
import { guardAccess } from '../../src/api/access.ts';
import type { EventNames } from '../../src/api/incomingEvent.ts';
import { addIngressRoutes, type IngressDependencies } from '../../src/api/ingress.ts';
import type { Enqueue } from '../../src/api/ingressQueues.ts';
import { answerProblem } from '../../src/api/problemAnswers.ts';
import { parseJson } from '../../src/bridges/json.ts';

export const STRIPE_SECRET = 'whsec_test';

/** Keeps what would be put into a queue. */
export function fakeQueues() {
  const sent: { readonly body: string; readonly names: EventNames | null }[] = [];
  const enqueue: Enqueue = async (body, names) => {
    sent.push({ body, names });
    return `message-${sent.length}`;
  };
  return { sent, enqueue };
}

/** The ingress alone, beside one operation that takes JSON as all others do. Whoever has a token may send events. */
export async function createIngress(
  ingress: Pick<IngressDependencies['ingress'], 'enqueue'> &
    Partial<IngressDependencies['ingress']>,
): Promise<FastifyInstance> {
  const app = Fastify({ bodyLimit: 256 * 1_024 });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, body, done) =>
    done(null, parseJson(String(body))),
  );
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  app.setErrorHandler(answerProblem);
  guardAccess(app, async (authorization) => ({
    name: 'staff:ana',
    role: 'staff',
    scopes: new Set(authorization === undefined ? [] : ['events:send']),
  }));
  app.post('/orders', { config: { access: 'public' } }, async ({ body }) => body);
  await addIngressRoutes(app, {
    parseJson,
    ingress: {
      stripeWebhookSecret: STRIPE_SECRET,
      snsTopicArns: [],
      fetch: async (url) => {
        throw new Error(`${url} is not to be fetched`);
      },
      ...ingress,
    },
  });
  return app;
}
