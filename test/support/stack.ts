import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../dev/ports.ts';
import { startStack, type Stack } from '../../dev/stack.ts';
import type { OrderPolicy } from '../../src/domain/policy.ts';
import { readEnvironment } from '../../src/platform/config.ts';
import { bundleWorkflows } from '../../src/platform/workflowBundle.ts';

const PROJECT = join(import.meta.dirname, '../..');

export interface TestStack {
  readonly stack: Stack;
  readonly stateDir: string;
  /** Starts it again where it was stopped: on the same ports, with what it kept. */
  readonly again: () => Promise<Stack>;
  /** Stops it, and forgets what it kept unless it is to be looked into. */
  readonly stop: (options?: { readonly keep?: boolean }) => Promise<void>;
}

/** The whole service as `npm start` runs it, on free ports and in a folder of its own, whatever runs elsewhere. */
export async function startTestStack(policy: OrderPolicy): Promise<TestStack> {
  const stateDir = await mkdtemp(join(tmpdir(), 'waybill-stack-'));
  const bundle = join(stateDir, 'workflow-bundle.js');
  await writeFile(bundle, (await bundleWorkflows()).code);
  const { TEMPORAL_ADDRESS: _, AWS_ENDPOINT_URL: __, ...env } = readEnvironment();
  const [temporal, emulator, provider, api] = await Promise.all([
    freePort(),
    freePort(),
    freePort(),
    freePort(),
  ]);
  const start = async () =>
    await startStack({
      stateDir,
      toolsDir: join(PROJECT, '.waybill/tools'),
      ports: { temporal, temporalUi: null, emulator, provider, api },
      env,
      settings: {
        WAYBILL_WORKFLOW_BUNDLE: bundle,
        WAYBILL_ORDER_POLICY: JSON.stringify(policy),
      },
      onProgress: (message) => console.error(message),
      onReady: () => undefined,
    });
  let stack = await start();
  return {
    stack,
    stateDir,
    async again() {
      stack = await start();
      return stack;
    },
    async stop({ keep = false } = {}) {
      await stack.stop();
      if (keep) console.error(`what it left: ${stateDir}`);
      else await rm(stateDir, { recursive: true, force: true });
    },
  };
}
