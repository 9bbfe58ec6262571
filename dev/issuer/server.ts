import { fastify, type FastifyInstance } from 'fastify';
import { SignJWT } from 'jose';
import { z } from 'zod';
import { SCOPES } from '../../src/api/caller.ts';
import { ALGORITHM, type SigningKey } from './key.ts';
import { claimsOf, TokenRequest } from './request.ts';

/** How long a token lives, in seconds: 12 h. */
const LIFETIME = 12 * 60 * 60;

export interface IssuerOptions {
  readonly key: SigningKey;
  /** What the tokens are meant for. */
  readonly audience: string;
  /** Its own URL as the tokens name it; asked when it listens. */
  readonly url: () => string;
}

/**
 * The local stack's issuer of tokens: an OpenID provider as far as the API needs one. Whoever can reach it gets any
 * token from it, so it answers on this machine alone.
 */
export function createIssuer({ key, audience, url }: IssuerOptions): FastifyInstance {
  const server = fastify({ forceCloseConnections: true });

  server.addHook('onRequest', async (request, reply) => {
    // A page of somebody else's may reach 127.0.0.1 by a name of its own (DNS rebinding).
    if (!/^(127\.0\.0\.1|localhost)$/.test(request.hostname) || !isLoopback(request.ip)) {
      return reply
        .status(403)
        .send(refusal('access_denied', 'ask at 127.0.0.1, from this machine'));
    }
  });

  server.get('/.well-known/openid-configuration', () => ({
    issuer: url(),
    jwks_uri: `${url()}/jwks.json`,
    token_endpoint: `${url()}/token`,
    grant_types_supported: ['client_credentials'],
    scopes_supported: SCOPES,
    response_types_supported: ['token'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: [ALGORITHM],
  }));

  server.get('/jwks.json', () => ({ keys: [key.publicKey] }));

  server.post('/token', async (request, reply) => {
    const asked = TokenRequest.safeParse(request.body);
    if (!asked.success) {
      return reply
        .status(400)
        .send(refusal('invalid_request', z.prettifyError(asked.error).replaceAll('\n', ' ')));
    }
    const claims = claimsOf(asked.data);
    const token = await new SignJWT(claims)
      .setProtectedHeader({ alg: ALGORITHM, kid: key.id, typ: 'at+jwt' })
      .setIssuer(url())
      .setAudience(audience)
      .setIssuedAt()
      .setExpirationTime(`${LIFETIME} s`)
      .sign(key.privateKey);
    return reply.header('cache-control', 'no-store').send({
      access_token: token,
      token_type: 'Bearer',
      expires_in: LIFETIME,
      scope: claims.scope,
    });
  });

  return server;
}

/** In the shape of RFC 6749, section 5.2. */
function refusal(error: string, description: string) {
  return { error, error_description: description };
}

function isLoopback(ip: string): boolean {
  return ip === '127.0.0.1' || ip === '::1' || ip === '::ffff:127.0.0.1';
}
