import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { UserError } from '../../src/platform/errors.ts';
import { serveHealth } from '../../src/platform/health.ts';

describe('the health of a process', () => {
  async function serve(stopping = new AbortController().signal) {
    let url = '';
    const health = await serveHealth({
      healthPort: 0,
      healthHost: '127.0.0.1',
      stopping,
      onListening: (listening) => (url = listening),
    });
    const ask = async (path: string, method = 'GET') => {
      const answer = await fetch(`${url}${path}`, { method });
      return [answer.status, method === 'HEAD' ? null : await answer.json()];
    };
    return { health, ask };
  }

  it('is alive at once, and ready when its check says so', async () => {
    const { health, ask } = await serve();
    assert.deepEqual(await ask('/healthz'), [200, { status: 'alive' }]);
    assert.deepEqual(await ask('/readyz'), [
      503,
      { status: 'not-ready', reason: 'it is still starting' },
    ]);
    let problem: Error | null = null;
    health.readyWhen(async () => {
      if (problem) throw problem;
    });
    assert.deepEqual(await ask('/readyz'), [200, { status: 'ready' }]);
    problem = new Error('the breaker is open');
    assert.deepEqual(await ask('/readyz'), [
      503,
      { status: 'not-ready', reason: 'the breaker is open' },
    ]);
    assert.deepEqual(await ask('/healthz'), [200, { status: 'alive' }]);
  });

  it('is alive and not ready any more while it stops', async () => {
    const stopping = new AbortController();
    const { health, ask } = await serve(stopping.signal);
    health.readyWhen(async () => undefined);
    assert.deepEqual(await ask('/readyz'), [200, { status: 'ready' }]);
    stopping.abort();
    assert.deepEqual(await ask('/readyz'), [
      503,
      { status: 'not-ready', reason: 'it is stopping' },
    ]);
    assert.deepEqual(await ask('/healthz'), [200, { status: 'alive' }]);
  });

  it('answers nothing else', async () => {
    const { ask } = await serve();
    assert.deepEqual(await ask('/'), [404, { status: 'not-found' }]);
    assert.deepEqual(await ask('/healthz', 'POST'), [405, { status: 'refused' }]);
    assert.deepEqual(await ask('/healthz?from=ecs', 'HEAD'), [200, null]);
  });

  it('says what to set where its port is taken', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    const options = { healthHost: '127.0.0.1', stopping: new AbortController().signal };
    await assert.rejects(serveHealth({ ...options, healthPort: port }), (error) => {
      assert.ok(error instanceof UserError);
      assert.match(error.message, /cannot listen on 127\.0\.0\.1:\d+: EADDRINUSE$/);
      assert.match(error.hint, /WAYBILL_HEALTH_PORT/);
      return true;
    });
    other.close();
  });

  it('listens nowhere without a port', async () => {
    await serveHealth({
      healthPort: undefined,
      healthHost: '127.0.0.1',
      stopping: new AbortController().signal,
      onListening: () => assert.fail('it listens'),
    });
  });
});
