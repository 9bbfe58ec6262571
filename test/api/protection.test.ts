import assert from 'node:assert/strict';
import { connect } from 'node:net';
import type { AddressInfo } from 'node:net';
import type { FastifyInstance, InjectOptions } from 'fastify';
import { createProbe } from '../support/probe.ts';

const TOKEN = { authorization: 'Bearer ana' };
const JSON_TYPE = { 'content-type': 'application/json' };

interface Answer {
  readonly status: number;
  readonly headers: Record<string, unknown>;
  readonly body: {
    readonly type: string;
    readonly status: number;
    readonly detail: string;
    readonly errors?: readonly { readonly field: string; readonly detail: string }[];
  };
}

describe('protection', () => {
  let app: FastifyInstance;

  afterEach(async () => {
    await app.close();
  });

  async function ask(url: string, more: InjectOptions = {}): Promise<Answer> {
    const response = await app.inject({ method: 'GET', url, ...more });
    const isJson = /json/.test(String(response.headers['content-type']));
    return {
      status: response.statusCode,
      headers: response.headers,
      body: (isJson && response.body !== '' ? response.json() : {}) as Answer['body'],
    };
  }

  /** Holds an answer to be a problem with this code. */
  function assertProblem({ status, headers, body }: Answer, code: string): void {
    assert.equal(body.type, `urn:waybill:problem:${code}`, JSON.stringify(body));
    assert.equal(body.status, status);
    assert.match(String(headers['content-type']), /^application\/problem\+json/);
  }

  describe('of operations', () => {
    beforeEach(async () => {
      app = await createProbe();
    });

    it('lets in whoever has the scope, and anybody where it is public', async () => {
      const known = await ask('/probe', { headers: TOKEN });
      assert.deepEqual([known.status, known.body], [200, { name: 'staff:ana' }]);
      assert.equal((await ask('/probe/open')).status, 200);
      assert.equal((await ask('/healthz')).status, 200);
    });

    it('says how to authenticate, and what is wrong with a token', async () => {
      const none = await ask('/probe');
      assertProblem(none, 'unauthenticated');
      assert.equal(none.headers['www-authenticate'], 'Bearer realm="waybill"');
      const bad = await ask('/probe', { headers: { authorization: 'Bearer 7' } });
      assertProblem(bad, 'unauthenticated');
      assert.equal(
        bad.headers['www-authenticate'],
        'Bearer realm="waybill", error="invalid_token"',
      );
      const poor = await ask('/probe/review', { method: 'POST', headers: TOKEN });
      assertProblem(poor, 'forbidden');
      assert.equal(
        poor.headers['www-authenticate'],
        'Bearer realm="waybill", error="insufficient_scope", scope="orders:review"',
      );
    });

    it('takes no second authorization', async () => {
      const address = await listen();
      const two = await speak(
        address,
        'GET /probe HTTP/1.1\r\nhost: a\r\nauthorization: Bearer ana\r\nAuthorization: Bearer bob\r\n\r\n',
      );
      assert.match(two, /^HTTP\/1.1 400 /);
      assert.match(two, /"field":"authorization"/);
    });

    it('looks at who it is before it looks at the body', async () => {
      const payload = '{"__proto__"';
      const hostile = await ask('/probe', { method: 'POST', headers: JSON_TYPE, payload });
      assertProblem(hostile, 'unauthenticated');
    });

    it('cannot have an operation that says nothing of who may ask', async () => {
      assert.throws(() => app.get('/forgotten', async () => ({})), /GET \/forgotten has no access/);
    });
  });

  describe('in browsers', () => {
    it('tells them with every answer what not to do with it', async () => {
      app = await createProbe();
      const answers = [
        await ask('/probe', { headers: TOKEN }),
        await ask('/probe'),
        await ask('/nothing'),
        await ask('/healthz'),
      ];
      for (const { headers } of answers) {
        assert.equal(
          headers['content-security-policy'],
          "default-src 'none';base-uri 'none';form-action 'none';frame-ancestors 'none'",
        );
        assert.equal(headers['x-content-type-options'], 'nosniff');
        assert.equal(headers['x-frame-options'], 'DENY');
        assert.equal(headers['referrer-policy'], 'no-referrer');
        assert.match(String(headers['strict-transport-security']), /max-age=\d{8}/);
        assert.equal(headers['cache-control'], 'no-store');
        assert.equal(headers['x-powered-by'], undefined);
      }
    });

    const preflight = (origin: string): InjectOptions => ({
      method: 'OPTIONS',
      headers: {
        origin,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization,idempotency-key',
      },
    });
    const corsOf = ({ headers }: Answer) =>
      Object.keys(headers).filter((name) => name.startsWith('access-control-'));

    it('lets pages of the origins that are allowed ask, refusals too', async () => {
      const origin = 'https://shop.example';
      app = await createProbe({ protection: { origins: [origin], requestsPerMinute: 1_000 } });
      const before = await ask('/probe', preflight(origin));
      assert.equal(before.status, 204);
      assert.equal(before.headers['access-control-allow-origin'], origin);
      assert.match(String(before.headers['access-control-allow-headers']), /Idempotency-Key/);
      assert.match(String(before.headers['access-control-allow-methods']), /POST/);
      assert.equal(before.headers['access-control-allow-credentials'], undefined);
      for (const url of ['/probe', '/probe/open', '/nothing']) {
        const answer = await ask(url, { headers: { origin } });
        assert.equal(answer.headers['access-control-allow-origin'], origin);
        assert.match(String(answer.headers['access-control-expose-headers']), /Retry-After/);
        assert.match(String(answer.headers['vary']), /Origin/);
      }
    });

    it('says nothing to others, and to nobody where no origin is allowed', async () => {
      for (const origins of [['https://shop.example'], []]) {
        app = await createProbe({ protection: { origins, requestsPerMinute: 1_000 } });
        for (const origin of [
          'https://evil.example',
          'https://shop.example.evil.example',
          'http://shop.example',
          'https://shop.example:8443',
          'null',
        ]) {
          const before = await ask('/probe', preflight(origin));
          assertProblem(before, 'method-not-allowed');
          assert.deepEqual(corsOf(before), []);
          assert.deepEqual(corsOf(await ask('/probe', { headers: { origin } })), []);
        }
        if (origins.length > 0) await app.close();
      }
    });
  });

  describe('against too many requests', () => {
    beforeEach(async () => {
      app = await createProbe({ protection: { origins: [], requestsPerMinute: 3 } });
    });

    const statuses = async (times: number, url: string, more: InjectOptions = {}) => {
      const answers: Answer[] = [];
      for (let index = 0; index < times; index += 1) answers.push(await ask(url, more));
      const last = answers.at(-1) as Answer;
      return { codes: answers.map(({ status }) => status), last };
    };

    it('counts those of a caller together, whatever it asks, and says when to ask again', async () => {
      const { codes, last } = await statuses(5, '/probe', { headers: TOKEN });
      assert.deepEqual(codes, [200, 200, 200, 429, 429]);
      assertProblem(last, 'too-many-requests');
      const seconds = Number(last.headers['retry-after']);
      assert.ok(seconds >= 1 && seconds <= 60, String(seconds));
      const elsewhere = await ask('/probe/review', { method: 'POST', headers: TOKEN });
      assert.equal(elsewhere.status, 429);
      // Others at the same address are other callers.
      const bob = await ask('/probe', { headers: { authorization: 'Bearer bob' } });
      assert.equal(bob.status, 200);
    });

    it('counts by address what has no valid token, and what is public or nothing', async () => {
      const bad = { headers: { authorization: 'Bearer 7' } };
      const { codes, last } = await statuses(5, '/probe', bad);
      assert.deepEqual(codes, [401, 401, 401, 429, 429]);
      assertProblem(last, 'too-many-requests');
      assert.equal((await ask('/probe/open')).status, 429);
      assert.equal((await ask('/nothing')).status, 429);
      const elsewhere = { remoteAddress: '192.0.2.1' };
      assert.deepEqual((await statuses(5, '/nothing', elsewhere)).codes, [404, 404, 404, 429, 429]);
      // A flood of bad tokens takes nothing from the good ones beside them.
      assert.equal((await ask('/probe', { headers: TOKEN })).status, 200);
    });

    it('takes the addresses of one network for one', async () => {
      const from = async (remoteAddress: string) =>
        (await ask('/probe/open', { remoteAddress })).status;
      const codes = [];
      for (let index = 1; index <= 4; index += 1) codes.push(await from(`2001:db8::${index}`));
      assert.deepEqual(codes, [200, 200, 200, 429]);
      assert.equal(await from('2001:db8:0:1::1'), 200);
    });

    it('never counts who asks for its health', async () => {
      assert.deepEqual((await statuses(5, '/healthz')).codes, [200, 200, 200, 200, 200]);
      assert.deepEqual((await statuses(5, '/readyz')).codes, [200, 200, 200, 200, 200]);
    });
  });

  describe('against hostile requests (FAULTS 30)', () => {
    beforeEach(async () => {
      app = await createProbe();
    });

    const bodies: readonly (readonly [what: string, body: string, says: RegExp])[] = [
      ['5,000,000 levels are cut by size', '['.repeat(5_000_000), /at most 262144 bytes/],
      ['65 levels', `{"a":${'['.repeat(64)}${']'.repeat(64)}}`, /nested deeper than 64/],
      ['a number past all bounds', '{"amount":1e400}', /amount: .*2\^53.*1e400/],
      ['a number that loses digits', '{"amount":12345678901234567890}', /amount: .*2\^53/],
      ['a fraction', '{"amount":0.1}', /amount: .*int/],
      ['a __proto__ key', '{"amount":1,"__proto__":{"x":1}}', /__proto__: a key/],
      ['an escaped __proto__ key', String.raw`{"\u005f_proto__":1}`, /__proto__: a key/],
      ['a text where a number belongs', '{"amount":"1"}', /amount: .*received string/],
      ['half of JSON', '{"amount":', /body: expected JSON/],
      ['a null byte', '{"amount":\u0000}', /body: expected JSON/],
      ['nothing', '', /body: /],
      ['null', 'null', /body: .*expected object/],
    ];
    for (const [what, payload, says] of bodies) {
      it(`names what is wrong with the body: ${what}`, async () => {
        const headers = { ...TOKEN, ...JSON_TYPE };
        const answer = await ask('/probe', { method: 'POST', headers, payload });
        assertProblem(answer, payload.length > 1e6 ? 'too-large' : 'invalid-request');
        const said = answer.body.errors?.map(({ field, detail }) => `${field}: ${detail}`) ?? [];
        assert.match(said.join('\n'), says);
      });
    }

    it('takes a body of 262,144 bytes, and none of a byte more', async () => {
      const body = (size: number) => '{"amount":1}'.padEnd(size);
      const send = async (size: number) =>
        (
          await ask('/probe', {
            method: 'POST',
            headers: { ...TOKEN, ...JSON_TYPE },
            payload: body(size),
          })
        ).status;
      assert.deepEqual([await send(262_144), await send(262_145)], [200, 413]);
    });

    it('leaves no prototype changed', async () => {
      const payload = '{"amount":1,"constructor":{"prototype":{"polluted":true}}}';
      const headers = { ...TOKEN, ...JSON_TYPE };
      assert.equal((await ask('/probe', { method: 'POST', headers, payload })).status, 200);
      assert.equal(({} as Record<string, unknown>)['polluted'], undefined);
    });

    it('names the content type, whichever it is not', async () => {
      for (const type of [
        'text/plain',
        'application/xml',
        'multipart/form-data; boundary=x',
        'application/json5',
        'nonsense',
      ]) {
        const headers = { ...TOKEN, 'content-type': type };
        const answer = await ask('/probe', { method: 'POST', headers, payload: '{}' });
        assertProblem(answer, 'unsupported-media-type');
        assert.equal(answer.body.errors?.[0]?.field, 'content-type');
      }
    });

    it('says which methods there are, and of no path that it is there where it is not', async () => {
      for (const method of ['PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'QUERY'] as const) {
        const answer = await ask('/probe', { method: method as 'PUT', headers: TOKEN });
        assertProblem(answer, 'method-not-allowed');
        assert.equal(answer.headers['allow'], 'GET, HEAD, POST');
      }
      const none = await ask('/probe/nothing', { method: 'DELETE' });
      assertProblem(none, 'not-found');
      assert.equal(none.headers['allow'], undefined);
      const order = await ask('/orders/web:1?x=/y', { method: 'DELETE' });
      assertProblem(order, 'method-not-allowed');
      assert.equal(order.headers['allow'], 'GET, HEAD');
    });

    it('answers HEAD as GET, without the body', async () => {
      const head = await app.inject({ method: 'HEAD', url: '/probe', headers: TOKEN });
      assert.deepEqual([head.statusCode, head.body], [200, '']);
      assert.equal((await ask('/probe', { method: 'HEAD' })).status, 401);
    });

    it('answers in JSON, whatever else would be liked', async () => {
      for (const accept of ['image/png', 'text/html', '*/*;q=0', '', 'x'.repeat(5_000)]) {
        const good = await ask('/probe', { headers: { ...TOKEN, accept } });
        assert.match(String(good.headers['content-type']), /^application\/json/);
        assertProblem(await ask('/probe', { headers: { accept } }), 'unauthenticated');
      }
    });

    it('names a path that is not well encoded, and finds nothing at others', async () => {
      assertProblem(await ask('/orders/%zz', { headers: TOKEN }), 'invalid-request');
      assertProblem(await ask('/orders/%c0%af', { headers: TOKEN }), 'invalid-request');
      for (const url of [
        '/probe%00',
        '/probe/..%2fhealthz',
        '//probe',
        '/probe/',
        '/PROBE',
        '/*',
      ]) {
        assertProblem(await ask(url, { headers: TOKEN }), 'not-found');
      }
    });

    it('names an ID that is none, in a path of any length', async () => {
      for (const id of ['web', 'a%00b:1', '..%2f..:1', `web:${'x'.repeat(15_000)}`]) {
        const answer = await ask(`/orders/${id}`, { headers: TOKEN });
        assertProblem(answer, 'invalid-request');
        assert.equal(answer.body.errors?.[0]?.field, 'id');
      }
    });

    const head = (...lines: string[]) => `${lines.join('\r\n')}\r\n\r\n`;
    const raw: readonly (readonly [what: string, request: string, status: number])[] = [
      ['what is no HTTP', 'hello\r\n\r\n', 400],
      ['a method that is none', head('EAT /probe HTTP/1.1', 'host: a'), 400],
      ['a URL of 20 kB', head(`GET /${'x'.repeat(20_000)} HTTP/1.1`, 'host: a'), 431],
      ['headers of 20 kB', head('GET / HTTP/1.1', 'host: a', `x: ${'x'.repeat(20_000)}`), 431],
      [
        'two lengths',
        head('POST /probe HTTP/1.1', 'host: a', 'content-length: 1', 'content-length: 2'),
        400,
      ],
      [
        'a length beside chunks',
        head('POST /probe HTTP/1.1', 'host: a', 'content-length: 4', 'transfer-encoding: chunked'),
        400,
      ],
      ['a folded header', head('GET /probe HTTP/1.1', 'host: a', 'x: 1', ' 2'), 400],
      ['a null byte in a header', head('GET /probe HTTP/1.1', 'host: a', 'x: \u0000'), 400],
    ];
    for (const [what, request, status] of raw) {
      it(`answers with a problem, and closes: ${what}`, async () => {
        const answer = await speak(await listen(), request);
        assert.match(answer, new RegExp(`^HTTP/1.1 ${status} `));
        assert.match(answer, /content-type: application\/problem\+json/);
        assert.match(answer, new RegExp(`"status":${status}[,}]`));
      });
    }

    it('waits neither for slow headers nor for a body that never ends', async () => {
      assert.equal(app.server.requestTimeout, 30_000);
      assert.equal(app.server.timeout, 60_000);
      const address = await listen({ requestTimeout: 100 });
      for (const request of [
        'GET /probe HTTP/1.1\r\nhost: a\r\nx: ',
        head(
          'POST /probe HTTP/1.1',
          'host: a',
          'authorization: Bearer ana',
          'content-type: application/json',
          'content-length: 100',
        ) + '{"amount":',
      ]) {
        const answer = await speak(address, request);
        assert.match(answer, /^HTTP\/1.1 408 /);
        assert.match(answer, /urn:waybill:problem:request-timeout/);
      }
    });
  });

  /** Listens on a free port; with a shorter time for requests where one is given, in milliseconds. */
  async function listen({ requestTimeout }: { requestTimeout?: number } = {}): Promise<number> {
    if (requestTimeout !== undefined) {
      Object.assign(app.server, {
        requestTimeout,
        headersTimeout: requestTimeout,
        connectionsCheckingInterval: requestTimeout,
      });
    }
    await app.listen({ host: '127.0.0.1', port: 0 });
    return (app.server.address() as AddressInfo).port;
  }

  /** Sends bytes as they are, and answers with what comes until the server closes, or has said all of one answer. */
  async function speak(port: number, bytes: string): Promise<string> {
    const socket = connect({ host: '127.0.0.1', port });
    socket.setTimeout(10_000, () => socket.destroy(new Error('no answer')));
    socket.write(bytes);
    let answer = '';
    for await (const chunk of socket) {
      answer += String(chunk);
      if (/\r\n\r\n\{.*\}$/s.test(answer)) break;
    }
    return answer;
  }
});
