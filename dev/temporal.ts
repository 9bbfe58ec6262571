import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Connection } from '@temporalio/client';
import { ensureKeyword } from '../src/console/searchAttribute.ts';
import { SEARCH_ATTRIBUTES } from '../src/contracts/searchAttributes.ts';
import { UserError } from '../src/platform/errors.ts';
import { type Process, startProcess } from './process.ts';
import type { Command } from './tools.ts';

/** The dev server makes this namespace itself; the local stack uses no other. */
export const NAMESPACE = 'default';

export interface TemporalOptions {
  readonly command: Command;
  readonly port: number;
  /** Without it there is no Web UI. */
  readonly uiPort?: number;
  /** Where a restart finds what was there; without it everything is kept in memory. */
  readonly databaseFile?: string;
  readonly logFile: string;
}

/** Starts Temporal's dev server on 127.0.0.1 and waits until it takes workflows. */
export async function startTemporal(options: TemporalOptions): Promise<Process> {
  const { command, port, uiPort, databaseFile, logFile } = options;
  if (databaseFile !== undefined) mkdirSync(path.dirname(databaseFile), { recursive: true });
  const address = `127.0.0.1:${port}`;
  return startProcess({
    name: 'temporal',
    file: command.file,
    args: [
      ...command.args,
      'server',
      'start-dev',
      '--ip=127.0.0.1',
      `--port=${port}`,
      uiPort === undefined ? '--headless' : `--ui-port=${uiPort}`,
      ...(databaseFile === undefined ? [] : [`--db-filename=${databaseFile}`]),
      // Tests and demos move a workflow's clock instead of waiting.
      '--dynamic-config-value=frontend.WorkflowTimeSkippingEnabled=true',
      // Sellers take turns by their orders' fairness keys.
      '--dynamic-config-value=matching.enableFairness=true',
      '--log-level=warn',
    ],
    env: command.env,
    cwd: path.dirname(logFile),
    logFile,
    ready: () => prepareTemporal(address).then(() => true),
  });
}

/**
 * Waits up to `within` milliseconds for a service that somebody else runs, and prepares it.
 *
 * @throws UserError when nobody answers.
 */
export async function awaitTemporal(address: string, within = 5_000): Promise<void> {
  const deadline = Date.now() + within;
  for (;;) {
    try {
      return await prepareTemporal(address);
    } catch (error) {
      if (Date.now() > deadline) {
        throw new UserError(
          `Temporal cannot be reached at ${address}: ${(error as Error).message}`,
          'start it, or unset TEMPORAL_ADDRESS to have one started',
          { cause: error },
        );
      }
    }
    await delay(100);
  }
}

/** Registers the search attributes that the workflows set, where they are missing. Throws while nobody answers. */
async function prepareTemporal(address: string): Promise<void> {
  const connection = await Connection.connect({ address, connectTimeout: 1_000, interceptors: [] });
  try {
    await connection.withDeadline(Date.now() + 2_000, async () => {
      for (const name of SEARCH_ATTRIBUTES) await ensureKeyword(connection, NAMESPACE, name);
    });
  } finally {
    await connection.close();
  }
}
