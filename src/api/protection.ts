import cors from '@fastify/cors';
import helmet from '@fastify/helmet';
import rateLimit, { normalizeIP } from '@fastify/rate-limit';
import type { FastifyInstance } from 'fastify';
import type { Limit } from './access.ts';
import { Problem } from './problems.ts';

export interface ProtectionOptions {
  /** Whose pages may call the API from a browser: origins such as `https://shop.example`. Nobody's where it is empty. */
  readonly origins: readonly string[];
  /**
   * How many requests of one caller this process takes in a minute, 1 or more; and as many of one address where
   * the caller is not known. An operation with `config.rateLimit: false` is not counted.
   */
  readonly requestsPerMinute: number;
}

const MINUTE = 60_000;
/** How many callers and addresses are remembered; beyond it those that asked least recently are forgotten. */
const REMEMBERED = 20_000;
/** How long a browser may remember what it was allowed, in seconds. */
const PREFLIGHT_SECONDS = 600;

/**
 * Adds what browsers are told with every answer: what they must not do with it, and whose pages may read it.
 * Goes before all routes, and before what refuses requests. Answers how often who may ask.
 */
export async function addProtection(
  app: FastifyInstance,
  { origins, requestsPerMinute }: ProtectionOptions,
): Promise<Limit> {
  await app.register(helmet, {
    contentSecurityPolicy: {
      useDefaults: false,
      // Answers are data: as a page they may load nothing, and stand in nobody else's.
      directives: Object.fromEntries(
        ['default-src', 'base-uri', 'form-action', 'frame-ancestors'].map((name) => [
          name,
          ["'none'"],
        ]),
      ),
    },
    xFrameOptions: { action: 'deny' },
  });
  app.addHook('onRequest', async (_request, reply) => {
    // Orders are somebody's: nothing on the way keeps them.
    reply.header('cache-control', 'no-store');
  });
  if (origins.length > 0) await addCors(app, new Set(origins));
  return await createLimit(app, requestsPerMinute);
}

async function addCors(app: FastifyInstance, origins: ReadonlySet<string>): Promise<void> {
  await app.register(cors, {
    // Others are told nothing, not even what would be allowed.
    origin: async (origin?: string) => origin !== undefined && origins.has(origin),
    methods: ['GET', 'HEAD', 'POST'],
    allowedHeaders: ['Authorization', 'Content-Type', 'Idempotency-Key', 'Prefer', 'Last-Event-ID'],
    exposedHeaders: ['Location', 'Preference-Applied', 'Retry-After', 'WWW-Authenticate'],
    credentials: false,
    maxAge: PREFLIGHT_SECONDS,
    strictPreflight: false,
  });
}

async function createLimit(app: FastifyInstance, requestsPerMinute: number): Promise<Limit> {
  // Not by its own hooks: they would run before the caller is known, or not at all where it is refused.
  await app.register(rateLimit, {
    global: false,
    cache: REMEMBERED,
    max: requestsPerMinute,
    timeWindow: MINUTE,
    keyGenerator: ({ caller, ip }) => caller?.name ?? normalizeIP(ip),
  });
  const count = app.createRateLimit();
  return async (request) => {
    if (request.routeOptions.config.rateLimit === false) return;
    const counted = await count(request);
    if (counted.isAllowed || !counted.isExceeded) return;
    throw new Problem(
      'too-many-requests',
      `at most ${requestsPerMinute} requests a minute are taken`,
      { retryAfterSeconds: counted.ttlInSeconds },
    );
  };
}
