import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { MetFault } from '../../../dev/provider/faults.ts';
import type { Stack } from '../../../dev/stack.ts';
import type { Link } from './link.ts';
import { describeFault, type Fault, type LinkName, type PlannedFault } from './plan.ts';
import { superviseParts, type Supervisor } from './supervisor.ts';

const PROJECT = join(import.meta.dirname, '../../..');
/** Messages a second. */
const REDRIVE_RATE = 50;
/** How long one run of the command may take, in milliseconds; and how long it is run again where it failed. */
const REDRIVE_RUN = 60_000;
const REDRIVE_WITHIN = 120_000;
const REDRIVE_AGAIN_AFTER = 1_000;

export interface InjectionOptions {
  readonly stack: Stack;
  /** Where the provider says which requests it made fail. */
  readonly providerLog: string;
  /** Ends it before its time: the rest of the plan is left out. */
  readonly stopping: AbortSignal;
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
  /** How often, by the faults' descriptions. Of the provider's: how many requests met one, not how many were to. */
  readonly counts: ReadonlyMap<string, number>;
  /** What it came to, by the faults' descriptions, where there is something to say. */
  readonly touched: ReadonlyMap<string, string>;
  /** The longest that it took until a process was ready again, in milliseconds, by the faults' descriptions. */
  readonly back: ReadonlyMap<string, number>;
  readonly problems: readonly Problem[];
}

/**
 * Carries out a plan, which stands still while a process takes very long to come back, as on a slow machine, and ends where
 * one does not come back at all; then mends everything: all processes run and all connections hold when it resolves.
 */
export async function inject({
  stack,
  providerLog,
  stopping,
  links,
  plan,
  onProgress,
}: InjectionOptions): Promise<Injected> {
  const supervisor = superviseParts(stack);
  const counts = new Map<string, number>();
  const back = new Map<string, number>();
  const problems: Problem[] = [];
  /** How many messages were redriven, connections broken, requests repeated: by the faults' descriptions. */
  const things = new Map<string, number>();
  let began = Date.now();
  const underWay: Promise<void>[] = [];

  async function carryOut(fault: Fault): Promise<void> {
    const described = describeFault(fault);
    const start = Date.now();
    onProgress(described);
    try {
      const done = await doTo(fault, { stack, links, supervisor });
      if (done === null) return;
      things.set(described, (things.get(described) ?? 0) + done);
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
    await wait(began + at - Date.now(), stopping);
    began += await supervisor.untilNoneIsOverdue();
    if (stopping.aborted || supervisor.missing.length > 0) break;
    underWay.push(carryOut(fault));
  }
  await Promise.all(underWay);
  for (const link of Object.values(links)) link.mend();
  const failed = (error: Error) => problems.push({ scenario: null, says: error.message });
  await supervisor.stop().catch(failed);
  await fetch(`${stack.urls.provider}/sandbox/faults`, { method: 'DELETE' }).catch(failed);
  for (const part of supervisor.endedAlone) problems.push({ scenario: null, says: part });
  for (const [described, count] of faultsMet(providerLog)) counts.set(described, count);
  return { counts, touched: textsOf(things, plan), back, problems };
}

/** Until then, or until it is told to stop. */
async function wait(milliseconds: number, signal: AbortSignal): Promise<void> {
  await delay(Math.max(0, milliseconds), undefined, { signal }).catch(() => undefined);
}

const THINGS: Partial<Record<Fault['kind'], string>> = {
  reset: 'connections',
  cut: 'connections',
  repeat: 'requests',
  redrive: 'messages',
};

function textsOf(
  things: ReadonlyMap<string, number>,
  plan: readonly PlannedFault[],
): ReadonlyMap<string, string> {
  const texts = new Map<string, string>();
  for (const { fault } of plan) {
    const described = describeFault(fault);
    const what = THINGS[fault.kind];
    if (what !== undefined) texts.set(described, `${things.get(described) ?? 0} ${what}`);
  }
  return texts;
}

/** How many requests the provider says it made fail, by the faults' descriptions. */
function faultsMet(providerLog: string): ReadonlyMap<string, number> {
  const met = new Map<string, number>();
  for (const line of readFileSync(providerLog, 'utf8').split('\n')) {
    if (!line.includes('"fault met"')) continue;
    const { how, takesEffect } = JSON.parse(line) as MetFault;
    const described = describeFault({ kind: 'provider', how, takesEffect });
    met.set(described, (met.get(described) ?? 0) + 1);
  }
  return met;
}

interface Hands {
  readonly stack: Stack;
  readonly links: InjectionOptions['links'];
  readonly supervisor: Supervisor;
}

/**
 * @returns how many connections, requests or messages it came to, 1 where nothing is counted; null where it could not be
 *   done, as what it needs was away, or came to nothing.
 */
async function doTo(fault: Fault, { stack, links, supervisor }: Hands): Promise<number | null> {
  switch (fault.kind) {
    case 'kill':
      await supervisor.kill(fault.part, fault.down);
      return 1;
    case 'restart':
      await supervisor.restart(fault.part, fault.down);
      return 1;
    case 'reset':
      return links[fault.link].reset() || null;
    case 'cut': {
      const broken = links[fault.link].cut();
      await delay(fault.lasts);
      links[fault.link].mend();
      return broken;
    }
    case 'delay':
      links[fault.link].delay(fault.by);
      await delay(fault.lasts);
      links[fault.link].mend();
      return 1;
    case 'repeat': {
      const link = links[fault.link];
      const before = link.repeated;
      link.repeat();
      await delay(fault.lasts);
      link.mend();
      return link.repeated - before || null;
    }
    case 'provider':
      await askToFail(stack, fault);
      // How many requests met it, the provider says in the end.
      return null;
    case 'redrive':
      return await redrive(stack, fault.queue);
  }
}

async function askToFail(
  { urls }: Stack,
  { operation, how, takesEffect, times }: Extract<Fault, { kind: 'provider' }>,
): Promise<void> {
  const fault = { operation, how, times, ...(operation !== 'retrieve' && { takesEffect }) };
  const response = await fetch(`${urls.provider}/sandbox/faults`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(fault),
  }).catch(() => null);
  if (response !== null && !response.ok) {
    throw new Error(`the sandbox answered ${response.status}`);
  }
}

type Redriven = Extract<Fault, { kind: 'redrive' }>['queue'];

/**
 * As an operator does: by the command, which is run again where a server went away under it.
 *
 * @throws Error when it fails for longer than a server is away.
 */
async function redrive({ env, outputs }: Stack, queue: Redriven): Promise<number> {
  const args = ['--all', '--json', '--rate', String(REDRIVE_RATE)];
  const url = outputs[`${queue}QueueUrl`];
  const deadline = Date.now() + REDRIVE_WITHIN;
  for (;;) {
    try {
      const { stdout } = await promisify(execFile)(
        process.execPath,
        ['src/cli/main.ts', 'parked', 'redrive', '--queue', url, ...args],
        { cwd: PROJECT, env, timeout: REDRIVE_RUN },
      );
      return countRedriven(stdout);
    } catch (error) {
      const { code, stdout = '' } = error as { readonly code?: number; readonly stdout?: string };
      // Some messages had to stay: the bridge had just parked them again, or somebody looked at them.
      if (code === 1) return countRedriven(stdout);
      if (Date.now() > deadline) throw error;
    }
    await delay(REDRIVE_AGAIN_AFTER);
  }
}

function countRedriven(output: string): number {
  return output
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as { readonly redriven?: { readonly done: number } })
    .reduce((total, { redriven }) => total + (redriven?.done ?? 0), 0);
}
