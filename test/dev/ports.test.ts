import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { assertPortsFree, DEFAULT_PORTS, freePort, LAST_BASE, portsFrom } from '../../dev/ports.ts';
import type { UserError } from '../../src/platform/errors.ts';

describe('the ports of the stack', () => {
  let server: Server;
  let taken: number;

  before(async () => {
    server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    taken = (server.address() as AddressInfo).port;
  });
  after(() => server.close());

  it('may be free', async () => {
    await assertPortsFree([{ port: await freePort(), name: 'Temporal' }]);
  });

  it('are named when they are taken, with what to do', async () => {
    const free = await freePort();
    await assert.rejects(
      assertPortsFree([
        { port: taken, name: 'Temporal', alternative: 'or set TEMPORAL_ADDRESS' },
        { port: free, name: 'the orders API' },
      ]),
      (error: UserError) => {
        assert.equal(error.message, `127.0.0.1:${taken}, meant for Temporal, is taken`);
        assert.match(error.hint, /^stop what listens there .*, or set TEMPORAL_ADDRESS$/);
        return true;
      },
    );
  });

  it('are found free below those that outgoing connections get, also several in a row', async () => {
    const first = await freePort(7);
    assert.ok(first >= 20_000 && first + 6 < 32_768, `${first}`);
    const row = Object.entries(portsFrom(first)).map(([name, port]) => ({
      name,
      port: Number(port),
    }));
    await assertPortsFree(row);
  });

  it('follow a base, for a second checkout', () => {
    assert.deepEqual(portsFrom(20_000), {
      temporal: 20_000,
      temporalUi: 20_001,
      emulator: 20_002,
      provider: 20_003,
      issuer: 20_004,
      api: 20_005,
      metrics: 20_006,
    });
    assert.deepEqual(Object.keys(portsFrom(20_000)), Object.keys(DEFAULT_PORTS));
    assert.equal(Math.max(...Object.values(portsFrom(LAST_BASE)).map(Number)), 65_535);
  });
});
