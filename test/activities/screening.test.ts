import assert from 'node:assert/strict';
import type { RequestListener } from 'node:http';
import { json } from 'node:stream/consumers';
import { createScreeningActivities } from '../../src/activities/screening.ts';
import { startTestProvider, type TestProvider } from '../support/provider.ts';
import { Remotes } from '../support/remotes.ts';

const ORDER = {
  orderKey: 'order:web:1',
  customerId: 'customer-1',
  total: { amount: 1_999, currency: 'EUR' },
  pieces: 2,
} as const;

describe('the screening activity', () => {
  let sandbox: TestProvider;
  const remotes = new Remotes();

  before(async () => {
    sandbox = await startTestProvider();
  });
  after(() => sandbox.close());
  afterEach(() => remotes.close());

  /** A screening service that answers like this. */
  async function serve(answer: RequestListener, timeoutMs?: number) {
    return createScreeningActivities({
      url: `${await remotes.serve(answer)}/fraud`,
      ...(timeoutMs !== undefined && { timeoutMs }),
    });
  }

  it('says how suspicious the sandbox finds an order', async () => {
    const screening = createScreeningActivities({ url: `${sandbox.url}/screening` });
    for (const [customerId, score] of [
      ['customer-1', 5],
      ['doubtful-1', 75],
      ['fraudulent', 95],
      ['not-fraudulent', 5],
    ] as const) {
      assert.deepEqual(await screening.screenOrder({ ...ORDER, customerId }), { score });
    }
  });

  it('sends what the order is, and no more', async () => {
    let seen: unknown;
    const screening = await serve((request, response) => {
      const { method, url, headers } = request;
      void json(request).then((body) => {
        seen = { method, url, type: headers['content-type'], body };
        response.end('{"score":12.5,"model":"m-1"}');
      });
    });
    assert.deepEqual(await screening.screenOrder(ORDER), { score: 12.5 });
    assert.deepEqual(seen, {
      method: 'POST',
      url: '/fraud/scores',
      type: 'application/json',
      body: ORDER,
    });
  });

  for (const text of [
    '{"score":101}',
    '{"score":-1}',
    '{"score":"5"}',
    '{"score":null}',
    '{}',
    'null',
    'score: 5',
    '',
  ]) {
    it(`throws at ${text || 'nothing'}: it is no score`, async () => {
      const screening = await serve((_request, response) => response.end(text));
      await assert.rejects(screening.screenOrder(ORDER), /screening answered no score/);
    });
  }

  for (const status of [400, 429, 500, 503]) {
    it(`throws at ${status}, whatever the answer says`, async () => {
      const screening = await serve((_request, response) =>
        response.writeHead(status).end('{"score":5}'),
      );
      await assert.rejects(
        screening.screenOrder(ORDER),
        new RegExp(`screening answered ${status}`),
      );
    });
  }

  it('sends the order nowhere else', async () => {
    const screening = await serve((_request, response) =>
      response.writeHead(307, { location: `${sandbox.url}/screening/scores` }).end(),
    );
    await assert.rejects(screening.screenOrder(ORDER), TypeError);
  });

  it('throws when nobody answers in time, or at all', async () => {
    const slow = await serve(() => undefined, 50);
    await assert.rejects(slow.screenOrder(ORDER), { name: 'TimeoutError' });
    const halfway = await serve((_request, response) => void response.write('{"score'), 50);
    await assert.rejects(halfway.screenOrder(ORDER), { name: 'TimeoutError' });
    const nobody = createScreeningActivities({ url: 'http://127.0.0.1:9' });
    await assert.rejects(nobody.screenOrder(ORDER), TypeError);
  });
});
