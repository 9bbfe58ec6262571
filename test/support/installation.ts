import assert from 'node:assert/strict';
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join, relative } from 'node:path';
import { promisify } from 'node:util';
import { ENTRIES } from '../../dev/package/manifest.ts';
import type { AwsConfig } from '../../dev/deploy.ts';

const PROJECT = join(import.meta.dirname, '../..');
const EXAMPLE = join(PROJECT, 'test/package');
/** What the example needs besides the package itself. */
const OF_THE_EXAMPLE = [
  '@temporalio/worker',
  '@temporalio/workflow',
  '@types/node',
  'typescript',
  'zod',
];
const COMPILER_OPTIONS = {
  target: 'es2024',
  lib: ['es2025'],
  module: 'nodenext',
  types: ['node'],
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  verbatimModuleSyntax: true,
  allowImportingTsExtensions: true,
  noEmit: true,
  skipLibCheck: false,
};
const execute = promisify(execFile);

/**
 * Makes the package, installs it into an empty folder outside of the project, then what the example needs, and puts the
 * example there. The children that it starts find these servers.
 */
export async function installPackage(temporal: string, aws: AwsConfig) {
  const folder = await mkdtemp(join(tmpdir(), 'waybill-package-'));
  // The first line of the package's command asks for any `node`.
  const PATH = `${dirname(process.execPath)}${delimiter}${process.env['PATH'] ?? ''}`;
  const env = {
    PATH,
    HOME: folder,
    AWS_CONFIG_FILE: '/dev/null',
    AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
    AWS_ENDPOINT_URL: aws.endpoint,
    AWS_REGION: aws.region,
    AWS_ACCESS_KEY_ID: aws.credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: aws.credentials.secretAccessKey,
    TEMPORAL_ADDRESS: temporal,
  };
  const children = new Set<ChildProcess>();

  /** With the settings that npm has here. */
  const npm = (cwd: string, ...args: readonly string[]) =>
    execute('npm', [...args], { cwd, env: { ...process.env, PATH } });

  /** As a user does, but that no package runs a script. */
  async function install(...packages: readonly string[]): Promise<void> {
    const quietly = ['--prefer-offline', '--no-audit', '--no-fund', '--ignore-scripts'];
    await npm(folder, 'install', ...quietly, ...packages);
  }

  async function readJson<Content>(file: string): Promise<Content> {
    return JSON.parse(await readFile(join(folder, file), 'utf8')) as Content;
  }

  /** Where they stand, its files import the package's sources. */
  async function copyExample(): Promise<void> {
    for (const file of await readdir(EXAMPLE)) {
      let source = await readFile(join(EXAMPLE, file), 'utf8');
      for (const [entry, path] of Object.entries(ENTRIES)) {
        source = source.replaceAll(`'../../src/${path}.ts'`, `'waybill${entry.slice(1)}'`);
      }
      assert.doesNotMatch(source, /\.\.\//, `${file} imports what is not published`);
      await writeFile(join(folder, file), source);
    }
    const config = { compilerOptions: COMPILER_OPTIONS, include: ['*.ts'] };
    await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(config));
  }

  /** Answers the names of what came. */
  async function installAlone(): Promise<readonly string[]> {
    await writeFile(join(folder, 'package.json'), '{ "private": true, "type": "module" }\n');
    const { stdout } = await npm(PROJECT, 'run', '--silent', 'pack', '--', '--into', folder);
    await install(stdout.trim());
    const lock = await readJson<{ packages: object }>('package-lock.json');
    return Object.keys(lock.packages).flatMap(
      (path) => path.split('node_modules/').slice(1).at(-1) ?? [],
    );
  }

  async function installExample(): Promise<void> {
    const root = JSON.parse(await readFile(join(PROJECT, 'package.json'), 'utf8')) as Record<
      'dependencies' | 'devDependencies',
      Record<string, string>
    >;
    const ranges = { ...root.dependencies, ...root.devDependencies };
    await install(...OF_THE_EXAMPLE.map((name) => `${name}@${ranges[name]}`));
    await copyExample();
  }

  async function remove(): Promise<void> {
    for (const child of children) child.kill('SIGKILL');
    await rm(folder, { recursive: true });
  }

  let brought: readonly string[];
  try {
    brought = await installAlone();
    await installExample();
  } catch (error) {
    await remove();
    throw error;
  }

  return {
    folder,
    /** The packages that installing it alone brought, and itself. */
    brought,
    npm,
    readJson,
    remove,

    /** The package's own files, as from its folder. */
    async files(): Promise<readonly string[]> {
      const own = join(folder, 'node_modules/waybill');
      const entries = await readdir(own, { recursive: true, withFileTypes: true });
      return entries
        .filter((entry) => entry.isFile())
        .map(({ parentPath, name }) => relative(own, join(parentPath, name)));
    },

    /** Runs a command of an installed package, and answers what it prints. */
    async run(command: string, ...args: readonly string[]): Promise<string> {
      const all = ['--no-install', command, ...args];
      return (await execute('npx', all, { cwd: folder, env })).stdout;
    },

    /** Runs the text of a module in the folder, and answers what it prints. */
    async evaluate(code: string, ...args: readonly string[]): Promise<string> {
      const all = ['--input-type=module', '--eval', code, '--', ...args];
      return (await execute(process.execPath, all, { cwd: folder, env })).stdout;
    },

    /** Starts a file of the example. */
    launch(file: string, own: NodeJS.ProcessEnv = {}) {
      const child = spawn(process.execPath, [file], { cwd: folder, env: { ...env, ...own } });
      children.add(child);
      let output = '';
      child.stdout.on('data', (chunk) => (output += String(chunk)));
      child.stderr.on('data', (chunk) => (output += String(chunk)));
      const ended = once(child, 'exit').then(([code]) => {
        children.delete(child);
        return code as number | null;
      });
      return {
        /** @throws AssertionError with what it has printed, once it has ended. */
        assertRuns: () => assert.ok(children.has(child), output),
        /** @throws AssertionError with what it has printed, when it does not end with exit code 0. */
        async stop(): Promise<void> {
          child.kill('SIGTERM');
          assert.equal(await ended, 0, output);
        },
      };
    },
  };
}

export type Installation = Awaited<ReturnType<typeof installPackage>>;
