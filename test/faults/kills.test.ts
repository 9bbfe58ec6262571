import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { connectTo } from '../../dev/clients.ts';
import { purchaseScenario } from '../../dev/feed/feed.ts';
import { readPurchases, SAMPLE_STOCK } from '../../dev/feed/purchases.ts';
import { scenarios } from '../../dev/feed/scenarios.ts';
import { rehearse } from '../../dev/rehearsal.ts';
import type { Stack } from '../../dev/stack.ts';
import { startTestStack } from '../support/stack.ts';
import { seeded } from './random.ts';

const PROJECT = join(import.meta.dirname, '../..');
const run = promisify(execFile);

/** A killed bridge's messages come again after 30 s: a decline has to wait longer for the other card. */
const POLICY = { paymentMethodWithinSeconds: 75, compensationRetrySeconds: 120 };
const PURCHASES = 100;
const KILLS = 12;
const VICTIMS = ['worker', 'bridge', 'temporal'] as const;

/** Kills one process after another and starts it again, by the seed's schedule. */
async function killAndRestart(stack: Stack, seed: number): Promise<void> {
  const random = seeded(seed);
  for (let kill = 0; kill < KILLS; kill += 1) {
    await delay(300 + random() * 1_200);
    const part = stack.part(VICTIMS[Math.floor(random() * VICTIMS.length)] ?? 'worker');
    await part.kill();
    await delay(random() * 1_000);
    await part.start();
  }
}

/** Writes down every order's history. */
async function exportHistories(stack: Stack, folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const clients = await connectTo(stack);
  try {
    for await (const { workflowId, runId } of clients.temporal.workflow.list()) {
      const history = await clients.temporal.workflow.getHandle(workflowId, runId).fetchHistory();
      const name = workflowId.replaceAll(':', '_');
      await writeFile(join(folder, `${name}.json`), historyToJSON(history));
    }
  } finally {
    await clients.close();
  }
}

describe('a feed during which worker, bridge and Temporal are killed', function () {
  this.timeout(300_000);

  for (const seed of [1, 2, 3]) {
    it(`ends where it must, and adds up (seed ${seed})`, async () => {
      const { stack, stateDir, stop } = await startTestStack(POLICY);
      let held = false;
      try {
        const { unmet, audit } = await rehearse({
          stack,
          stateDir,
          scenarios: [...scenarios(), ...readPurchases(PURCHASES).map(purchaseScenario)],
          stock: SAMPLE_STOCK,
          within: 180_000,
          disturbance: killAndRestart(stack, seed),
        });
        assert.deepEqual(unmet, []);
        assert.deepEqual(audit.disagreements, []);
        assert.equal(audit.events.lost.length, 0);
        const histories = join(stateDir, 'histories');
        await exportHistories(stack, histories);
        const { stdout } = await run(process.execPath, ['src/cli/main.ts', 'replay', histories], {
          cwd: PROJECT,
          maxBuffer: 1e8,
        });
        assert.match(stdout, / 0 diverged/);
        held = true;
      } finally {
        await stop({ keep: !held });
      }
    });
  }
});
