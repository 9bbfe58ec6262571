import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Environment } from '../src/platform/config.ts';
import { UserError } from '../src/platform/errors.ts';

export interface ProcessOptions {
  /** What messages call it. */
  readonly name: string;
  readonly file: string;
  readonly args: readonly string[];
  /** The whole environment: nothing is inherited. */
  readonly env: Environment;
  readonly cwd: string;
  /** Standard output and error are appended to it. */
  readonly logFile: string;
  /** Asked until it answers true; a rejection means "not yet". `output` is what this start has logged so far. */
  readonly ready: (output: string) => boolean | Promise<boolean>;
  /** Milliseconds. Default 30,000. */
  readonly readyWithin?: number;
}

/** A child in a process group of its own, so that Ctrl-C in the terminal reaches the parent alone. */
export interface Process {
  readonly name: string;
  readonly logFile: string;
  /** Of the present start; undefined while it is not running. */
  readonly pid: number | undefined;
  /** Starts it again as it was started, and waits until it is ready. @throws Error when it is running. */
  start(): Promise<void>;
  /**
   * Sends SIGTERM, waits `within` milliseconds (default 5,000) for its end, then sends SIGKILL to its whole
   * group. Answers whether it ended by itself with exit code 0 or by the signal. Not running: true.
   */
  stop(options?: { readonly signal?: NodeJS.Signals; readonly within?: number }): Promise<boolean>;
  /** SIGKILL to its whole group; resolves when it is gone. */
  kill(): Promise<void>;
}

/** How often readiness is asked for, in milliseconds. */
const PROBE_EVERY = 25;
const LOG_TAIL_LINES = 10;
const LOG_TAIL_BYTES = 16_384;

/** A group of its own also outlives its parent: whatever ends this process takes them along. */
const groups = new Set<ChildProcess>();
process.on('exit', () => groups.forEach(killGroup));

/**
 * Starts a child process and waits until it is ready.
 *
 * @throws UserError with its last log lines, when it ends before it is ready or is not ready in time (it is
 * killed then).
 */
export async function startProcess(options: ProcessOptions): Promise<Process> {
  const child = describeProcess(options);
  await child.start();
  return child;
}

function describeProcess(options: ProcessOptions): Process {
  const { name, logFile } = options;
  let running: ChildProcess | undefined;

  const start = async (): Promise<void> => {
    if (running) throw new Error(`${name} is running already`);
    mkdirSync(path.dirname(logFile), { recursive: true });
    const logStart = await sizeOf(logFile);
    const child = spawnInGroup(options);
    // `error` alone follows a failed spawn; `exit` alone follows the end of a process.
    let failure: string | undefined;
    child.once('error', (error) => {
      failure = error.message;
      forget(child);
    });
    child.once('exit', (code, signal) => {
      failure = code === null ? `ended by ${signal}` : `ended with exit code ${code}`;
      forget(child);
    });
    running = child;
    groups.add(child);
    try {
      await untilReady(options, logStart, () => failure);
    } catch (error) {
      await kill();
      throw error;
    }
  };

  const forget = (child: ChildProcess): void => {
    groups.delete(child);
    if (running === child) running = undefined;
  };

  const stop: Process['stop'] = async ({ signal = 'SIGTERM', within = 5_000 } = {}) => {
    const child = running;
    if (!child) return true;
    const ended = once(child, 'exit');
    child.kill(signal);
    const inTime = await Promise.race([
      ended.then(() => true),
      delay(within, false, { ref: false }),
    ]);
    killGroup(child);
    await ended;
    return inTime && (child.exitCode === 0 || child.signalCode === signal);
  };

  const kill = async (): Promise<void> => {
    const child = running;
    if (!child) return;
    const ended = once(child, 'exit');
    killGroup(child);
    await ended;
  };

  return {
    name,
    logFile,
    get pid() {
      return running?.pid;
    },
    start,
    stop,
    kill,
  };
}

/** The output goes straight to the file: a parent that is busy or gone never blocks the child. */
function spawnInGroup({ file, args, env, cwd, logFile }: ProcessOptions): ChildProcess {
  const log = openSync(logFile, 'a');
  try {
    return spawn(file, args, { cwd, env, detached: true, stdio: ['ignore', log, log] });
  } finally {
    closeSync(log);
  }
}

/** Whatever the child left behind in its group goes with it. */
function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch (error) {
    // The group is gone, or (macOS) holds only a process that has ended and is not yet reaped.
    const code = (error as NodeJS.ErrnoException).code;
    if (code !== 'ESRCH' && code !== 'EPERM') throw error;
  }
}

async function untilReady(
  { name, logFile, ready, readyWithin = 30_000 }: ProcessOptions,
  logStart: number,
  failure: () => string | undefined,
): Promise<void> {
  const deadline = Date.now() + readyWithin;
  for (;;) {
    const ended = failure();
    if (ended !== undefined) {
      throw new UserError(
        `${name} did not start: ${ended}${await logTail(logFile, logStart)}`,
        `look into ${logFile}`,
      );
    }
    try {
      const isReady = await ready(await readFrom(logFile, logStart));
      // Somebody else may have answered the probe.
      if (isReady && failure() === undefined) return;
    } catch {
      // Not yet: what it says in the end is in its log.
    }
    if (Date.now() > deadline) {
      throw new UserError(
        `${name} was not ready within ${readyWithin / 1_000} s${await logTail(logFile, logStart)}`,
        `look into ${logFile}`,
      );
    }
    await delay(PROBE_EVERY);
  }
}

/** The last lines of this start, each on a line of its own. */
async function logTail(logFile: string, logStart: number): Promise<string> {
  const from = Math.max(logStart, (await sizeOf(logFile)) - LOG_TAIL_BYTES);
  const lines = (await readFrom(logFile, from)).split('\n').filter((line) => line.trim() !== '');
  return ['', ...lines.slice(-LOG_TAIL_LINES)].join('\n  | ');
}

async function readFrom(file: string, offset: number): Promise<string> {
  const handle = await open(file);
  try {
    const length = (await handle.stat()).size - offset;
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, offset);
    return buffer.toString('utf8', 0, bytesRead);
  } finally {
    await handle.close();
  }
}

async function sizeOf(file: string): Promise<number> {
  return (await stat(file).catch(() => undefined))?.size ?? 0;
}
