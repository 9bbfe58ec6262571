import Fastify, { LogController, type FastifyBaseLogger, type FastifyInstance } from 'fastify';
import {
  serializerCompiler,
  validatorCompiler,
  type ZodTypeProvider,
} from 'fastify-type-provider-zod';
import { z } from 'zod';
import { guardAccess, type Authenticate } from './access.ts';
import { addCommandRoutes, type CommandDependencies } from './commands.ts';
import { addDocumentation } from './documentation.ts';
import { addIngressRoutes, type IngressDependencies } from './ingress.ts';
import { addOrderRoutes, type OrderDependencies } from './orders.ts';
import { answerNotFound } from './notFound.ts';
import { publicProblems } from './operations.ts';
import { answerNoRequest, answerProblem, invalidRequest } from './problemAnswers.ts';
import { Problem } from './problems.ts';
import { addReturnRoutes, type ReturnDependencies } from './returns.ts';
import { addProtection, type ProtectionOptions } from './protection.ts';
import { addTelemetry } from './telemetry.ts';
import { addTimelineRoute, type TimelineDependencies } from './timeline.ts';

/** The largest body taken, in bytes, but for events: an order of 50 lines needs less than a twentieth of it. */
const BODY_LIMIT = 256 * 1024;
/** The longest part of a path that is looked at, in characters: what Node takes as a request's whole head. */
const PARAM_LIMIT = 16_384;
/** How long a request may take to come to its end, its body with it, in milliseconds; looked after each 5 s. */
const REQUEST_TIMEOUT = 30_000;
/**
 * How long nothing may go over a connection in either direction, in milliseconds: longer than the longest wait for
 * an answer (30 s), and than the pause between two heartbeats of a timeline (15 s).
 */
const CONNECTION_TIMEOUT = 60_000;

export interface ApiDependencies
  extends
    OrderDependencies,
    CommandDependencies,
    ReturnDependencies,
    TimelineDependencies,
    IngressDependencies {
  readonly authenticate: Authenticate;
  readonly protection: ProtectionOptions;
  /** Whether anybody may read the documentation at `/docs`. */
  readonly docs: boolean;
  /** Whether Temporal answers; a rejection says why not. */
  readonly checkTemporal: () => Promise<void>;
  /**
   * Parses a body. Throws an Error that says `{field}: {what was expected, what came}` for what is not JSON, or
   * what JavaScript would read wrongly without a word.
   */
  readonly parseJson: (text: string) => unknown;
  readonly logger: FastifyBaseLogger;
}

/** The orders API, not yet listening. */
export async function createApi(dependencies: ApiDependencies): Promise<FastifyInstance> {
  const app = Fastify({
    bodyLimit: BODY_LIMIT,
    requestTimeout: REQUEST_TIMEOUT,
    connectionTimeout: CONNECTION_TIMEOUT,
    http: { connectionsCheckingInterval: 5_000 },
    loggerInstance: dependencies.logger,
    logController: new LogController({ disableRequestLogging: true }),
    routerOptions: { maxParamLength: PARAM_LIMIT },
    // What comes on an open connection while the process stops is still answered, as an operation.
    return503OnClosing: false,
    frameworkErrors: answerProblem,
    clientErrorHandler: answerNoRequest,
  });
  addTelemetry(app);
  readJson(app, dependencies);
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  app.setErrorHandler(answerProblem);
  // In this order: refusals, too, have the security headers and may be read by the pages that are allowed to; and the
  // documentation's own pages, which are no operations, come before what is asked of each operation.
  const limit = await addProtection(app, dependencies.protection);
  await addDocumentation(app, { open: dependencies.docs });
  guardAccess(app, dependencies.authenticate, limit);
  answerNotFound(app);
  addHealth(app, dependencies);
  addOrderRoutes(app, dependencies);
  addCommandRoutes(app, dependencies);
  addReturnRoutes(app, dependencies);
  await addTimelineRoute(app, dependencies);
  await addIngressRoutes(app, dependencies);
  return app;
}

function readJson(app: FastifyInstance, { parseJson }: Pick<ApiDependencies, 'parseJson'>): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser<string>(
    'application/json',
    { parseAs: 'string' },
    (_request, body, done) => {
      try {
        done(null, parseJson(body));
      } catch (error) {
        done(invalidRequest((error as Error).message));
      }
    },
  );
}

function addHealth(
  app: FastifyInstance,
  { checkTemporal }: Pick<ApiDependencies, 'checkTemporal'>,
): void {
  const routes = app.withTypeProvider<ZodTypeProvider>();
  // Whoever watches over the process asks as often as it likes, and traces nothing.
  const config = { access: 'public', rateLimit: false, traced: false } as const;
  let isClosing = false;
  app.addHook('preClose', async () => void (isClosing = true));
  routes.get(
    '/healthz',
    {
      config,
      schema: {
        operationId: 'checkAlive',
        tags: ['operation'],
        summary: 'Whether the process is alive, whatever becomes of its work',
        response: { 200: z.object({ status: z.literal('alive') }), ...publicProblems() },
      },
    },
    async () => ({ status: 'alive' as const }),
  );
  routes.get(
    '/readyz',
    {
      config,
      schema: {
        operationId: 'checkReady',
        tags: ['operation'],
        summary: 'Whether the API can do its work',
        response: {
          200: z.object({ status: z.literal('ready') }),
          ...publicProblems('not-ready'),
        },
      },
    },
    async () => {
      if (isClosing) throw new Problem('not-ready', 'the API is stopping');
      try {
        await checkTemporal();
      } catch (cause) {
        throw new Problem('not-ready', 'Temporal does not answer', { cause, retryAfterSeconds: 5 });
      }
      return { status: 'ready' as const };
    },
  );
}
