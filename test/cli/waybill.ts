import { execFile } from 'node:child_process';
import { join } from 'node:path';

export const PROJECT = join(import.meta.dirname, '../..');

export type Environment = Readonly<Record<string, string>>;

/** What a command came to. */
export interface Ran {
  readonly code: unknown;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the command in an environment of its own. */
export async function waybill(args: readonly string[], env: Environment): Promise<Ran> {
  return await new Promise((resolve) => {
    const { PATH = '' } = process.env;
    execFile(
      process.execPath,
      ['src/cli/main.ts', ...args],
      { cwd: PROJECT, env: { PATH, ...env }, timeout: 25_000, maxBuffer: 1e8 },
      (error, stdout, stderr) => resolve({ code: error ? error.code : 0, stdout, stderr }),
    );
  });
}
