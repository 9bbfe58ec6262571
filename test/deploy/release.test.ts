import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from '../../dev/ports.ts';
import { startProcess, type Process } from '../../dev/process.ts';
import type { Environment } from '../../src/platform/config.ts';
import { readPackages } from '../../deploy/licences.ts';
import { deployService } from '../support/service.ts';
import { temporalAddress, uniqueId } from '../support/servers.ts';
import { PROJECT } from '../cli/waybill.ts';
import { execForm, only, readDockerfile } from './dockerfile.ts';

const execute = promisify(execFile);

interface Sbom {
  readonly components: readonly {
    readonly name: string;
    readonly version: string;
    readonly licenses?: readonly unknown[];
    readonly hashes?: readonly unknown[];
  }[];
}

/** What the image is made of, in a folder instead: all but its FROM lines. */
describe('a release', function () {
  this.timeout(120_000);
  const [, image = []] = readDockerfile();
  let parent: string;
  let folder: string;
  let env: Environment;
  const processes: Process[] = [];

  before(async function () {
    // It installs some 280 packages.
    this.timeout(900_000);
    parent = await mkdtemp(join(tmpdir(), 'waybill-release-'));
    folder = join(parent, 'app');
    const began = performance.now();
    const { PATH = '', ...rest } = process.env;
    await execute(process.execPath, ['deploy/release.ts', folder], {
      cwd: PROJECT,
      env: {
        ...rest,
        PATH: `${dirname(process.execPath)}:${PATH}`,
        npm_config_prefer_offline: 'true',
      },
    });
    console.log(`      made in ${Math.round((performance.now() - began) / 1_000)} s`);
    const service = await deployService({ temporal: temporalAddress() });
    env = { ...service.env, ...imageEnvironment() };
  });

  after(async () => {
    await Promise.all(processes.map((each) => each.kill()));
    await rm(parent, { recursive: true, force: true });
  });

  /** What the image sets, for this folder. */
  function imageEnvironment(): Environment {
    const pairs = only(image, 'ENV')
      .split(/\s+/)
      .map((pair) => pair.split('='));
    return Object.fromEntries(
      pairs.map(([name = '', text = '']) => [name, text.replace(/^\/app\//, `${folder}/`)]),
    );
  }

  async function filesOf(path: string): Promise<readonly string[]> {
    const entries = await readdir(path, { recursive: true, withFileTypes: true });
    return entries
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => join(parentPath, name))
      .toSorted();
  }

  it('has the packages of production, and no other', async () => {
    const installed = JSON.parse(
      await readFile(join(folder, 'node_modules/.package-lock.json'), 'utf8'),
    ) as { readonly packages: object };
    const production = new Set(readPackages(PROJECT).map(({ name }) => name));
    const names = Object.keys(installed.packages).map((path) => path.split('node_modules/').at(-1));
    assert.ok(names.length > 200, String(names.length));
    assert.deepEqual(
      names.filter((name) => !production.has(name ?? '')),
      [],
    );
    console.log(`      ${names.length} packages`);
  });

  it('says what is inside: each package with its licence and hash', async () => {
    const sbom = JSON.parse(await readFile(join(folder, 'sbom.cdx.json'), 'utf8')) as Sbom;
    const listed = new Set(sbom.components.map(({ name, version }) => `${name}@${version}`));
    const installed = JSON.parse(
      await readFile(join(folder, 'node_modules/.package-lock.json'), 'utf8'),
    ) as {
      readonly packages: Record<string, { readonly version: string; readonly name?: string }>;
    };
    for (const [path, { name, version }] of Object.entries(installed.packages)) {
      const known = `${name ?? path.split('node_modules/').at(-1)}@${version}`;
      assert.ok(listed.has(known), `${known} is not in the SBOM`);
    }
    for (const { name, licenses = [], hashes = [] } of sbom.components) {
      assert.equal(hashes.length > 0, true, name);
      if (name !== 'unionfs') assert.ok(licenses.length > 0, name);
    }
  });

  /** Starts a process as the image does, and waits until its health check says that it is ready. */
  async function start(name: 'worker' | 'bridge' | 'api') {
    const port = await freePort();
    const own = {
      ...env,
      WAYBILL_HEALTH_PORT: String(port),
      WAYBILL_API_PORT: '0',
      WAYBILL_GRACE_SECONDS: '2',
    };
    const [, ...entry] = execForm(only(image, 'ENTRYPOINT'));
    const began = performance.now();
    const child = await startProcess({
      name,
      file: process.execPath,
      args: [...entry, name],
      env: own,
      cwd: folder,
      logFile: join(parent, `${name}.log`),
      ready: async () => (await fetch(`http://127.0.0.1:${port}/readyz`)).ok,
      readyWithin: 60_000,
    });
    processes.push(child);
    const took = Math.round(performance.now() - began);
    const { stdout } = await execute('ps', ['-o', 'rss=', '-p', String(child.pid)]);
    console.log(
      `      ${name}: ready after ${took} ms, ${Math.round(Number(stdout) / 1_024)} MiB resident`,
    );
    const health = /CMD (.*)$/.exec(only(image, 'HEALTHCHECK'))?.[1] ?? '';
    const [, ...check] = execForm(health);
    return {
      child,
      check: (...more: readonly string[]) =>
        execute(process.execPath, [...check, ...more], { cwd: folder, env: own }),
    };
  }

  it('runs worker, bridge and api as the image does, and writes nothing where it lies', async () => {
    const before = await filesOf(folder);
    for (const name of ['worker', 'bridge', 'api'] as const) {
      const { child, check } = await start(name);
      await check();
      await check('--ready');
      assert.equal(await child.stop({ within: 15_000 }), true, `${name} did not stop in time`);
      await assert.rejects(check(), /Command failed/);
    }
    assert.deepEqual(await filesOf(folder), before);
  });

  it('has what the tools need', async () => {
    const events = join(parent, 'events');
    await mkdir(events);
    await writeFile(join(events, 'event.json'), '{"source":"nobody","type":"Nothing","data":{}}');
    const histories = join(parent, 'histories');
    await mkdir(histories);
    const [history = ''] = (await readdir(join(PROJECT, 'test/replay'))).filter((name) =>
      name.endsWith('.json'),
    );
    await cp(join(PROJECT, 'test/replay', history), join(histories, history));
    const elsewhere = { TEMPORAL_NAMESPACE: uniqueId('nobody') };
    for (const [code, command, more] of [
      [0, ['doctor'], {}],
      [0, ['orders', 'list'], {}],
      [0, ['parked', 'list'], {}],
      [0, ['replay', histories], {}],
      [1, ['explain', events, '--offline'], {}],
      [2, ['setup'], elsewhere],
      [2, ['rollout', 'none', '--within', '0'], {}],
    ] as const) {
      const [, ...entry] = execForm(only(image, 'ENTRYPOINT'));
      const ran = await execute(process.execPath, [...entry, ...command], {
        cwd: folder,
        env: { ...(env as NodeJS.ProcessEnv), ...more },
      }).then(
        ({ stderr }) => ({ code: 0, stderr }),
        (error: { readonly code: unknown; readonly stderr: string }) => error,
      );
      assert.equal(
        ran.code,
        code,
        `waybill ${command.join(' ')}: ${String(ran.code)} ${ran.stderr}`,
      );
      // What a module that is missing leaves behind.
      assert.doesNotMatch(ran.stderr, /\n {4}at /);
    }
  });
});
