import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { SQSClient } from '@aws-sdk/client-sqs';
import { Client, Connection } from '@temporalio/client';
import { createQueue, fill } from './console/deadLetters.ts';
import { installPackage, type Installation } from './support/installation.ts';
import { awsAccount, eventually, temporalAddress, uniqueId } from './support/servers.ts';

const PROJECT = join(import.meta.dirname, '..');
/** Imports modules, and prints which packages were loaded, and which of them ours asked for by itself. */
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

interface Manifest {
  readonly dependencies: Readonly<Record<string, string>>;
  readonly peerDependencies: Readonly<Record<string, string>>;
}

describe('the package', function () {
  this.timeout(180_000);
  let installation: Installation;
  let sqs: SQSClient;
  let client: Client;

  before(async function () {
    this.timeout(300_000);
    const account = awsAccount();
    sqs = new SQSClient(account);
    client = new Client({ connection: await Connection.connect({ address: temporalAddress() }) });
    installation = await installPackage(temporalAddress(), account);
  });
  after(async () => {
    sqs.destroy();
    await client.connection.close();
    await installation.remove();
  });

  async function importsOf(...modules: readonly string[]) {
    const printed = await installation.evaluate(TELL_IMPORTS, ...modules);
    return JSON.parse(printed) as { readonly loaded: string[]; readonly asked: string[] };
  }

  it('holds nothing of the order service', async () => {
    const files = await installation.files();
    assert.ok(files.includes('bridges/index.js') && files.includes('LICENSE'), files.join('\n'));
    const foreign = /^(activities|api|domain)\/|order|stripe|^contracts\/(events|taskQueues)/i;
    assert.deepEqual(
      files.filter((file) => foreign.test(file)),
      [],
    );
  });

  it('is not made of the order service by npm alone', async () => {
    await assert.rejects(installation.npm(PROJECT, 'pack', '--dry-run'), /npm run pack/);
  });

  it('brings neither the worker nor the SDK of workflows along', () => {
    const { brought } = installation;
    assert.ok(brought.includes('@temporalio/client') && brought.includes('@aws-sdk/client-sqs'));
    const unwanted = ['@temporalio/worker', '@temporalio/workflow', 'zod', 'fastify', 'stripe'];
    assert.deepEqual(
      brought.filter((name) => unwanted.includes(name)),
      [],
    );
    console.log(`      ${brought.length} packages`);
  });

  it('asks for no package but those it declares', async () => {
    const modules = (await installation.files())
      .filter((file) => file.endsWith('.js') && file !== 'cli/bridgeTools.js')
      .map((file) => pathToFileURL(join(installation.folder, 'node_modules/waybill', file)).href);
    const { asked } = await importsOf(...modules);
    const manifest = await installation.readJson<Manifest>('node_modules/waybill/package.json');
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

  it('names only files that it holds in its declarations', async () => {
    const files = await installation.files();
    for (const file of files.filter((each) => each.endsWith('.d.ts'))) {
      const path = join(installation.folder, 'node_modules/waybill', file);
      const declarations = await readFile(path, 'utf8');
      for (const [, named = ''] of declarations.matchAll(/['"](\.{1,2}\/[^'"]+)['"]/g)) {
        assert.ok(files.includes(join(dirname(file), named)), `${file} names ${named}`);
      }
    }
  });

  it('has types that hold without skipLibCheck, and refuse mistakes', async () => {
    const output = await installation
      .run('tsc', '--pretty', 'false')
      .catch((error: { readonly stdout: string }) => error.stdout);
    // Temporal's own declarations do not hold.
    const complaints = output
      .split('\n')
      .filter((line) => line.includes('error TS') && !/^node_modules\/(?!waybill\/)/.test(line));
    assert.deepEqual(complaints, []);
  });

  it('carries messages into the workflows of a project of its own', async () => {
    const queue = await createQueue(sqs, { fifo: true });
    const worker = installation.launch('worker.ts');
    const bridge = installation.launch('bridge.ts', { PARCEL_QUEUE_URL: queue.url });
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
          const { name } = (await handle.describe()).status;
          return name === 'COMPLETED' || Promise.reject(new Error(`${workflowId} is ${name}`));
        },
        { within: 30_000 },
      ).catch((error: unknown) => {
        for (const each of [worker, bridge]) each.assertRuns();
        throw error;
      });
      return await handle.result();
    };
    assert.deepEqual(await resultOf(`parcel:${parcelId}`), ['Oslo', 'Malmö', 'Kiel']);
    assert.deepEqual(await resultOf(`subscriber:${subscriberId}`), [parcelId, 'another']);
    await bridge.stop();
    await worker.stop();
  });

  it('exports a handler for Lambda', async () => {
    const tell = `import { handler } from './lambda.ts'; console.log(typeof handler);`;
    assert.equal(await installation.evaluate(tell), 'function\n');
  });

  it('has the tools as its command', async () => {
    const help = await installation.run('waybill', '--help');
    for (const command of ['explain', 'doctor', 'parked']) {
      assert.match(help, new RegExp(`^  ${command} `, 'm'));
    }
    await mkdir(join(installation.folder, 'samples'));
    const data = { parcelId: 'p-1', origin: 'Oslo' };
    await writeFile(
      join(installation.folder, 'samples/registered.json'),
      JSON.stringify({ source: 'carrier', type: 'ParcelRegistered', eventId: 'e-1', data }),
    );
    const options = ['--offline', '--routes', 'routes.ts'];
    const explained = await installation.run('waybill', 'explain', 'samples', ...options);
    assert.match(explained, /would start parcel:p-1\n  event      carrier:e-1/);
  });
});
