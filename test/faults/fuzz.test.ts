import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import type { TokenRequest } from '../../dev/issuer/request.ts';
import { installFromPypi } from '../../dev/pypi.ts';
import { DEFAULT_POLICY } from '../../src/domain/policy.ts';
import { readEnvironment } from '../../src/platform/config.ts';
import { startTestStack, tokenOf, type TestStack } from '../support/stack.ts';
import { CUSTOMER, placeFuzzedOrders } from './fuzzedOrders.ts';

const PROJECT = join(import.meta.dirname, '../..');

/** Their senders sign what they send, which Schemathesis cannot. */
const SIGNED = ['POST /ingress/sns', 'POST /ingress/stripe'];
const FOR_STAFF = [
  'POST /ingress/events',
  'POST /orders/{id}/review',
  'POST /returns/{id}/inspection',
];

interface Fuzzing {
  readonly who: TokenRequest;
  /** What an order has to say of whose it is. */
  readonly whose: { readonly customerId?: string };
  /** The most cases of an operation in one phase. */
  readonly examples: number;
  /** How long it may take, in seconds: when it is up Schemathesis stops, and says what it found. */
  readonly seconds: number;
  /** The operations of which none can succeed. */
  readonly refused: readonly string[];
}

const FUZZINGS: readonly Fuzzing[] = [
  {
    who: { role: 'staff' },
    whose: { customerId: CUSTOMER },
    examples: 60,
    seconds: 95,
    refused: SIGNED,
  },
  {
    who: { role: 'customer', customerId: CUSTOMER },
    whose: {},
    examples: 20,
    seconds: 35,
    refused: [...SIGNED, ...FOR_STAFF],
  },
];

describe('the orders API, asked whatever its OpenAPI document allows and forbids,', function () {
  this.timeout(600_000);
  let test: TestStack;

  before(async () => {
    test = await startTestStack(DEFAULT_POLICY);
  });
  after(async () => {
    await test?.stop();
  });

  /** Runs Schemathesis; answers its exit code, what it said, and where it reported each request. */
  async function fuzz({ who, whose, examples, seconds }: Fuzzing, seed: number) {
    const env = readEnvironment();
    const { folder, python } = await installFromPypi({
      requirements: join(import.meta.dirname, 'requirements.txt'),
      names: 'schemathesis',
      otherWays: 'or leave this test out',
      env,
      installDir: join(PROJECT, '.waybill/tools'),
      onProgress: (message) => console.error(message),
    });
    const known = { ...(await placeFuzzedOrders(test.stack, who)), whose };
    const report = join(test.stateDir, `fuzz-${who.role}.ndjson`);
    const child = spawn(
      python,
      [
        '-m',
        'schemathesis.cli',
        '--no-color',
        `--config-file=${join(import.meta.dirname, 'schemathesis.toml')}`,
        'run',
        `${test.stack.urls.api}/docs/json`,
        '--checks=all',
        '--phases=examples,coverage,fuzzing,stateful',
        `--max-examples=${examples}`,
        `--max-time=${seconds}`,
        `--seed=${seed}`,
        `--report-ndjson-path=${report}`,
      ],
      {
        cwd: test.stateDir,
        env: {
          ...env,
          PYTHONPATH: [folder, import.meta.dirname].join(delimiter),
          PYTHONDONTWRITEBYTECODE: '1',
          SCHEMATHESIS_HOOKS: 'schemathesis_hooks',
          FUZZ_TOKEN: await tokenOf(test.stack, who),
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
    return { code, output, report };
  }

  for (const fuzzing of FUZZINGS) {
    const { who, refused } = fuzzing;
    it(`answers ${who.role} as it is documented, and nothing with a 500`, async () => {
      const seed = Math.floor(Math.random() * 1_000_000);
      const { code, output, report } = await fuzz(fuzzing, seed);
      const said = `seed ${seed}\n${output}`;
      assert.equal(code, 0, said);

      const answers = await readAnswers(report);
      const failed = [...answers].filter(([, counts]) => someStatus(counts, '5'));
      assert.deepEqual(failed, [], said);
      const never = (await readOperations(test.stack.urls.api)).filter(
        (operation) => !someStatus(answers.get(operation) ?? {}, '2'),
      );
      assert.deepEqual(never, refused.toSorted(), `${said}\n${format(answers)}`);
      const counts = [...answers.values()].flatMap((each) => Object.values(each));
      const requests = counts.reduce((sum, count) => sum + count, 0);
      console.error(`${who.role}: ${requests} requests by seed ${seed}`);
    });
  }
});

/** How often each operation answered with which status. */
type Answers = ReadonlyMap<string, Counts>;
type Counts = Readonly<Record<string, number>>;

function someStatus(counts: Counts, beginning: string): boolean {
  return Object.keys(counts).some((status) => status.startsWith(beginning));
}

/** As much of an event in Schemathesis' report as is looked at. */
interface ReportedEvent {
  readonly ScenarioFinished?: {
    readonly recorder: {
      readonly cases?: Readonly<
        Record<string, { readonly value: { readonly method: string; readonly path: string } }>
      >;
      readonly interactions?: Readonly<
        Record<string, { readonly response: { readonly status_code: number } | null }>
      >;
    };
  };
}

async function readAnswers(report: string): Promise<Answers> {
  const answers = new Map<string, Record<string, number>>();
  for (const line of (await readFile(report, 'utf8')).split('\n')) {
    const { recorder } = (JSON.parse(line || '{}') as ReportedEvent).ScenarioFinished ?? {};
    for (const [id, { response }] of Object.entries(recorder?.interactions ?? {})) {
      const asked = recorder?.cases?.[id]?.value;
      if (!asked || !response) continue;
      const operation = `${asked.method} ${asked.path}`;
      const counts = answers.get(operation) ?? {};
      answers.set(operation, counts);
      counts[response.status_code] = (counts[response.status_code] ?? 0) + 1;
    }
  }
  return answers;
}

async function readOperations(api: string): Promise<readonly string[]> {
  const document = (await (await fetch(`${api}/docs/json`)).json()) as {
    readonly paths: Readonly<Record<string, object>>;
  };
  return Object.entries(document.paths)
    .flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    )
    .toSorted();
}

function format(answers: Answers): string {
  return [...answers]
    .map(([operation, counts]) => `${operation}: ${JSON.stringify(counts)}`)
    .toSorted()
    .join('\n');
}
