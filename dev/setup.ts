import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import type { Environment } from '../src/platform/config.ts';
import { UserError } from '../src/platform/errors.ts';

const PROJECT = path.resolve(import.meta.dirname, '..');
/** In milliseconds. */
const WITHIN = 30_000;

/** Runs `waybill setup` in this environment. @throws UserError with what it said, where it did not end well. */
export async function runSetup(env: Environment): Promise<void> {
  const args = ['src/cli/main.ts', 'setup'];
  try {
    await promisify(execFile)(process.execPath, args, { cwd: PROJECT, env, timeout: WITHIN });
  } catch (cause) {
    const { stderr, message } = cause as Error & { readonly stderr?: string };
    throw new UserError(
      `the service cannot be set up: ${stderr?.trim() || message}`,
      'see what Temporal says in its log',
      { cause },
    );
  }
}
