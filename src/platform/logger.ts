import { pino, stdTimeFunctions, type DestinationStream, type Logger } from 'pino';

export type { Logger } from 'pino';

export interface LoggerOptions {
  /** Which process writes: `worker`, `bridge`, `api`, ... It is in every line. */
  readonly process: string;
  /** The least level that is written. */
  readonly level: string;
  /** Where the lines go. Default: standard output, synchronously. */
  readonly destination?: DestinationStream;
}

/**
 * One JSON object a line. The lines are evidence: each is handed to the system before the call returns, so that
 * a kill loses none of what was said to have happened.
 */
export function createLogger({ process: name, level, destination }: LoggerOptions): Logger {
  return pino(
    {
      level,
      base: { process: name, pid: process.pid },
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    destination ?? pino.destination({ dest: 1, sync: true }),
  );
}
