import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Caller, Scope } from './caller.ts';
import { Problem } from './problems.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Who asks; null where the operation asks nobody who they are. */
    caller: Caller | null;
  }
  interface FastifyContextConfig {
    /** Who may ask: those whose token has this scope, or anybody (`public`), who may have to show something else. */
    readonly access?: Scope | 'public';
  }
}

/** Who a request's `authorization` header stands for. Throws a Problem `unauthenticated` where it is nobody. */
export type Authenticate = (authorization: string | undefined) => Promise<Caller>;

/** Counts a request of its `caller`, or where that is null of its address. Throws a Problem where there are too many. */
export type Limit = (request: FastifyRequest) => Promise<void>;

/**
 * Lets nobody in whom an operation's `config.access` does not name. An operation without one cannot be added:
 * nothing is open because somebody forgot it.
 *
 * @param limit - how often who may ask; without it, as often as they like.
 */
export function guardAccess(
  app: FastifyInstance,
  authenticate: Authenticate,
  limit: Limit = async () => undefined,
): void {
  app.decorateRequest('caller', null);
  app.addHook('onRoute', ({ method, url, config }) => {
    if (config?.access === undefined) throw new Error(`${String(method)} ${url} has no access`);
  });
  app.addHook('onRequest', async (request, reply) => {
    const { access } = request.routeOptions.config;
    // Without one it is no operation at all, which is said without asking who it is.
    if (access === undefined || access === 'public') return await limit(request);
    const refuse = (error: string) =>
      reply.header('www-authenticate', `Bearer realm="waybill"${error}`);
    try {
      request.caller = await authenticate(authorizationOf(request));
    } catch (error) {
      if (error instanceof Problem && error.code === 'unauthenticated') {
        refuse(request.headers.authorization === undefined ? '' : ', error="invalid_token"');
      }
      throw error;
    } finally {
      // Whoever comes with bad tokens is counted too; too many of them are too many before they are bad.
      await limit(request);
    }
    if (!request.caller.scopes.has(access)) {
      refuse(`, error="insufficient_scope", scope="${access}"`);
      throw new Problem('forbidden', `this needs the scope ${access}, which the token has not`);
    }
  });
}

/** Who asks, in an operation that is not public. */
export function callerOf(request: FastifyRequest): Caller {
  if (request.caller === null) throw new Error(`${request.url} is public`);
  return request.caller;
}

/** Node takes the first of several: what stands before it may have checked the last. */
function authorizationOf({ headers, raw }: FastifyRequest): string | undefined {
  const names = raw.rawHeaders.filter((_, index) => index % 2 === 0);
  if (names.filter((name) => name.toLowerCase() === 'authorization').length > 1) {
    const detail = 'expected one header, received several';
    throw new Problem('invalid-request', `authorization: ${detail}`, {
      errors: [{ field: 'authorization', detail }],
    });
  }
  return headers.authorization;
}
