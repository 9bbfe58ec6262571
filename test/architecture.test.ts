import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const PROJECT = join(import.meta.dirname, '..');
const run = promisify(execFile);

interface Violation {
  readonly folder: string;
  readonly source: string;
  /** What the complaint has to say. */
  readonly complaint: RegExp;
}

/** The rule that holds the directions of imports; what it says in each folder is in the configuration. */
const IMPORTS = /no-restricted-imports/;

const AGAINST_THE_LINTER: readonly Violation[] = [
  { folder: 'domain', source: `import 'zod';`, complaint: IMPORTS },
  {
    folder: 'domain',
    source: `import type { EventType } from '../contracts/events.ts'; export type T = EventType;`,
    complaint: IMPORTS,
  },
  { folder: 'contracts', source: `import '@aws-sdk/client-sqs';`, complaint: IMPORTS },
  { folder: 'contracts', source: `import '../workflows/order.ts';`, complaint: IMPORTS },
  { folder: 'workflows', source: `import 'node:fs';`, complaint: IMPORTS },
  {
    folder: 'workflows',
    source: `import type { Client } from '@temporalio/client'; export type T = Client;`,
    complaint: IMPORTS,
  },
  {
    folder: 'workflows',
    source: `import type { StockActivitiesOptions } from '../activities/stock.ts'; export type T = StockActivitiesOptions;`,
    complaint: IMPORTS,
  },
  {
    folder: 'workflows',
    source: `import { EVENTS } from '../contracts/events.ts'; export const all = EVENTS;`,
    complaint: IMPORTS,
  },
  { folder: 'activities', source: `import '../bridges/json.ts';`, complaint: IMPORTS },
  { folder: 'bridges', source: `import '../api/app.ts';`, complaint: IMPORTS },
  {
    folder: 'bridges',
    source: `import type { OrderKey } from '../contracts/orders.ts'; export type T = OrderKey;`,
    complaint: IMPORTS,
  },
  { folder: 'api', source: `import '../console/audit.ts';`, complaint: IMPORTS },
  { folder: 'api', source: `import '../platform/aws.ts';`, complaint: IMPORTS },
  { folder: 'console', source: `import '../cli/main.ts';`, complaint: IMPORTS },
  { folder: 'console', source: `import '../../dev/stack.ts';`, complaint: IMPORTS },
  { folder: 'platform', source: `import '../activities/stock.ts';`, complaint: IMPORTS },
  {
    folder: 'activities',
    source: `export const region = process.env['AWS_REGION'];`,
    complaint: /no-process-env/,
  },
  {
    folder: 'console',
    source: `export function go(work: () => Promise<void>) { work(); }`,
    complaint: /no-floating-promises/,
  },
];

const AGAINST_THE_COMPILER: readonly Violation[] = [
  { folder: 'workflows', source: `import 'node:fs';`, complaint: /node:fs/ },
  { folder: 'workflows', source: `export const p = process.pid;`, complaint: /'process'/ },
  { folder: 'workflows', source: `export const f = fetch('http://x');`, complaint: /'fetch'/ },
  { folder: 'domain', source: `export const b = Buffer.from('');`, complaint: /'Buffer'/ },
  { folder: 'contracts', source: `setTimeout(() => undefined, 1);`, complaint: /'setTimeout'/ },
];

/** Puts each violation into a file of its own, runs the tool over them, and takes the files away again. */
async function complaintsAbout(
  violations: readonly Violation[],
  complain: (files: readonly string[]) => Promise<string>,
): Promise<(violation: Violation) => string> {
  const files = violations.map(({ folder }, index) => `src/${folder}/planted${index}.ts`);
  try {
    await Promise.all(
      violations.map(({ source }, index) =>
        writeFile(join(PROJECT, files[index] ?? ''), `${source}\n`),
      ),
    );
    const lines = (await complain(files)).split('\n');
    return (violation) => {
      const file = files[violations.indexOf(violation)] ?? '';
      return lines.filter((line) => line.includes(file)).join('\n');
    };
  } finally {
    await Promise.all(files.map((file) => rm(join(PROJECT, file), { force: true })));
  }
}

/** What a tool prints, whatever its exit code. */
async function outputOf(command: string, args: readonly string[]): Promise<string> {
  const file = join(PROJECT, 'node_modules/.bin', command);
  try {
    return (await run(file, [...args], { cwd: PROJECT, maxBuffer: 1e8 })).stdout;
  } catch (error) {
    return (error as { stdout: string }).stdout;
  }
}

describe('the architecture', function () {
  this.timeout(180_000);

  describe('is held by the linter, which refuses', () => {
    let complaint: (violation: Violation) => string;
    before(async () => {
      complaint = await complaintsAbout(AGAINST_THE_LINTER, (files) =>
        outputOf('oxlint', ['--type-aware', '--format', 'unix', ...files]),
      );
    });
    for (const violation of AGAINST_THE_LINTER) {
      it(`in ${violation.folder}: ${violation.source}`, () => {
        assert.match(complaint(violation), violation.complaint);
      });
    }
  });

  describe('is held by the compiler without types, which refuses', () => {
    let complaint: (violation: Violation) => string;
    before(async () => {
      complaint = await complaintsAbout(AGAINST_THE_COMPILER, () =>
        outputOf('tsc', ['-p', 'tsconfig.pure.json', '--pretty', 'false']),
      );
    });
    for (const violation of AGAINST_THE_COMPILER) {
      it(`in ${violation.folder}: ${violation.source}`, () => {
        assert.match(complaint(violation), violation.complaint);
      });
    }
  });
});
