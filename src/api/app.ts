import Fastify, { LogController, type FastifyBaseLogger, type FastifyInstance } from 'fastify';
import { serializerCompiler, validatorCompiler } from 'fastify-type-provider-zod';
import { addOrderRoutes, type OrderDependencies } from './orders.ts';
import { answerProblem, invalidRequest, Problem } from './problems.ts';

/** The largest body taken, in bytes: an order of 50 lines needs less than a twentieth of it. */
const BODY_LIMIT = 256 * 1024;
/** The longest part of a path that is looked at, in characters: what Node takes as a request's whole head. */
const PARAM_LIMIT = 16_384;

export interface ApiDependencies extends OrderDependencies {
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
export function createApi(dependencies: ApiDependencies): FastifyInstance {
  const app = Fastify({
    bodyLimit: BODY_LIMIT,
    loggerInstance: dependencies.logger,
    logController: new LogController({ disableRequestLogging: true }),
    routerOptions: { maxParamLength: PARAM_LIMIT },
    frameworkErrors: answerProblem,
  });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser<string>(
    'application/json',
    { parseAs: 'string' },
    (_request, body, done) => {
      try {
        done(null, dependencies.parseJson(body));
      } catch (error) {
        done(invalidRequest((error as Error).message));
      }
    },
  );
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  app.setErrorHandler(answerProblem);
  app.setNotFoundHandler((request, reply) =>
    answerProblem(
      new Problem(404, 'not-found', `${request.method} ${cut(request.url)} is not an operation`),
      request,
      reply,
    ),
  );
  app.get('/healthz', async () => {
    try {
      await dependencies.checkTemporal();
    } catch (error) {
      throw new Problem(503, 'temporal-unavailable', String(error), {
        cause: error,
        retryAfterSeconds: 5,
      });
    }
    return { status: 'ok' };
  });
  addOrderRoutes(app, dependencies);
  return app;
}

function cut(url: string): string {
  return url.length > 200 ? `${url.slice(0, 200)}...` : url;
}
