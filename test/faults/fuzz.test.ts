import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TokenRequest } from '../../dev/issuer/request.ts';
import { installFromPypi } from '../../dev/pypi.ts';
import { DEFAULT_POLICY } from '../../src/domain/policy.ts';
import { readEnvironment } from '../../src/platform/config.ts';
import { startTestStack, tokenOf, type TestStack } from '../support/stack.ts';
import { CUSTOMER, placeFuzzedOrders } from './fuzzedOrders.ts';

const PROJECT = join(import.meta.dirname, '../..');

interface Run {
  readonly who: TokenRequest;
  /** What an order has to say of whose it is. */
  readonly whose: object;
  /** Cases of each operation and phase. */
  readonly examples: number;
  /** How long they may take in all, in seconds. */
  readonly maxTime: number;
}

describe('the orders API, asked whatever its OpenAPI document allows and forbids,', function () {
  this.timeout(600_000);
  let test: TestStack;

  before(async () => {
    test = await startTestStack(DEFAULT_POLICY);
  });
  after(async () => {
    await test?.stop();
  });

  /** Runs Schemathesis; answers its exit code, what it said, and its report. */
  async function fuzz({ who, whose, examples, maxTime }: Run, seed: number) {
    const env = readEnvironment();
    const { folder, python } = await installFromPypi({
      requirements: join(import.meta.dirname, 'requirements.txt'),
      names: 'schemathesis',
      otherWays: 'or leave this test out',
      env,
      installDir: join(PROJECT, '.waybill/tools'),
      onProgress: (message) => console.error(message),
    });
    const known = { ...(await placeFuzzedOrders(test.stack)), whose };
    const report = join(test.stateDir, 'fuzz.json');
    const child = spawn(
      python,
      [
        ...['-m', 'schemathesis.cli', '--no-color'],
        ...['--config-file', join(import.meta.dirname, 'schemathesis.toml')],
        ...['run', `${test.stack.urls.api}/docs/json`],
        ...['--header', `Authorization: Bearer ${await tokenOf(test.stack, who)}`],
        ...['--checks', 'all', '--phases', 'examples,coverage,fuzzing,stateful'],
        ...['--max-examples', String(examples), '--max-time', String(maxTime)],
        ...['--seed', String(seed)],
        ...['--report-json-path', report],
        ...['--report-ndjson-path', '/tmp/fz/' + who.role + '.ndjson'],
      ],
      {
        cwd: test.stateDir,
        env: {
          ...env,
          PYTHONPATH: [folder, import.meta.dirname].join(':'),
          PYTHONDONTWRITEBYTECODE: '1',
          SCHEMATHESIS_HOOKS: 'schemathesis_hooks',
          FUZZ_KNOWN: JSON.stringify(known),
        },
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
    }
    const [code] = (await once(child, 'close')) as [number | null];
    console.error(output);
    await (await import('node:fs/promises')).cp(report, '/tmp/fz/' + who.role + '.json');
    return { code, output, report: await readFile(report, 'utf8') };
  }

  for (const run of [
    { who: { role: 'staff' }, whose: { customerId: CUSTOMER }, examples: 60, maxTime: 110 },
    { who: { role: 'customer', customerId: CUSTOMER }, whose: {}, examples: 20, maxTime: 40 },
  ] satisfies Run[]) {
    it(`answers ${run.who.role} as it is documented, and nothing with a 500`, async () => {
      const seed = Math.floor(Math.random() * 1_000_000);
      const { code, output } = await fuzz(run, seed);
      assert.equal(code, 0, `seed ${seed}\n${output}`);
      assert.match(output, /No issues found/);
    });
  }
});
