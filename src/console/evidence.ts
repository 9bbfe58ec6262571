import { existsSync, readFileSync } from 'node:fs';
import type { OrderNotification } from '../contracts/orders.ts';
import type { SentEvent } from './account.ts';

/** The events noted in a manifest, one JSON object a line; none where there is no file. */
export function readSent(file: string): readonly SentEvent[] {
  return readLines(file).map((line) => JSON.parse(line) as SentEvent);
}

/** The notifications kept in a file, one JSON object a line; none where there is no file. */
export function readNotifications(file: string): readonly OrderNotification[] {
  return readLines(file).map((line) => JSON.parse(line) as OrderNotification);
}

/** Outcomes by which a bridge ends a message that it did not deliver. */
const ACKNOWLEDGED = new Set(['duplicate', 'late', 'ignored']);

/** The events that bridges' logs say were acknowledged without being delivered. */
export function readAcknowledged(files: readonly string[]): ReadonlySet<string> {
  const ids = new Set<string>();
  for (const line of files.flatMap(readLines)) {
    // A log also holds what is not ours: Node's own warnings, a line that a kill cut short.
    if (!line.startsWith('{') || !line.includes('"settled"')) continue;
    const { msg, outcome, eventId } = JSON.parse(line) as Record<string, unknown>;
    if (msg === 'settled' && ACKNOWLEDGED.has(String(outcome))) ids.add(String(eventId));
  }
  return ids;
}

function readLines(file: string): readonly string[] {
  if (!existsSync(file)) return [];
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '');
}
