import {
  DefaultLogger,
  NativeConnection,
  Runtime,
  type LogLevel,
  type MetricsExporterConfig,
} from '@temporalio/worker';
import type { Logger } from './logger.ts';
import type { CoreMetrics } from './otlp.ts';
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
 *
 * @param metrics - where Temporal's own metrics go. Default: nowhere. Those since the last export are lost at the end.
 */
export function installRuntime(logger: Logger, metrics?: CoreMetrics | null): void {
  Runtime.install({
    ...(metrics && { telemetryOptions: { metrics: exporterOf(metrics) } }),
    shutdownSignals: [],
    logger: new DefaultLogger('TRACE', ({ level, message, meta }) =>
      logger[LEVELS[level]](meta ?? {}, message),
    ),
  });
}

function exporterOf({
  url,
  headers,
  intervalMs,
  temporality,
  resource,
}: CoreMetrics): MetricsExporterConfig {
  return {
    // For OTLP they become the resource, which names the service already.
    globalTags: { ...resource },
    attachServiceName: false,
    otel: {
      url,
      http: true,
      headers: { ...headers },
      metricsExportInterval: intervalMs,
      temporality,
      useSecondsForDurations: true,
    },
  };
}
