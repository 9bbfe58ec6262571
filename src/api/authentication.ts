import { createRemoteJWKSet, customFetch, errors, jwtVerify, type JWTVerifyGetKey } from 'jose';
import { z } from 'zod';
import { id } from '../contracts/fields.ts';
import type { Authenticate } from './access.ts';
import { type Caller, type Scope, SCOPES } from './caller.ts';
import { KnownTokens } from './knownTokens.ts';
import { Problem } from './problems.ts';

/** All of them asymmetric: with a shared secret, whoever can check a token could make one. */
const ALGORITHMS = ['RS256', 'PS256', 'ES256', 'EdDSA'];
/** What a token may say it is: nothing, or an access token. One that says it is something else is not taken. */
const TYPES = ['jwt', 'at+jwt', 'application/at+jwt'];
/** The longest token looked at, in characters. */
const TOKEN_LIMIT = 8_192;
/** How far the issuer's clock may be off, in seconds. */
const CLOCK_TOLERANCE = 5;
/** How long the issuer is left alone after it was asked for its keys, in milliseconds, whoever asks with what. */
const COOLDOWN = { afterSuccess: 30_000, afterFailure: 5_000 };
/** How long the issuer may take to answer, in milliseconds. */
const DEADLINE = 5_000;

const BEARER = /^Bearer +([\w.~+/-]+=*)$/i;

export interface AuthenticationOptions {
  /** The `iss` of tokens, to the letter. */
  readonly issuer: string;
  /** What has to be among the `aud` of tokens. */
  readonly audience: string;
  /** The issuer's public keys, as {@link remoteKeys} has them. */
  readonly keys: JWTVerifyGetKey;
}

/**
 * Takes an issuer's signed tokens (JWT). Of their claims, `iss`, `aud` and `exp` are required and `nbf` is
 * honoured, with a tolerance of 5 s; `scope`, `role`, `customer_id`, `seller_id` and `sub` say who it is. A token that
 * was checked is taken without checking it again for a minute, or until it expires.
 */
export function createAuthenticate({
  issuer,
  audience,
  keys,
}: AuthenticationOptions): Authenticate {
  const options = {
    issuer,
    audience,
    algorithms: ALGORITHMS,
    clockTolerance: CLOCK_TOLERANCE,
    requiredClaims: ['exp'],
  };
  const key = orNotReady(keys);
  const known = new KnownTokens();
  return async (authorization) => {
    const token = tokenOf(authorization);
    const caller = known.find(token);
    if (caller) return caller;
    try {
      const { payload, protectedHeader } = await jwtVerify(token, key, options);
      const { typ } = protectedHeader;
      if (typ !== undefined && !TYPES.includes(typ.toLowerCase())) {
        throw new Problem('unauthenticated', 'the token is not an access token');
      }
      const checked = callerFrom(payload);
      known.add(token, checked, ((payload.exp ?? 0) + CLOCK_TOLERANCE) * 1_000);
      return checked;
    } catch (error) {
      if (!(error instanceof errors.JOSEError)) throw error;
      throw new Problem('unauthenticated', whatIsWrong(error), { cause: error });
    }
  };
}

/**
 * An issuer's key set by its URL, kept for 10 min. A key that is not in it has the set fetched again, but at most
 * each 30 s, and after a failure each 5 s, whatever tokens come.
 */
export function remoteKeys(url: string): JWTVerifyGetKey {
  let failure: unknown;
  let quietUntil = 0;
  return createRemoteJWKSet(new URL(url), {
    cooldownDuration: COOLDOWN.afterSuccess,
    timeoutDuration: DEADLINE,
    // Asked again so soon, the last answer was none: after a key set it is not asked within the longer cooldown.
    [customFetch]: async (...request) => {
      if (performance.now() < quietUntil) throw failure;
      quietUntil = performance.now() + COOLDOWN.afterFailure;
      try {
        const response = await fetch(...request);
        failure = new Error(`${url} answered ${response.status}, and with no key set`);
        return response;
      } catch (error) {
        failure = error;
        throw error;
      }
    },
  });
}

/** That the issuer's keys cannot be had is not the fault of who asks. */
function orNotReady(keys: JWTVerifyGetKey): JWTVerifyGetKey {
  return async (header, token) => {
    try {
      return await keys(header, token);
    } catch (cause) {
      if (
        cause instanceof errors.JWKSNoMatchingKey ||
        cause instanceof errors.JWKSMultipleMatchingKeys ||
        cause instanceof errors.JOSENotSupported
      ) {
        throw cause;
      }
      throw new Problem('not-ready', "the keys of the tokens' issuer cannot be fetched", {
        cause,
        retryAfterSeconds: COOLDOWN.afterFailure / 1_000,
      });
    }
  };
}

function tokenOf(authorization: string | undefined): string {
  if (authorization === undefined) {
    throw new Problem('unauthenticated', 'expected the header Authorization: Bearer {token}');
  }
  if (authorization.length > TOKEN_LIMIT) {
    throw new Problem('unauthenticated', `expected a token of at most ${TOKEN_LIMIT} characters`);
  }
  const [, token] = BEARER.exec(authorization) ?? [];
  if (token === undefined) {
    throw new Problem('unauthenticated', 'expected one token, as Authorization: Bearer {token}');
  }
  return token;
}

function whatIsWrong(error: errors.JOSEError): string {
  if (error instanceof errors.JWTExpired) return 'the token has expired';
  if (error instanceof errors.JWTClaimValidationFailed) {
    return `the token's claim ${error.claim} is ${error.reason === 'missing' ? 'missing' : 'not as expected'}`;
  }
  if (error instanceof errors.JWKSNoMatchingKey) return 'the token is signed by no known key';
  return 'the token is not valid';
}

/** A person or a machine, as issuers name them: `ana`, `auth0|5f7c`, `ana@shop.example`. */
const name = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._@|+:-]{0,127}$/, {
  error: 'expected 1 to 128 characters of A-Z a-z 0-9 . _ @ | + : -, the first a letter or digit',
});
const scope = z
  .string()
  .default('')
  // A token is made for other services too: what they allow is nothing to this one.
  .transform((text) => new Set(text.split(' ').filter(isScope)));

const Claims = z.discriminatedUnion('role', [
  z.object({ role: z.literal('customer'), customer_id: id, scope }),
  z.object({ role: z.literal('seller'), seller_id: id, scope }),
  z.object({ role: z.literal('staff'), sub: name, scope }),
]);

function callerFrom(payload: object): Caller {
  const { data, error } = Claims.safeParse(payload);
  if (error) {
    const said = error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
    throw new Problem('forbidden', `the token's claims are nobody's here: ${said.join('; ')}`);
  }
  const { scope: scopes } = data;
  switch (data.role) {
    case 'customer': {
      const customerId = data.customer_id;
      return { role: data.role, name: `customer:${customerId}`, customerId, scopes };
    }
    case 'seller': {
      const sellerId = data.seller_id;
      return { role: data.role, name: `seller:${sellerId}`, sellerId, scopes };
    }
    case 'staff':
      return { role: data.role, name: `staff:${data.sub}`, scopes };
  }
}

function isScope(text: string): text is Scope {
  return (SCOPES as readonly string[]).includes(text);
}
