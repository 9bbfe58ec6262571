import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { createRemoteJWKSet, decodeJwt, jwtVerify } from 'jose';
import { openKey } from '../../dev/issuer/key.ts';
import type { TokenRequest } from '../../dev/issuer/request.ts';
import { ROLE_SCOPES } from '../../dev/issuer/roles.ts';
import { createIssuer } from '../../dev/issuer/server.ts';
import { createTokenSource, fetchToken } from '../../dev/issuer/tokens.ts';
import { SCOPES } from '../../src/api/caller.ts';

describe("the local stack's issuer", () => {
  let folder: string;
  let issuer: FastifyInstance;
  let url: string;

  async function start(): Promise<void> {
    const key = await openKey(join(folder, 'issuer.json'));
    issuer = createIssuer({ key, audience: 'waybill', url: () => url });
    url = await issuer.listen({ host: '127.0.0.1', port: 0 });
  }

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'waybill-issuer-'));
    await start();
  });
  after(async () => {
    await issuer.close();
    await rm(folder, { recursive: true });
  });

  async function verify(token: string) {
    const keys = createRemoteJWKSet(new URL('/jwks.json', url));
    return await jwtVerify(token, keys, { issuer: url, audience: 'waybill' });
  }

  it('says of itself where keys and tokens are', async () => {
    const known = await fetch(new URL('/.well-known/openid-configuration', url));
    const { issuer: iss, jwks_uri: keys } = (await known.json()) as Record<string, unknown>;
    assert.equal(iss, url);
    assert.equal(keys, `${url}/jwks.json`);
  });

  it('shows of its key only what everybody may know, and keeps it from other users', async () => {
    const { keys } = (await (await fetch(new URL('/jwks.json', url))).json()) as {
      keys: readonly Record<string, unknown>[];
    };
    assert.deepEqual(Object.keys(keys[0] ?? {}).toSorted(), 'alg crv kid kty use x y'.split(' '));
    assert.equal((await stat(join(folder, 'issuer.json'))).mode & 0o077, 0);
  });

  it('gives each role a token of 12 h with all that it may ask for', async () => {
    const requests = [
      { role: 'customer', customerId: 'c-1' },
      { role: 'seller', sellerId: 's-1' },
      { role: 'staff', name: 'ana' },
    ] as const;
    const claims = await Promise.all(
      requests.map(async (asked) => (await verify((await fetchToken(url, asked)).token)).payload),
    );
    for (const [index, { role }] of requests.entries()) {
      const { exp = 0, iat = 0, ...rest } = claims[index] ?? {};
      assert.equal(exp - iat, 12 * 3_600);
      assert.equal(rest['role'], role);
      assert.equal(rest['scope'], ROLE_SCOPES[role].join(' '));
    }
    assert.deepEqual(
      claims.map(({ sub, customer_id: customer, seller_id: seller }) => [sub, customer, seller]),
      [
        ['c-1', 'c-1', undefined],
        ['s-1', undefined, 's-1'],
        ['ana', undefined, undefined],
      ],
    );
  });

  it('lets staff do all that there is', () => {
    assert.deepEqual([...ROLE_SCOPES.staff].toSorted(), [...SCOPES].toSorted());
  });

  it('gives a token less, where less is asked for', async () => {
    const { token } = await fetchToken(url, { role: 'staff', scope: 'orders:read returns:read' });
    assert.equal(decodeJwt(token)['scope'], 'orders:read returns:read');
  });

  it('says what is wrong with a request', async () => {
    for (const [body, says] of [
      [{}, /role/],
      [{ role: 'customer' }, /customerId/],
      [{ role: 'customer', customerId: 'a b' }, /customerId/],
      [{ role: 'staff', scope: 'orders:eat' }, /scope/],
      [{ role: 'staff', audience: 'others' }, /audience/],
    ] as const) {
      await assert.rejects(fetchToken(url, body as unknown as TokenRequest), says);
    }
  });

  it('answers to no other name, as a page of somebody else would call it', async () => {
    const status = await new Promise((resolve, reject) => {
      const { port } = new URL(url);
      request({ host: '127.0.0.1', port, path: '/token', headers: { host: `evil.test:${port}` } })
        .on('response', (response) => resolve(response.resume().statusCode))
        .on('error', reject)
        .end();
    });
    assert.equal(status, 403);
  });

  it('still knows its tokens after a restart', async () => {
    const { token } = await fetchToken(url, { role: 'staff' });
    const before = url;
    await issuer.close();
    await start();
    const keys = createRemoteJWKSet(new URL('/jwks.json', url));
    await jwtVerify(token, keys, { issuer: before, audience: 'waybill' });
  });
});

describe('what asks the issuer for tokens', () => {
  it('asks again only for one that has a minute or less to live', async () => {
    const lifetimes = [59, 61, 3_600];
    let asked = 0;
    const issuer = createServer((_request, response) => {
      const body = { access_token: `token-${asked}`, expires_in: lifetimes[asked] };
      asked += 1;
      response.end(JSON.stringify(body));
    }).listen(0, '127.0.0.1');
    await once(issuer, 'listening');
    const { port } = issuer.address() as AddressInfo;
    const token = createTokenSource(`http://127.0.0.1:${port}`, { role: 'staff' });
    const tokens = [await token(), await token(), await token()];
    issuer.closeAllConnections();
    issuer.close();
    assert.deepEqual(tokens, ['token-0', 'token-1', 'token-1']);
  });
});
