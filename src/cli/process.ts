import type { Logger } from '../platform/logger.ts';
import type { Telemetry } from '../platform/otlp.ts';

/**
 * Stops in order when the process is told to.
 *
 * @returns a signal that the first SIGTERM or SIGINT aborts. The second ends the process at once: nothing that
 * has to last is only in memory.
 */
export function stopSignal(logger: Logger): AbortSignal {
  const controller = new AbortController();
  const stop = (signal: NodeJS.Signals) => {
    if (controller.signal.aborted) process.exit(1);
    logger.info({ signal }, 'stopping');
    controller.abort();
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  return controller.signal;
}

/** Resolves when the signal is aborted. */
export function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) =>
    signal.addEventListener('abort', () => resolve(), { once: true }),
  );
}

/** Ends the process after this time, whatever it is still at: who is not answered by then may ask again. */
export function exitWithin(seconds: number): void {
  setTimeout(() => process.exit(), seconds * 1_000).unref();
}

/** Sends what is left of the telemetry; a collector that is away does not keep the process. */
export async function endTelemetry(telemetry: Telemetry): Promise<void> {
  await telemetry.stop();
  exitWithin(0);
}
