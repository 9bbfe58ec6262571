import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { ReplayWorkerOptions } from '@temporalio/worker';
import { bundleWorkflows } from '../../src/platform/workflowBundle.ts';
import { readFolder } from '../../src/console/histories.ts';
import { replayHistories, type Replayed } from '../../src/console/replay.ts';
import { createTelemetry } from '../../src/platform/telemetry.ts';

const PROJECT = join(import.meta.dirname, '../..');
const run = promisify(execFile);

/** The workflows with their imports, changed, in a folder of the project's own: its packages resolve there. */
async function plantChange(change: (source: string) => string): Promise<string> {
  const home = join(PROJECT, '.waybill');
  await mkdir(home, { recursive: true });
  const folder = await mkdtemp(join(home, 'planted-'));
  for (const part of ['domain', 'contracts', 'workflows']) {
    await cp(join(PROJECT, 'src', part), join(folder, part), { recursive: true });
  }
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }');
  const file = join(folder, 'workflows/order.ts');
  const source = await readFile(file, 'utf8');
  const changed = change(source);
  assert.notEqual(changed, source, 'the change was not planted');
  await writeFile(file, changed);
  return folder;
}

async function replayAll(folder: string, options: ReplayWorkerOptions) {
  const replayed: Replayed[] = [];
  for await (const one of replayHistories(readFolder(folder), options)) replayed.push(one);
  return replayed;
}

describe('replay', function () {
  this.timeout(180_000);

  it('agrees with every recorded history', async () => {
    const replayed = await replayAll(import.meta.dirname, {
      workflowBundle: await bundleWorkflows(),
      plugins: [createTelemetry()],
    });
    assert.deepEqual(
      replayed.filter(({ error }) => error !== null),
      [],
    );
    assert.ok(replayed.length >= 15, `only ${replayed.length} histories`);
  });

  it('fails when the workflow takes its steps in another order', async () => {
    const folder = await plantChange((source) =>
      source
        .replace('await reserve(input, progress, saga);', '')
        .replace(
          'await pay(input, progress, saga);',
          'await pay(input, progress, saga); await reserve(input, progress, saga);',
        ),
    );
    try {
      const replayed = await replayAll(import.meta.dirname, {
        workflowBundle: await bundleWorkflows(join(folder, 'workflows/index.ts')),
        plugins: [createTelemetry()],
      });
      const paid = replayed.find(({ name }) => name === 'order-paid-and-delivered');
      assert.match(paid?.error ?? '', /reserveStock|authorisePayment/);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('is a command that names each history', async () => {
    const { stdout } = await run(process.execPath, [
      'src/cli/main.ts',
      'replay',
      import.meta.dirname,
    ]);
    assert.match(stdout, /^ok {6}order-paid-and-delivered$/m);
    assert.match(stdout, /^\d+ replayed, 0 diverged$/m);
  });

  it('refuses a folder without histories', async () => {
    await assert.rejects(
      replayAll(join(PROJECT, 'src'), { workflowBundle: await bundleWorkflows() }),
      /no histories/,
    );
  });
});
