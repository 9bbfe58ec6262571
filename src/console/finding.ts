/** What a check found, and what to change where it is not well. */
export interface Finding {
  readonly level: 'ok' | 'warning' | 'failure';
  /** What was looked at: `queue orders`, `namespace default`. */
  readonly subject: string;
  readonly found: string;
  /** Null where nothing has to be. */
  readonly change: string | null;
}

export function ok(subject: string, found: string): Finding {
  return { level: 'ok', subject, found, change: null };
}

export function warning(subject: string, found: string, change: string): Finding {
  return { level: 'warning', subject, found, change };
}

export function failure(subject: string, found: string, change: string): Finding {
  return { level: 'failure', subject, found, change };
}

/** `4 days`; what is less than a day, in seconds. */
export function days(seconds: number): string {
  if (seconds < 86_400) return `${seconds} s`;
  const count = Number((seconds / 86_400).toFixed(1));
  return `${count} ${count === 1 ? 'day' : 'days'}`;
}
