import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TokenRequest } from '../../dev/issuer/request.ts';
import { fetchToken } from '../../dev/issuer/tokens.ts';
import { DEFAULT_PORTS, freePort, portsFrom, type StackPorts } from '../../dev/ports.ts';
import { startStack, type Stack, type StackOptions } from '../../dev/stack.ts';
import type { OrderPolicy } from '../../src/domain/policy.ts';
import { readEnvironment, type Environment } from '../../src/platform/config.ts';
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

interface TestStackOptions {
  readonly settings?: Environment;
  readonly putBetween?: (ports: StackPorts) => Promise<NonNullable<StackOptions['through']>>;
}

/**
 * The whole service as `npm start` runs it, on free ports and in a folder of its own, whatever runs elsewhere.
 *
 * @param options.settings - what worker, bridge and api get on top.
 * @param options.putBetween - puts something before the servers on these ports, and answers where it is.
 */
export async function startTestStack(
  policy: OrderPolicy,
  { settings = {}, putBetween }: TestStackOptions = {},
): Promise<TestStack> {
  const stateDir = await mkdtemp(join(tmpdir(), 'waybill-stack-'));
  const bundle = join(stateDir, 'workflow-bundle.js');
  await writeFile(bundle, (await bundleWorkflows()).code);
  const { TEMPORAL_ADDRESS: _, AWS_ENDPOINT_URL: __, ...env } = readEnvironment();
  const ports = portsFrom(await freePort(Object.keys(DEFAULT_PORTS).length));
  const through = await putBetween?.(ports);
  const start = async () =>
    await startStack({
      stateDir,
      toolsDir: join(PROJECT, '.waybill/tools'),
      ports: { ...ports, temporalUi: null },
      ...(through && { through }),
      env,
      settings: {
        WAYBILL_WORKFLOW_BUNDLE: bundle,
        WAYBILL_ORDER_POLICY: JSON.stringify(policy),
        ...settings,
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

/** A token of a stack's issuer; staff's, unless somebody else asks. */
export async function tokenOf(
  { urls }: Pick<Stack, 'urls'>,
  request: TokenRequest = { role: 'staff' },
): Promise<string> {
  return (await fetchToken(urls.issuer, request)).token;
}
