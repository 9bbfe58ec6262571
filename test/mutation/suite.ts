import { execFile } from 'node:child_process';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Tests } from './defect.ts';

/** A test that failed, by its full title, and the first line of why. */
export interface Failure {
  readonly title: string;
  readonly reason: string;
}

/** What came of some tests. */
export interface Verdict {
  /** Their full titles. */
  readonly passed: readonly string[];
  readonly failed: readonly Failure[];
  readonly seconds: number;
  /** Why nothing is known of them; absent where they ran. */
  readonly trouble?: string;
}

/** The longest that a run may take, in milliseconds: a defect may have a process never end. The service under fire takes longest. */
const DEADLINE = 600_000;
/** How long it may take to end when it is told to. */
const LAST_WORDS = 10_000;
const LONGEST_REASON = 160;

interface MochaReport {
  readonly passes: readonly { readonly fullTitle: string }[];
  readonly failures: readonly {
    readonly fullTitle: string;
    readonly err: { readonly message?: string };
  }[];
}

/**
 * Runs tests of a project's folder in a process of their own, which uses the servers that the environment names.
 *
 * @param tests - all of one file.
 * @param bail - whether the first that fails is enough.
 */
export async function runTests(
  folder: string,
  tests: readonly Tests[],
  bail: boolean,
): Promise<Verdict> {
  const [{ file }] = tests as readonly [Tests];
  const report = join(folder, 'report.json');
  await rm(report, { force: true });
  const began = Date.now();
  const output = await outputOf(folder, [
    ...(bail ? ['--bail'] : []),
    // What a failed test leaves running must not keep the process.
    '--exit',
    '--reporter=json',
    `--reporter-option=output=${report}`,
    `--grep=${tests.map(({ title }) => RegExp.escape(title)).join('|')}`,
    file,
  ]);
  const seconds = (Date.now() - began) / 1_000;
  try {
    const { passes, failures } = JSON.parse(await readFile(report, 'utf8')) as MochaReport;
    return {
      passed: passes.map(({ fullTitle }) => fullTitle),
      failed: failures.map(({ fullTitle, err: { message = '' } }) => ({
        title: fullTitle,
        reason: message.split('\n', 1).join().slice(0, LONGEST_REASON),
      })),
      seconds,
    };
  } catch {
    return { passed: [], failed: [], seconds, trouble: `no report: ${output.slice(-2_000)}` };
  }
}

/** What Mocha prints, whatever its exit code. It goes with this process. */
async function outputOf(folder: string, args: readonly string[]): Promise<string> {
  const mocha = join(folder, 'node_modules/mocha/bin/mocha.js');
  return await new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [mocha, ...args],
      { cwd: folder, maxBuffer: 1e8 },
      (_, stdout, stderr) => {
        for (const timer of timers) clearTimeout(timer);
        process.off('exit', end);
        resolve(`${stdout}${stderr}${child.killed ? 'ended, as it took too long' : ''}`);
      },
    );
    // Told to end, it takes its own servers along.
    const end = () => child.kill('SIGTERM');
    const timers = [
      setTimeout(end, DEADLINE),
      setTimeout(() => child.kill('SIGKILL'), DEADLINE + LAST_WORDS),
    ];
    process.once('exit', end);
  });
}
