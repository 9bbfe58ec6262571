type Write = (fields: object, message: string) => void;

/** What the bridge logs to: pino's shape, one structured line a call. */
export interface Logger {
  readonly debug: Write;
  readonly info: Write;
  readonly warn: Write;
  readonly error: Write;
}

/** One JSON object a line to standard output, from level info. */
export const consoleLogger: Logger = {
  debug: () => undefined,
  info: (fields, message) => write('info', fields, message),
  warn: (fields, message) => write('warn', fields, message),
  error: (fields, message) => write('error', fields, message),
};

function write(level: string, fields: object, message: string): void {
  const line = { level, time: new Date().toISOString(), ...fields, msg: message };
  console.log(
    JSON.stringify(line, (_key, value: unknown) =>
      value instanceof Error ? String(value.stack) : value,
    ),
  );
}
