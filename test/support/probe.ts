import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { callerOf } from '../../src/api/access.ts';
import { createApi, type ApiDependencies } from '../../src/api/app.ts';
import type { Caller } from '../../src/api/caller.ts';
import { Problem } from '../../src/api/problems.ts';
import { parseJson } from '../../src/bridges/json.ts';
import { createLogger } from '../../src/platform/logger.ts';

/** Takes `Bearer ana` for a member of the staff by that name, and nobody else. */
async function authenticateByName(authorization: string | undefined): Promise<Caller> {
  const [, name] = /^Bearer ([a-z]+)$/.exec(authorization ?? '') ?? [];
  if (name === undefined) throw new Problem('unauthenticated', 'expected a name');
  return { role: 'staff', name: `staff:${name}`, scopes: new Set(['orders:read']) };
}

/**
 * The API, with nothing behind it, and a few operations that show what gets through to operations: `GET /probe`
 * and `POST /probe` for `orders:read`, `POST /probe/review` for a scope that nobody has, and `GET /probe/open`.
 */
export async function createProbe(given: Partial<ApiDependencies> = {}): Promise<FastifyInstance> {
  const app = await createApi({
    authenticate: authenticateByName,
    protection: { origins: [], requestsPerMinute: 1_000 },
    docs: false,
    checkTemporal: async () => undefined,
    parseJson,
    logger: createLogger({ process: 'api', level: 'silent' }),
    ingress: {
      stripeWebhookSecret: 'whsec_probe',
      retrieveIntent: never,
      snsTopicArns: [],
      enqueue: never,
      fetch: never,
    },
    ...given,
  } as unknown as ApiDependencies);
  const read = { config: { access: 'orders:read' }, schema: { hide: true } } as const;
  app.get('/probe', read, async (request) => ({ name: callerOf(request).name }));
  app
    .withTypeProvider<ZodTypeProvider>()
    .post(
      '/probe',
      { ...read, schema: { ...read.schema, body: z.object({ amount: z.int() }) } },
      async ({ body }) => body,
    );
  app.post('/probe/review', { config: { access: 'orders:review' }, schema: { hide: true } }, never);
  app.get(
    '/probe/open',
    { config: { access: 'public' }, schema: { hide: true } },
    async () => ({}),
  );
  return app;
}

function never(): never {
  throw new Error('it was let in');
}
