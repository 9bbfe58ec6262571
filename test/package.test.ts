import assert from 'node:assert/strict';
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { SQSClient } from '@aws-sdk/client-sqs';
import { Client, Connection } from '@temporalio/client';
import { ENTRIES } from '../dev/package/manifest.ts';
import { createQueue, fill } from './console/deadLetters.ts';
import { awsAccount, eventually, temporalAddress, uniqueId } from './support/servers.ts';

const PROJECT = join(import.meta.dirname, '..');
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
/** Imports modules, and prints which packages were loaded, and which of them the package asked for by itself. */
const TELL_IMPORTS = `
  import { registerHooks } from 'node:module';
  const loaded = new Set(), asked = new Set();
  registerHooks({
    resolve(specifier, context, next) {
      const isOurs = context.parentURL?.includes('/node_modules/waybill/');
      if (isOurs && !/^(\\.|node:)/.test(specifier)) asked.add(/^(@[^/]+\\/)?[^/]+/.exec(specifier)[0]);
      return next(specifier, context);
    },
    load(url, context, next) {
      loaded.add(/.*\\/node_modules\\/((?:@[^/]+\\/)?[^/]+)/.exec(url)?.[1] ?? url);
      return next(url, context);
    },
  });
  for (const module of process.argv.slice(1)) await import(module);
  console.log(JSON.stringify({ loaded: [...loaded], asked: [...asked] }));`;

const execute = promisify(execFile);

interface Manifest {
  readonly dependencies: Readonly<Record<string, string>>;
  readonly peerDependencies: Readonly<Record<string, string>>;
}

describe('the package', function () {
  this.timeout(60_000);
  let folder: string;
  /** The packages that installing it alone brought. */
  let brought: readonly string[];
  let env: NodeJS.ProcessEnv;
  let sqs: SQSClient;
  let client: Client;
  const children = new Set<ChildProcess>();

  before(async function () {
    this.timeout(300_000);
    folder = await mkdtemp(join(tmpdir(), 'waybill-package-'));
    const { PATH = '', HOME } = process.env;
    const account = awsAccount();
    env = {
      // The command's first line asks for any `node`.
      PATH: `${dirname(process.execPath)}${delimiter}${PATH}`,
      HOME,
      AWS_CONFIG_FILE: '/dev/null',
      AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
      AWS_ENDPOINT_URL: account.endpoint,
      AWS_REGION: account.region,
      AWS_ACCESS_KEY_ID: account.credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: account.credentials.secretAccessKey,
      TEMPORAL_ADDRESS: temporalAddress(),
    };
    sqs = new SQSClient(account);
    client = new Client({ connection: await Connection.connect({ address: temporalAddress() }) });
    const { stdout } = await npm(PROJECT, 'run', '--silent', 'pack', '--', '--into', folder);
    await writeFile(join(folder, 'package.json'), '{ "private": true, "type": "module" }\n');
    await install(stdout.trim());
    const lock = await readJson<{ packages: object }>('package-lock.json');
    brought = Object.keys(lock.packages).flatMap(
      (path) => path.split('node_modules/').slice(1).at(-1) ?? [],
    );
    const root = await readJson<Record<string, Record<string, string>>>(
      relative(folder, join(PROJECT, 'package.json')),
    );
    const ranges = { ...root['dependencies'], ...root['devDependencies'] };
    await install(...OF_THE_EXAMPLE.map((name) => `${name}@${ranges[name]}`));
    await copyExample();
  });
  after(async () => {
    for (const child of children) child.kill('SIGKILL');
    sqs.destroy();
    await client.connection.close();
    await rm(folder, { recursive: true });
  });

  /** As a user does, but that no package runs a script. */
  async function install(...packages: readonly string[]): Promise<void> {
    const quietly = ['--prefer-offline', '--no-audit', '--no-fund', '--ignore-scripts'];
    await npm(folder, 'install', ...quietly, ...packages);
  }

  /** With the settings that it has here. */
  async function npm(cwd: string, ...args: readonly string[]) {
    const { PATH } = env;
    return await execute('npm', [...args], { cwd, env: { ...process.env, PATH } });
  }

  async function readJson<Content>(file: string): Promise<Content> {
    return JSON.parse(await readFile(join(folder, file), 'utf8')) as Content;
  }

  /** Its files import the package's sources where they stand here. */
  async function copyExample(): Promise<void> {
    const example = join(import.meta.dirname, 'package');
    for (const file of await readdir(example)) {
      let source = await readFile(join(example, file), 'utf8');
      for (const [entry, path] of Object.entries(ENTRIES)) {
        source = source.replaceAll(`'../../src/${path}.ts'`, `'${join('waybill', entry)}'`);
      }
      assert.doesNotMatch(source, /\.\.\//, file);
      await writeFile(join(folder, file), source);
    }
    await writeFile(
      join(folder, 'tsconfig.json'),
      JSON.stringify({ compilerOptions: COMPILER_OPTIONS, include: ['*.ts'] }),
    );
  }

  async function importsOf(...modules: readonly string[]) {
    const args = ['--input-type=module', '--eval', TELL_IMPORTS, '--', ...modules];
    const { stdout } = await execute(process.execPath, args, { cwd: folder, env });
    return JSON.parse(stdout) as { readonly loaded: string[]; readonly asked: string[] };
  }

  /** The package's own files. */
  async function installedFiles(): Promise<readonly string[]> {
    const root = join(folder, 'node_modules/waybill');
    const entries = await readdir(root, { recursive: true, withFileTypes: true });
    return entries
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => relative(root, join(parentPath, name)));
  }

  /** Starts a file of the example. */
  function launch(file: string, own: NodeJS.ProcessEnv = {}) {
    const child = spawn(process.execPath, [file], { cwd: folder, env: { ...env, ...own } });
    children.add(child);
    let output = '';
    child.stdout.on('data', (chunk) => (output += String(chunk)));
    child.stderr.on('data', (chunk) => (output += String(chunk)));
    const ended = once(child, 'exit').then(([code]) => {
      children.delete(child);
      return code as unknown;
    });
    return {
      assertRuns: () => assert.equal(child.exitCode, null, output),
      async stop() {
        child.kill('SIGTERM');
        assert.equal(await ended, 0, output);
      },
    };
  }

  it('holds nothing of the order service', async () => {
    const files = await installedFiles();
    assert.ok(files.includes('bridges/index.js') && files.includes('LICENSE'), files.join('\n'));
    const foreign = /^(activities|api|domain)\/|order|stripe|^contracts\/(events|taskQueues)/i;
    assert.deepEqual(
      files.filter((file) => foreign.test(file)),
      [],
    );
  });

  it('is not made of the order service by npm alone', async () => {
    await assert.rejects(npm(PROJECT, 'pack', '--dry-run'), /npm run pack/);
  });

  it('brings neither the worker nor the SDK of workflows along', async () => {
    assert.ok(brought.includes('@temporalio/client') && brought.includes('@aws-sdk/client-sqs'));
    const unwanted = ['@temporalio/worker', '@temporalio/workflow', 'zod', 'fastify', 'stripe'];
    assert.deepEqual(
      brought.filter((name) => unwanted.includes(name)),
      [],
    );
    console.log(`      ${brought.length} packages`);
  });

  it('asks for no package but those it declares', async () => {
    const modules = (await installedFiles())
      .filter((file) => file.endsWith('.js') && file !== 'cli/bridgeTools.js')
      .map((file) => pathToFileURL(join(folder, 'node_modules/waybill', file)).href);
    const { asked } = await importsOf(...modules);
    const manifest = await readJson<Manifest>('node_modules/waybill/package.json');
    const declared = Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies });
    assert.ok(asked.length > 5, asked.join());
    assert.deepEqual(
      asked.filter((name) => !declared.includes(name)),
      [],
    );
  });

  for (const entry of ['waybill/bridge', 'waybill/bridge/lambda']) {
    it(`loads no worker, no workflow and no tool with ${entry}`, async () => {
      const { loaded } = await importsOf(entry);
      assert.ok(loaded.includes('waybill') && loaded.includes('@temporalio/client'));
      assert.deepEqual(
        loaded.filter((name) => /^(@temporalio\/work|commander|cli-progress)/.test(name)),
        [],
      );
    });
  }

  it('has types that hold without skipLibCheck, and refuse mistakes', async () => {
    const tsc = execute('npx', ['--no-install', 'tsc', '--pretty', 'false'], { cwd: folder, env });
    const output = await tsc.then(
      ({ stdout }) => stdout,
      (error: { readonly stdout: string }) => error.stdout,
    );
    // Temporal's own declarations do not hold.
    const complaints = output
      .split('\n')
      .filter((line) => line.includes('error TS') && !/^node_modules\/(?!waybill\/)/.test(line));
    assert.deepEqual(complaints, []);
  });

  it('carries messages into the workflows of a project of its own', async () => {
    const queue = await createQueue(sqs, { fifo: true });
    const worker = launch('worker.ts');
    const bridge = launch('bridge.ts', { PARCEL_QUEUE_URL: queue.url });
    const [parcelId, subscriberId] = [uniqueId('p'), uniqueId('s')];
    const event = (source: string, type: string, data: object) => ({
      body: JSON.stringify({ source, type, eventId: uniqueId('e'), data }),
      group: parcelId,
    });
    await fill(sqs, queue.url, [
      event('carrier', 'ParcelRegistered', { parcelId, origin: 'Oslo' }),
      event('carrier', 'ParcelScanned', { parcelId, place: 'Malmö', delivered: false }),
      event('shop', 'ParcelFollowed', { subscriberId, parcelId }),
      event('shop', 'ParcelFollowed', { subscriberId, parcelId: 'another' }),
      event('carrier', 'ParcelScanned', { parcelId, place: 'Kiel', delivered: true }),
    ]);
    const resultOf = async (workflowId: string): Promise<unknown> => {
      const handle = client.workflow.getHandle(workflowId);
      await eventually(
        async () => {
          for (const process of [worker, bridge]) process.assertRuns();
          return (await handle.describe()).status.name === 'COMPLETED';
        },
        { within: 30_000 },
      );
      return await handle.result();
    };
    assert.deepEqual(await resultOf(`parcel:${parcelId}`), ['Oslo', 'Malmö', 'Kiel']);
    assert.deepEqual(await resultOf(`subscriber:${subscriberId}`), [parcelId, 'another']);
    await bridge.stop();
    await worker.stop();
  });

  it('has the tools as its command', async () => {
    const waybill = async (...args: readonly string[]) =>
      (await execute('npx', ['--no-install', 'waybill', ...args], { cwd: folder, env })).stdout;
    const help = await waybill('--help');
    for (const command of ['explain', 'doctor', 'parked']) {
      assert.match(help, new RegExp(`^  ${command} `, 'm'));
    }
    await mkdir(join(folder, 'samples'));
    const data = { parcelId: 'p-1', origin: 'Oslo' };
    await writeFile(
      join(folder, 'samples/registered.json'),
      JSON.stringify({ source: 'carrier', type: 'ParcelRegistered', eventId: 'e-1', data }),
    );
    const explained = await waybill('explain', 'samples', '--offline', '--routes', 'routes.ts');
    assert.match(explained, /would start parcel:p-1\n  event      carrier:e-1/);
  });
});
