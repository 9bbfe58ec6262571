import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { Stack } from '../../../dev/stack.ts';
import type { Link } from './link.ts';
import { describeFault, type Fault, type LinkName, type PlannedFault } from './plan.ts';
import { superviseParts, type Supervisor } from './supervisor.ts';

const PROJECT = join(import.meta.dirname, '../../..');
/** Messages a second. */
const REDRIVE_RATE = 50;
/** How long one run of the command may take, in milliseconds, and how often it is run at most. */
const REDRIVE_WITHIN = 60_000;
const REDRIVE_RUNS = 3;

export interface InjectionOptions {
  readonly stack: Stack;
  readonly links: Readonly<Record<LinkName, Link>>;
  readonly plan: readonly PlannedFault[];
  readonly onProgress: (message: string) => void;
}

export interface Problem {
  /** The fault's description; null: without a fault. */
  readonly scenario: string | null;
  readonly says: string;
}

/** What was done to the service. */
export interface Injected {
  /** How often, by the faults' descriptions. */
  readonly counts: ReadonlyMap<string, number>;
  /** The longest that it took until a process was ready again, in milliseconds, by the faults' descriptions. */
  readonly back: ReadonlyMap<string, number>;
  readonly problems: readonly Problem[];
  /** How many messages were redriven. */
  readonly redriven: number;
}

/**
 * Carries out a plan, which stands still while a process takes very long to come back, as on a slow machine; then mends
 * everything: all processes run and all connections hold when it resolves.
 */
export async function inject({
  stack,
  links,
  plan,
  onProgress,
}: InjectionOptions): Promise<Injected> {
  const supervisor = superviseParts(stack);
  const counts = new Map<string, number>();
  const back = new Map<string, number>();
  const problems: Problem[] = [];
  let redriven = 0;
  let began = Date.now();
  const underWay: Promise<void>[] = [];

  async function carryOut(fault: Fault): Promise<void> {
    const described = describeFault(fault);
    const start = Date.now();
    onProgress(described);
    try {
      const done = await doTo(fault, { stack, links, supervisor });
      if (done === null) return;
      if (fault.kind === 'redrive') redriven += done;
      if (fault.kind === 'kill' || fault.kind === 'restart') {
        const took = Date.now() - start;
        onProgress(`${fault.part} is back after ${(took / 1_000).toFixed(1)} s`);
        back.set(described, Math.max(took, back.get(described) ?? 0));
      }
      counts.set(described, (counts.get(described) ?? 0) + 1);
    } catch (error) {
      problems.push({ scenario: described, says: (error as Error).message });
    }
  }

  for (const { at, fault } of plan) {
    await delay(Math.max(0, began + at - Date.now()));
    began += await supervisor.untilNoneIsOverdue();
    underWay.push(carryOut(fault));
  }
  await Promise.all(underWay);
  for (const link of Object.values(links)) link.mend();
  await supervisor
    .stop()
    .catch((error: Error) => problems.push({ scenario: null, says: error.message }));
  await fetch(`${stack.urls.provider}/sandbox/faults`, { method: 'DELETE' });
  for (const part of supervisor.endedAlone) problems.push({ scenario: null, says: part });
  return { counts, back, problems, redriven };
}

interface Hands {
  readonly stack: Stack;
  readonly links: InjectionOptions['links'];
  readonly supervisor: Supervisor;
}

/** @returns how much was done; null where it could not be, as what it needs was away. */
async function doTo(fault: Fault, { stack, links, supervisor }: Hands): Promise<number | null> {
  switch (fault.kind) {
    case 'kill':
      await supervisor.kill(fault.part, fault.down);
      return 1;
    case 'restart':
      await supervisor.restart(fault.part, fault.down);
      return 1;
    case 'reset':
      return links[fault.link].reset();
    case 'cut':
      links[fault.link].cut();
      break;
    case 'delay':
      links[fault.link].delay(fault.by);
      break;
    case 'repeat':
      links[fault.link].repeat();
      break;
    case 'provider':
      return await askToFail(stack, fault);
    case 'redrive':
      return await redrive(stack, fault.queue);
  }
  await delay(fault.lasts);
  links[fault.link].mend();
  return 1;
}

async function askToFail(
  { urls }: Stack,
  { operation, how, takesEffect, times }: Extract<Fault, { kind: 'provider' }>,
): Promise<number | null> {
  const fault = { operation, how, times, ...(operation !== 'retrieve' && { takesEffect }) };
  const response = await fetch(`${urls.provider}/sandbox/faults`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(fault),
  }).catch(() => null);
  if (response === null) return null;
  if (!response.ok) throw new Error(`the sandbox answered ${response.status}`);
  return times;
}

type Redriven = Extract<Fault, { kind: 'redrive' }>['queue'];

/** As an operator does: by the command, which is run again where a server went away under it. */
async function redrive({ env, outputs }: Stack, queue: Redriven): Promise<number | null> {
  const args = ['--all', '--json', '--rate', String(REDRIVE_RATE)];
  const url = outputs[`${queue}QueueUrl`];
  for (let run = 1; run <= REDRIVE_RUNS; run += 1) {
    try {
      const { stdout } = await promisify(execFile)(
        process.execPath,
        ['src/cli/main.ts', 'parked', 'redrive', '--queue', url, ...args],
        { cwd: PROJECT, env, timeout: REDRIVE_WITHIN },
      );
      return countRedriven(stdout);
    } catch (error) {
      const { code, stdout = '' } = error as { readonly code?: number; readonly stdout?: string };
      // Some messages had to stay: the bridge had just parked them again, or somebody looked at them.
      if (code === 1) return countRedriven(stdout);
    }
  }
  return null;
}

function countRedriven(output: string): number {
  return output
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as { readonly redriven?: { readonly done: number } })
    .reduce((total, { redriven }) => total + (redriven?.done ?? 0), 0);
}
