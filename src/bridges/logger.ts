type Write = (fields: object, message: string) => void;

/** What the bridge logs to: pino's shape, one structured line a call. */
export interface Logger {
  readonly debug: Write;
  readonly info: Write;
  readonly warn: Write;
  readonly error: Write;
}
