import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type Process, startProcess } from '../../dev/process.ts';
import { UserError } from '../../src/platform/errors.ts';
import { eventually } from '../support/servers.ts';

/** Says that it is ready and lives until it is stopped. */
const SERVER = `console.log('ready ' + process.pid); setInterval(() => {}, 1000);`;
const DEAF = `process.on('SIGTERM', () => console.log('no')); ${SERVER}`;
const POLITE = `process.on('SIGTERM', () => { console.log('bye'); process.exit(0); }); ${SERVER}`;
/** Its own child stays in its process group. */
const PARENT = `const { pid } = require('node:child_process').spawn('sleep', ['60'], { stdio: 'ignore' });
  console.log('child=' + pid); ${SERVER}`;

describe('a child process', () => {
  let folder: string;
  let logFile: string;
  const started: Process[] = [];

  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'waybill-process-'));
    logFile = path.join(folder, 'logs', 'part.log');
  });
  afterEach(async () => {
    await Promise.all(started.splice(0).map((child) => child.kill()));
    await rm(folder, { recursive: true });
  });

  async function start(script: string, readyWithin = 5_000): Promise<Process> {
    const child = await startProcess({
      name: 'part',
      file: process.execPath,
      args: ['-e', script],
      env: {},
      cwd: folder,
      logFile,
      ready: (output) => output.includes('ready'),
      readyWithin,
    });
    started.push(child);
    return child;
  }

  const isAlive = (pid: number) => {
    try {
      return process.kill(pid, 0);
    } catch {
      return false;
    }
  };
  const log = () => readFile(logFile, 'utf8');

  it('is ready when the probe says so, and stops by SIGTERM', async () => {
    const child = await start(POLITE);
    const { pid } = child;
    assert.ok(pid);
    assert.equal(await log(), `ready ${pid}\n`);
    assert.equal(await child.stop(), true);
    assert.equal(child.pid, undefined);
    assert.equal(isAlive(pid), false);
    assert.match(await log(), /bye\n$/);
    assert.equal(await child.stop(), true, 'stopping it again does nothing');
  });

  it('is killed when it does not stop in time', async () => {
    const child = await start(DEAF);
    assert.equal(await child.stop({ within: 100 }), false);
    assert.equal(child.pid, undefined);
  });

  it('takes the whole of its group along', async () => {
    const child = await start(PARENT);
    const grandchild = Number(/child=(\d+)/.exec(await log())?.[1]);
    assert.ok(isAlive(grandchild));
    await child.kill();
    await eventually(() => !isAlive(grandchild));
  });

  it('is killed and started again, its log going on, its readiness asked anew', async () => {
    const child = await start(POLITE);
    const first = child.pid;
    await child.kill();
    assert.equal(child.pid, undefined);
    await child.start();
    assert.notEqual(child.pid, first);
    assert.equal(await log(), `ready ${first}\nready ${child.pid}\n`);
    await assert.rejects(child.start(), /running already/);
  });

  it('has a group of its own, which the terminal does not interrupt', async () => {
    const child = await start(SERVER);
    assert.ok(process.kill(-(child.pid ?? 0), 0));
  });

  it('fails at once with its last words when it ends early', async () => {
    await assert.rejects(
      start(`console.log('first'); console.error('no such thing'); process.exitCode = 3`, 60_000),
      (error: UserError) => {
        assert.ok(error instanceof UserError);
        assert.match(error.message, /^part did not start: ended with exit code 3\n/);
        assert.match(error.message, /\| first\n {2}\| no such thing$/);
        assert.match(error.hint, /part\.log$/);
        return true;
      },
    );
  });

  it('fails and is killed when it is not ready in time', async () => {
    const script = `console.log('pid=' + process.pid); setInterval(() => {}, 1000)`;
    await assert.rejects(start(script, 300), /^UserError: part was not ready within 0\.3 s/);
    const pid = Number(/pid=(\d+)/.exec(await log())?.[1]);
    assert.equal(isAlive(pid), false);
  });

  it('fails when there is no such program', async () => {
    const options = { name: 'part', args: [], env: {}, cwd: folder, logFile, ready: () => true };
    await assert.rejects(
      startProcess({ ...options, file: path.join(folder, 'nothing') }),
      /part did not start: spawn .* ENOENT/,
    );
  });
});
