import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { UserError } from '../src/platform/errors.ts';
import { type Process, startProcess } from './process.ts';
import type { Command } from './tools.ts';

export interface EmulatorOptions {
  readonly command: Command;
  readonly port: number;
  /** What it holds is written here at a clean stop (SIGTERM) only; without it nothing is kept. */
  readonly stateDir?: string;
  readonly logFile: string;
}

/** Starts the AWS emulator (MiniStack) on 127.0.0.1 and waits until it answers. */
export async function startEmulator(options: EmulatorOptions): Promise<Process> {
  const { command, port, stateDir, logFile } = options;
  if (stateDir !== undefined) mkdirSync(stateDir, { recursive: true });
  return startProcess({
    name: 'emulator',
    file: command.file,
    args: command.args,
    env: {
      ...command.env,
      // It listens on every interface unless told otherwise.
      BIND_HOST: '127.0.0.1',
      GATEWAY_PORT: String(port),
      LOG_LEVEL: 'WARNING',
      SFTP_ENABLED: '0',
      IOT_MTLS_ENABLED: '0',
      ...(stateDir === undefined
        ? { PERSIST_STATE: '0' }
        : { PERSIST_STATE: '1', STATE_DIR: stateDir }),
    },
    cwd: path.dirname(logFile),
    logFile,
    ready: () => answers(`http://127.0.0.1:${port}/_ministack/health`),
  });
}

/**
 * Waits up to `within` milliseconds for an emulator that somebody else runs.
 *
 * @throws UserError when nobody answers.
 */
export async function awaitEmulator(endpoint: string, within = 5_000): Promise<void> {
  const deadline = Date.now() + within;
  for (;;) {
    try {
      // Any answer at all will do: it need not be MiniStack.
      await fetch(endpoint, { signal: AbortSignal.timeout(1_000) });
      return;
    } catch (error) {
      if (Date.now() > deadline) {
        throw new UserError(
          `AWS cannot be reached at ${endpoint}: ${reasonOf(error)}`,
          'start the emulator, or unset AWS_ENDPOINT_URL to have one started',
          { cause: error },
        );
      }
    }
    await delay(100);
  }
}

async function answers(url: string): Promise<boolean> {
  return (await fetch(url, { signal: AbortSignal.timeout(1_000) })).ok;
}

/** `fetch` says no more than that it failed; the system's code is in the cause. */
function reasonOf(error: unknown): string {
  const { message, cause } = error as Error & { cause?: { code?: string } };
  return cause?.code ?? message;
}
