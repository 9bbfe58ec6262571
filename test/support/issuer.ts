import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  exportJWK,
  generateKeyPair,
  SignJWT,
  type CryptoKey,
  type JWK,
  type JWTHeaderParameters,
  type JWTPayload,
} from 'jose';

export const AUDIENCE = 'waybill-test';

/** An issuer of tokens for tests: its key set is served over HTTP, and it counts who asks for it. */
export interface TestIssuer {
  readonly url: string;
  readonly keySetUrl: string;
  /** Its public keys; what is put there is served. */
  readonly keys: JWK[];
  /** How often the key set was asked for. */
  readonly fetches: () => number;
  /** With which status it answers; 200 at first. */
  answer: (status: number) => void;
  /** Signs a token that is in order but for what is given here; an undefined claim is left out. */
  readonly sign: (
    claims?: Record<string, unknown>,
    header?: Partial<JWTHeaderParameters>,
  ) => Promise<string>;
  readonly close: () => Promise<void>;
}

export interface KeyPair {
  readonly alg: string;
  readonly privateKey: CryptoKey;
  readonly publicJwk: JWK;
}

export async function makeKeyPair(alg: string, kid: string): Promise<KeyPair> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  return { alg, privateKey, publicJwk: { ...(await exportJWK(publicKey)), kid, use: 'sig' } };
}

/** Signs what is given, as it is. */
export async function signWith(
  { alg, privateKey, publicJwk }: KeyPair,
  claims: JWTPayload,
  header: Partial<JWTHeaderParameters> = {},
): Promise<string> {
  const protectedHeader = { alg, kid: publicJwk.kid, typ: 'at+jwt', ...header };
  return await new SignJWT(claims)
    .setProtectedHeader(protectedHeader as JWTHeaderParameters)
    .sign(privateKey);
}

export async function startIssuer(): Promise<TestIssuer> {
  const pair = await makeKeyPair('ES256', 'first');
  const keys = [pair.publicJwk];
  let fetches = 0;
  let status = 200;
  const server = createServer((_request, response) => {
    fetches += 1;
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ keys }));
  });
  const url = await listen(server);
  return {
    url,
    keySetUrl: `${url}/jwks.json`,
    keys,
    fetches: () => fetches,
    answer: (next) => {
      status = next;
    },
    sign: async (claims = {}, header = {}) =>
      await signWith(pair, { ...claimsOf(url), ...claims }, header),
    close: async () => {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}

/** The claims of a member of the staff who may read orders. */
export function claimsOf(issuer: string): JWTPayload {
  const now = Math.floor(Date.now() / 1_000);
  return {
    iss: issuer,
    aud: AUDIENCE,
    iat: now,
    exp: now + 600,
    sub: 'ana',
    role: 'staff',
    scope: 'orders:read',
  };
}

async function listen(server: Server): Promise<string> {
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
