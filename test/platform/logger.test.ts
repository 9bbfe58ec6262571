import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';

const LOGGER = new URL('../../src/platform/logger.ts', import.meta.url).href;

describe('createLogger', () => {
  it('has every line on its way before the call returns, so that a kill loses none', () => {
    const program = `
      import { createLogger } from '${LOGGER}';
      const logger = createLogger({ process: 'bridge', level: 'info' });
      for (let line = 1; line <= 1000; line += 1) logger.info({ line }, 'settled');
      logger.debug('not this one');
      process.kill(process.pid, 'SIGKILL');
    `;
    const { stdout, signal } = spawnSync(
      process.execPath,
      ['--input-type=module', '--eval', program],
      { encoding: 'utf8' },
    );
    assert.equal(signal, 'SIGKILL');
    const lines = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    assert.deepEqual(
      lines.map(({ line }) => line),
      Array.from({ length: 1000 }, (_, index) => index + 1),
    );
    const { process: name, level, msg, time } = lines[0] ?? {};
    assert.deepEqual([name, level, msg], ['bridge', 'info', 'settled']);
    assert.match(String(time), /^\d{4}-\d\d-\d\dT.*Z$/);
  });
});
