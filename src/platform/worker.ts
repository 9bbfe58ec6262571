import { DefaultLogger, NativeConnection, Runtime, type LogLevel } from '@temporalio/worker';
import type { Logger } from './logger.ts';
import { orExplain, readTemporalConfig } from './temporal.ts';

// Apart from temporal.ts, so that no process but the worker's loads the native core.

/** The worker's connection and the namespace it works in. */
export interface WorkerConnection {
  readonly connection: NativeConnection;
  readonly namespace: string;
}

/** Connects a worker as the TEMPORAL_* variables say. @throws UserError when nobody answers. */
export async function connectWorker(): Promise<WorkerConnection> {
  const { connectionOptions, namespace = 'default' } = readTemporalConfig();
  const connection = await orExplain(connectionOptions.address, () =>
    NativeConnection.connect(connectionOptions),
  );
  return { connection, namespace };
}

const LEVELS = {
  TRACE: 'trace',
  DEBUG: 'debug',
  INFO: 'info',
  WARN: 'warn',
  ERROR: 'error',
} as const satisfies Record<LogLevel, string>;

/**
 * Sends the lines of Temporal's worker, and those that workflows and activities log, to our log, and leaves it to
 * the process to say when its workers stop. Once a process.
 */
export function installRuntime(logger: Logger): void {
  Runtime.install({
    shutdownSignals: [],
    logger: new DefaultLogger('TRACE', ({ level, message, meta }) =>
      logger[LEVELS[level]](meta ?? {}, message),
    ),
  });
}
