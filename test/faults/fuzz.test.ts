import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { installFromPypi } from '../../dev/pypi.ts';
import { readEnvironment } from '../../src/platform/config.ts';
import { DEFAULT_POLICY } from '../../src/domain/policy.ts';
import { startTestStack, tokenOf, type TestStack } from '../support/stack.ts';

const PROJECT = join(import.meta.dirname, '../..');
/** Cases of each operation and phase, and how long they may take in all, in seconds. */
const EXAMPLES = '60';
const MAX_TIME = 240;

describe('the orders API, asked whatever its OpenAPI document allows and forbids,', function () {
  this.timeout(600_000);
  let test: TestStack;

  before(async () => {
    test = await startTestStack(DEFAULT_POLICY);
  });
  after(async () => {
    await test?.stop();
  });

  /** Runs Schemathesis as somebody with this token; answers its exit code and what it said. */
  async function fuzz(token: string, seed: number) {
    const env = readEnvironment();
    const { folder, python } = await installFromPypi({
      requirements: join(import.meta.dirname, 'requirements.txt'),
      names: 'schemathesis',
      otherWays: 'or leave this test out',
      env,
      installDir: join(PROJECT, '.waybill/tools'),
      onProgress: (message) => console.error(message),
    });
    const child = spawn(
      python,
      [
        ...['-m', 'schemathesis.cli', 'run', `${test.stack.urls.api}/docs/json`],
        ...['--header', `Authorization: Bearer ${token}`],
        ...['--checks', 'all', '--phases', 'examples,coverage,fuzzing,stateful'],
        ...['--max-examples', EXAMPLES, '--seed', String(seed), '--max-time', String(MAX_TIME)],
        ...['--request-timeout', '15', '--workers', '2', '--no-color'],
      ],
      { cwd: test.stateDir, env: { ...env, PYTHONPATH: folder }, stdio: ['ignore', 'pipe', 'pipe'] },
    );
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
    }
    const [code] = (await once(child, 'close')) as [number | null];
    return { code, output };
  }

  it('answers everything as it is documented, and nothing with a 500', async () => {
    const seed = Math.floor(Math.random() * 1_000_000);
    const { code, output } = await fuzz(await tokenOf(test.stack), seed);
    assert.equal(code, 0, `seed ${seed}\n${output}`);
    assert.match(output, /No issues found/);
  });
});
