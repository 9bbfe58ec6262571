import Fastify, { type FastifyBaseLogger, type FastifyInstance } from 'fastify';
import { serializerCompiler, validatorCompiler } from 'fastify-type-provider-zod';
import { addOrderRoutes, type OrderDependencies } from './orders.ts';
import { answerProblem, Problem } from './problems.ts';

/** The largest body taken, in bytes: an order of 50 lines needs less than a twentieth of it. */
const BODY_LIMIT = 256 * 1024;

export interface ApiDependencies extends OrderDependencies {
  /** Whether Temporal answers; a rejection says why not. */
  readonly checkTemporal: () => Promise<void>;
  readonly logger: FastifyBaseLogger;
}

/** The orders API, not yet listening. */
export function createApi(dependencies: ApiDependencies): FastifyInstance {
  const app = Fastify({
    bodyLimit: BODY_LIMIT,
    loggerInstance: dependencies.logger,
    disableRequestLogging: true,
  });
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  app.setErrorHandler(answerProblem);
  app.setNotFoundHandler((request, reply) =>
    answerProblem(
      new Problem(404, 'not-found', `${request.method} ${request.url} is not an operation`),
      request,
      reply,
    ),
  );
  app.get('/healthz', async () => {
    try {
      await dependencies.checkTemporal();
    } catch (error) {
      throw new Problem(503, 'temporal-unavailable', String(error), { retryAfterSeconds: 5 });
    }
    return { status: 'ok' };
  });
  addOrderRoutes(app, dependencies);
  return app;
}
