import { readFileSync } from 'node:fs';
import type { OrderNotification } from '../contracts/orders.ts';
import type { Acknowledgement, SentEvent } from './account.ts';

/** The events noted in a manifest, one JSON object a line. @throws when there is no such file. */
export function readSent(file: string): readonly SentEvent[] {
  return readLines<SentEvent>(file).filter(({ id }) => typeof id === 'string');
}

/** The notifications kept in a file, one JSON object a line. @throws when there is no such file. */
export function readNotifications(file: string): readonly OrderNotification[] {
  return readLines<OrderNotification>(file).filter(
    ({ notificationId }) => typeof notificationId === 'string',
  );
}

/** Outcomes by which a bridge ends a message that it did not deliver. */
const ACKNOWLEDGED = new Set(['duplicate', 'late', 'ignored']);

/**
 * The events that bridges' logs say were acknowledged without being delivered, by event ID, each as it was the first time.
 *
 * @throws when there is no such file.
 */
export function readAcknowledged(files: readonly string[]): ReadonlyMap<string, Acknowledgement> {
  const acknowledged = new Map<string, Acknowledgement>();
  for (const { time, msg, outcome, eventId } of files.flatMap(readLines<LogLine>)) {
    if (msg !== 'settled' || !ACKNOWLEDGED.has(outcome) || typeof eventId !== 'string') continue;
    const at = Date.parse(time);
    const known = acknowledged.get(eventId);
    if (!known || at < known.at) acknowledged.set(eventId, { isLate: outcome === 'late', at });
  }
  return acknowledged;
}

interface LogLine {
  readonly time: string;
  readonly msg: string;
  readonly outcome: string;
  readonly eventId: string | null;
}

function readLines<Line extends object>(file: string): readonly Line[] {
  return readFileSync(file, 'utf8')
    .split('\n')
    .flatMap(readLine<Line>);
}

/**
 * One line, unless it is not ours, such as Node's own warnings, or a kill cut it short. What is written next
 * then follows on the same line: the part that is whole counts.
 */
function readLine<Line extends object>(line: string): readonly Line[] {
  for (let start = line.indexOf('{"'); start !== -1; start = line.indexOf('{"', start + 1)) {
    try {
      return [JSON.parse(line.slice(start)) as Line];
    } catch {
      // Perhaps from the next brace on.
    }
  }
  return [];
}
