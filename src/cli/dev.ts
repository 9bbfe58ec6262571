import { mkdir, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { connectTo } from '../../dev/clients.ts';
import { purchaseScenario } from '../../dev/feed/feed.ts';
import { collectNotifications } from '../../dev/feed/notifications.ts';
import { readPurchases, SAMPLE_STOCK } from '../../dev/feed/purchases.ts';
import { scenarios } from '../../dev/feed/scenarios.ts';
import { notesOf, rehearse, type Outcome } from '../../dev/rehearsal.ts';
import {
  DEFAULT_PORTS,
  FIRST_BASE,
  LAST_BASE,
  portsFrom,
  type StackPorts,
} from '../../dev/ports.ts';
import { startStack, type Stack } from '../../dev/stack.ts';
import { createView } from '../../dev/view.ts';
import type { OrderNotification } from '../contracts/orders.ts';
import { readEnvironment } from '../platform/config.ts';
import { UserError } from '../platform/errors.ts';
import { bundleWorkflows } from '../platform/workflowBundle.ts';
import { describeAudit } from './audit.ts';
import { describeStack } from './devGuide.ts';

export interface DevOptions {
  readonly exit?: true;
  readonly portBase?: string;
}

const HOME = resolve(import.meta.dirname, '../../.waybill');
const STATE_DIR = resolve(HOME, 'dev');
const TOOLS_DIR = resolve(HOME, 'tools');

/** The sample's purchases that are fed beside the scenarios. */
const PURCHASES = 200;
/** A demonstration cannot wait a day for another card. */
const POLICY = { paymentMethodWithinSeconds: 5, compensationRetrySeconds: 60 };
const WITHIN = 180_000;

/** Runs everything on this machine, feeds it the samples, and shows what becomes of them. */
export async function runDev({ exit, portBase }: DevOptions): Promise<void> {
  const ports = portsOf(portBase);
  const stop = onInterrupt();
  await mkdir(STATE_DIR, { recursive: true });
  const began = performance.now();
  const stack = await startStack({
    stateDir: STATE_DIR,
    toolsDir: TOOLS_DIR,
    ports,
    env: readEnvironment(),
    settings: prepareSettings(),
    onProgress: (message) => console.log(message),
    onReady: (part, took) => console.log(`  ${part.padEnd(10)} ready after ${seconds(took)}`),
  });
  try {
    console.log(`ready in ${seconds(performance.now() - began)}`);
    console.log(await describeStack(stack, STATE_DIR));
    const view = createView((line) => console.log(line));
    const fed = rehearse({
      stack,
      stateDir: STATE_DIR,
      scenarios: [...scenarios(), ...readPurchases(PURCHASES).map(purchaseScenario)],
      stock: SAMPLE_STOCK,
      within: WITHIN,
      onNotification: view.show,
    });
    const outcome = await Promise.race([fed, stop.requested]);
    if (outcome) report(outcome);
    if (outcome && !exit) {
      console.log('\nthe service goes on; Ctrl-C stops it');
      await showUntil(stop.requested, stack, view.show);
    }
  } finally {
    console.log('stopping');
    await stack.stop();
  }
  // The feed may still wait for answers of a stack that is gone.
  process.exit();
}

/** Goes on showing what becomes of orders that somebody places meanwhile. */
async function showUntil(
  stopped: Promise<void>,
  stack: Stack,
  onNotification: (notification: OrderNotification) => void,
): Promise<void> {
  const clients = await connectTo(stack);
  const collector = collectNotifications({
    sqs: clients.sqs,
    queueUrl: stack.outputs.AuditQueueUrl,
    file: notesOf(STATE_DIR).notifications,
    onNotification,
  });
  await stopped;
  await collector.stop();
  await clients.close();
}

async function prepareSettings() {
  const file = resolve(STATE_DIR, 'workflow-bundle.js');
  const { code } = await bundleWorkflows();
  await writeFile(file, code);
  return {
    WAYBILL_WORKFLOW_BUNDLE: file,
    WAYBILL_ORDER_POLICY: JSON.stringify(POLICY),
  };
}

/** The first Ctrl-C stops in order, the second at once; before the stack is up, the first does. */
function onInterrupt(): { readonly requested: Promise<void> } {
  const { promise, resolve: request } = Promise.withResolvers<void>();
  let up = false;
  let asked = false;
  const interrupt = () => {
    if (asked) process.exit(130);
    asked = true;
    if (!up) process.exit(130);
    request();
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, interrupt);
  return {
    get requested() {
      up = true;
      return promise;
    },
  };
}

/** @throws UserError when the base is none. */
function portsOf(base: string | undefined): StackPorts {
  if (base === undefined) return DEFAULT_PORTS;
  const port = /^\d+$/.test(base) ? Number(base) : Number.NaN;
  if (port >= FIRST_BASE && port <= LAST_BASE) return portsFrom(port);
  throw new UserError(
    `--port-base: expected a port of ${FIRST_BASE} to ${LAST_BASE}, received ${JSON.stringify(base)}`,
    'seven ports from it on have to be free',
  );
}

function report({ unmet, misSent, audit }: Outcome): void {
  console.log(`\n${describeAudit(audit)}`);
  const unexpected = [...unmet, ...misSent];
  for (const what of unexpected) console.log(`NOT AS EXPECTED ${what}`);
  if (unexpected.length === 0 && audit.disagreements.length === 0) {
    console.log('every sample order is where it must be');
    return;
  }
  console.log(`look into ${resolve(STATE_DIR, 'logs')}`);
  process.exitCode = 1;
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1_000).toFixed(1)} s`;
}
