import assert from 'node:assert/strict';
import { mock } from 'node:test';
import { exportSPKI, importJWK, SignJWT, UnsecuredJWT, type CryptoKey } from 'jose';
import { createAuthenticate, remoteKeys } from '../../src/api/authentication.ts';
import type { Authenticate } from '../../src/api/access.ts';
import { Problem, type ProblemCode } from '../../src/api/problems.ts';
import {
  AUDIENCE,
  claimsOf,
  makeKeyPair,
  signWith,
  startIssuer,
  type TestIssuer,
} from '../support/issuer.ts';

/** In whole seconds, as tokens say it. */
const inSeconds = (seconds: number) => Math.floor(Date.now() / 1_000) + seconds;

describe('authentication', () => {
  let issuer: TestIssuer;
  let authenticate: Authenticate;

  beforeEach(async () => {
    issuer = await startIssuer();
    authenticate = createAuthenticate({
      issuer: issuer.url,
      audience: AUDIENCE,
      keys: remoteKeys(issuer.keySetUrl),
    });
  });

  afterEach(async () => {
    await issuer.close();
  });

  const bearer = async (token: Promise<string> | string) =>
    await authenticate(`Bearer ${await token}`);

  async function refused(
    asked: Promise<unknown>,
    code: ProblemCode,
    detail = /./,
  ): Promise<Problem> {
    const error: unknown = await asked.then(
      () => assert.fail('it was let in'),
      (reason: unknown) => reason,
    );
    assert.ok(error instanceof Problem, String(error));
    assert.equal(error.code, code);
    assert.match(error.message, detail);
    return error;
  }

  describe('of a token that is in order', () => {
    it('knows customers, sellers and staff, and what of the scopes is ours', async () => {
      assert.deepEqual(
        await bearer(issuer.sign({ scope: 'openid orders:read  orders:place admin' })),
        { role: 'staff', name: 'staff:ana', scopes: new Set(['orders:read', 'orders:place']) },
      );
      assert.deepEqual(await bearer(issuer.sign({ role: 'customer', customer_id: 'c-1' })), {
        role: 'customer',
        name: 'customer:c-1',
        customerId: 'c-1',
        scopes: new Set(['orders:read']),
      });
      assert.deepEqual(
        await bearer(issuer.sign({ role: 'seller', seller_id: 's-1', scope: undefined })),
        { role: 'seller', name: 'seller:s-1', sellerId: 's-1', scopes: new Set() },
      );
    });

    it('takes each pinned algorithm, and several audiences', async () => {
      for (const alg of ['RS256', 'PS256', 'ES256', 'EdDSA']) {
        const pair = await makeKeyPair(alg, alg);
        issuer.keys.push(pair.publicJwk);
        const other = createAuthenticate({
          issuer: issuer.url,
          audience: AUDIENCE,
          keys: remoteKeys(issuer.keySetUrl),
        });
        const claims = { ...claimsOf(issuer.url), aud: ['another', AUDIENCE] };
        assert.equal((await other(`Bearer ${await signWith(pair, claims)}`)).name, 'staff:ana');
      }
    });

    it('takes the scheme in any case, and any of the types of an access token', async () => {
      const token = await issuer.sign();
      for (const scheme of ['bearer', 'BEARER', 'Bearer ']) {
        assert.equal((await authenticate(`${scheme} ${token}`)).name, 'staff:ana');
      }
      for (const typ of [undefined, 'JWT', 'jwt', 'AT+JWT', 'application/at+jwt']) {
        assert.equal((await bearer(issuer.sign({}, { typ } as object))).name, 'staff:ana');
      }
    });

    it("tolerates an issuer's clock that is off by 3 s, not by 10 s", async () => {
      await bearer(issuer.sign({ exp: inSeconds(-3) }));
      await bearer(issuer.sign({ nbf: inSeconds(3) }));
      await refused(bearer(issuer.sign({ exp: inSeconds(-10) })), 'unauthenticated', /expired/);
      await refused(bearer(issuer.sign({ nbf: inSeconds(10) })), 'unauthenticated', /nbf/);
    });
  });

  const claims: readonly (readonly [what: string, change: object, says: RegExp])[] = [
    ['of another issuer', { iss: 'https://evil.example' }, /iss is not as expected/],
    ['of no issuer', { iss: undefined }, /iss is missing/],
    ['for another audience', { aud: 'another' }, /aud is not as expected/],
    ['for no audience', { aud: undefined }, /aud is missing/],
    ['that has expired', { exp: 1 }, /expired/],
    ['that never expires', { exp: undefined }, /exp is missing/],
    ['whose expiry is no number', { exp: '9999999999' }, /exp/],
    ['that is not valid yet', { nbf: 99_999_999_999 }, /nbf/],
  ];
  for (const [what, change, says] of claims) {
    it(`refuses a token ${what}`, async () => {
      await refused(bearer(issuer.sign({ ...change })), 'unauthenticated', says);
    });
  }

  describe('of a token that was checked just now', () => {
    beforeEach(() => mock.timers.enable({ apis: ['Date'], now: Date.now() }));
    afterEach(() => mock.timers.reset());

    /** Answers how often the key of a token was asked for. */
    function counting() {
      const keys = remoteKeys(issuer.keySetUrl);
      const seen = { checks: 0 };
      const checking = createAuthenticate({
        issuer: issuer.url,
        audience: AUDIENCE,
        keys: (...asked) => {
          seen.checks += 1;
          return keys(...asked);
        },
      });
      return { seen, take: (token: string) => checking(`Bearer ${token}`) };
    }

    it('checks it again after a minute', async () => {
      const { seen, take } = counting();
      const token = await issuer.sign({ exp: inSeconds(3_600) });
      const [first, again] = [await take(token), await take(token)];
      assert.deepEqual(again, first);
      assert.equal(seen.checks, 1);
      mock.timers.tick(60_000);
      assert.deepEqual(await take(token), first);
      assert.equal(seen.checks, 2);
    });

    it('refuses it once it has expired, and others that only resemble it', async () => {
      const { take } = counting();
      const token = await issuer.sign({ exp: inSeconds(10) });
      await take(token);
      const [head = '', payload = '', signature = ''] = token.split('.');
      const forged = signature.replace(/^./, (first) => (first === 'A' ? 'B' : 'A'));
      const other = [head, payload, forged].join('.');
      await refused(take(other), 'unauthenticated');
      // By the tolerance of 5 s and the rest of a second.
      mock.timers.tick(16_000);
      await refused(take(token), 'unauthenticated', /expired/);
    });
  });

  it('refuses a token that says it is something else than an access token', async () => {
    for (const typ of ['logout+jwt', 'dpop+jwt', '']) {
      await refused(bearer(issuer.sign({}, { typ })), 'unauthenticated', /not an access token/);
    }
  });

  it('refuses a token that nobody signed, or that is signed by a secret that everybody knows', async () => {
    const unsigned = new UnsecuredJWT(claimsOf(issuer.url)).encode();
    await refused(bearer(unsigned), 'unauthenticated');
    const pair = await makeKeyPair('RS256', 'shared');
    issuer.keys.push(pair.publicJwk);
    const publicKey = (await importJWK(pair.publicJwk, 'RS256', {
      extractable: true,
    })) as CryptoKey;
    for (const secret of [await exportSPKI(publicKey), JSON.stringify(pair.publicJwk), '']) {
      const forged = new SignJWT(claimsOf(issuer.url))
        .setProtectedHeader({ alg: 'HS256', kid: 'shared' })
        .sign(new TextEncoder().encode(secret || ' '));
      await refused(bearer(forged), 'unauthenticated', /not valid/);
    }
    // The key itself is a good one.
    await bearer(signWith(pair, claimsOf(issuer.url)));
  });

  it("refuses a token signed by another's key, even where it names ours or brings its own", async () => {
    const other = await makeKeyPair('ES256', 'other');
    const mine = claimsOf(issuer.url);
    await refused(bearer(signWith(other, mine)), 'unauthenticated', /no known key/);
    await refused(bearer(signWith(other, mine, { kid: 'first' })), 'unauthenticated', /not valid/);
    const brought = { kid: 'first', jwk: other.publicJwk, jku: 'https://evil.example/jwks.json' };
    await refused(bearer(signWith(other, mine, brought)), 'unauthenticated', /not valid/);
  });

  it('refuses what is no token, or not the one that was signed', async () => {
    const token = await issuer.sign({ role: 'customer', customer_id: 'c-1' });
    const [head, , signature] = token.split('.');
    const body = Buffer.from(
      JSON.stringify({ ...claimsOf(issuer.url), role: 'customer', customer_id: 'c-2' }),
    ).toString('base64url');
    const cases = [
      undefined,
      '',
      'Bearer',
      'Bearer ',
      `Basic ${Buffer.from('ana:secret').toString('base64')}`,
      token,
      'Bearer a.b.c',
      'Bearer ..',
      `Bearer ${token}.x`,
      `Bearer ${token.slice(0, -5)}`,
      `Bearer ${head}.${body}.${signature}`,
      `Bearer ${head}..${signature}`,
      `Bearer ${token}, Bearer ${token}`,
      `Bearer ${token} ${token}`,
      `Bearer ${token}\u0000`,
    ];
    for (const one of cases) await refused(authenticate(one), 'unauthenticated');
  });

  it('does not look at a token of more than 8,192 characters', async () => {
    const long = issuer.sign({ more: 'x'.repeat(8_192) });
    await refused(bearer(long), 'unauthenticated', /at most 8192 characters/);
    assert.equal(issuer.fetches(), 0);
  });

  it('says which claims make nobody of a token that is in order', async () => {
    const cases: readonly (readonly [object, RegExp])[] = [
      [{ role: undefined }, /role: /],
      [{ role: 'admin' }, /role: /],
      [{ role: 'customer' }, /customer_id: /],
      [{ role: 'customer', customer_id: 'a b' }, /customer_id: expected 1 to 128/],
      [{ role: 'customer', customer_id: 7 }, /customer_id: /],
      [{ role: 'customer', customer_id: 'x'.repeat(129) }, /customer_id: expected 1 to 128/],
      [{ role: 'seller', customer_id: 'c-1' }, /seller_id: /],
      [{ sub: undefined }, /sub: /],
      [{ sub: 'ana\n' }, /sub: expected 1 to 128/],
      [{ scope: ['orders:read'] }, /scope: /],
    ];
    for (const [change, says] of cases)
      await refused(bearer(issuer.sign({ ...change })), 'forbidden', says);
  });

  describe("with the issuer's key set", () => {
    it('asks for it once, however many tokens come, of known keys and of unknown ones', async () => {
      const other = await makeKeyPair('ES256', 'other');
      await Promise.all(Array.from({ length: 20 }, () => bearer(issuer.sign())));
      const flood = Array.from({ length: 200 }, (_, index) =>
        refused(
          bearer(signWith(other, claimsOf(issuer.url), { kid: `unknown-${index}` })),
          'unauthenticated',
        ),
      );
      await Promise.all(flood);
      assert.equal(issuer.fetches(), 1);
    });

    it('answers 503, not 401, where it cannot be had, and leaves the issuer alone for a while', async () => {
      issuer.answer(500);
      for (let index = 0; index < 20; index += 1) {
        const { status, retryAfterSeconds } = await refused(bearer(issuer.sign()), 'not-ready');
        assert.deepEqual([status, retryAfterSeconds], [503, 5]);
      }
      assert.equal(issuer.fetches(), 1);
    });

    it('answers 503 where nobody listens there, and where what comes is no key set', async () => {
      const token = await issuer.sign();
      const nobody = createAuthenticate({
        issuer: issuer.url,
        audience: AUDIENCE,
        keys: remoteKeys('http://127.0.0.1:1/jwks.json'),
      });
      await refused(nobody(`Bearer ${token}`), 'not-ready');
      (issuer.keys as unknown[]).splice(0, 1, 'no key');
      for (let index = 0; index < 20; index += 1) {
        await refused(authenticate(`Bearer ${token}`), 'not-ready');
      }
      assert.equal(issuer.fetches(), 1);
    });
  });
});
