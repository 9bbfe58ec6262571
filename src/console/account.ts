import type { InboxContent } from '../contracts/inbox.ts';

/** One event that was sent, as its sender noted it. */
export interface SentEvent {
  /** The event ID, `{source}:{id}`. */
  readonly id: string;
  readonly type: string;
  /** The workflow it is for; null where it names none. */
  readonly orderKey: string | null;
}

/** That a bridge says it ended an event's message without delivering it. */
export interface Acknowledgement {
  /** Because the workflow had closed; else because it repeats a start, or no route wants it. */
  readonly isLate: boolean;
  /** When, in milliseconds since the epoch. */
  readonly at: number;
}

/** Where events were found, by event ID. */
export interface EventTraces {
  /** Events that started a workflow. */
  readonly started: ReadonlySet<string>;
  /** What the workflows' inboxes hold and have dealt with. */
  readonly inboxes: readonly InboxContent[];
  /** Events that lie in a dead-letter queue. */
  readonly parked: ReadonlySet<string>;
  /** Events that a bridge says it acknowledged without delivering: duplicates of a start, late ones. */
  readonly acknowledged: ReadonlyMap<string, Acknowledgement>;
  /** When workflows closed, by workflow ID, in milliseconds since the epoch; Infinity of those that run. */
  readonly closedAt: ReadonlyMap<string, number>;
  /** How many messages the source queues still hold. */
  readonly queued: number;
}

/** Where every distinct event ended: the accounting identity. */
export interface EventAccount {
  readonly events: number;
  readonly applied: number;
  readonly duplicate: number;
  readonly refused: number;
  readonly inInbox: number;
  readonly parked: number;
  readonly queued: number;
  /** The events of which there is no trace anywhere. */
  readonly lost: readonly SentEvent[];
  /** The events of which there is more than one trace, where there may be one only. */
  readonly contradictory: readonly { readonly id: string; readonly traces: readonly string[] }[];
}

/**
 * Accounts for every distinct event that was sent:
 *
 *     events = applied + duplicate + refused + in an inbox + parked + still queued
 *
 * An event without a trace counts as queued only for as many messages as the queues still hold. That it came too late is
 * believed of no event that came while its workflow ran.
 */
export function accountForEvents(sent: readonly SentEvent[], traces: EventTraces): EventAccount {
  const byId = collectTraces(traces);
  const counts = { applied: 0, duplicate: 0, refused: 0, inInbox: 0, parked: 0 };
  const missing: SentEvent[] = [];
  const contradictory: { id: string; traces: readonly string[] }[] = [];
  const distinct = [...new Map(sent.map((event) => [event.id, event])).values()];
  for (const event of distinct) {
    const found = [...(byId.get(event.id) ?? [])];
    const [first] = found;
    if (first === undefined) {
      if (isAcknowledged(event, traces)) counts.duplicate += 1;
      else missing.push(event);
      continue;
    }
    if (found.length > 1) contradictory.push({ id: event.id, traces: found });
    counts[first] += 1;
  }
  const queued = Math.min(missing.length, traces.queued);
  return {
    events: distinct.length,
    ...counts,
    queued,
    lost: missing.slice(queued),
    contradictory,
  };
}

/** By how much the clocks of Temporal and a bridge may differ, in milliseconds. */
const SKEW = 5_000;

function isAcknowledged(
  { id, orderKey }: SentEvent,
  { acknowledged, closedAt }: EventTraces,
): boolean {
  const said = acknowledged.get(id);
  if (!said?.isLate) return said !== undefined;
  // Of a workflow that is not known any more nobody can say when it closed.
  return said.at >= (closedAt.get(orderKey ?? '') ?? 0) - SKEW;
}

type Trace = 'applied' | 'duplicate' | 'refused' | 'inInbox' | 'parked';

function collectTraces({ started, inboxes, parked }: EventTraces): Map<string, Set<Trace>> {
  const byId = new Map<string, Set<Trace>>();
  const add = (id: string, trace: Trace) => byId.set(id, (byId.get(id) ?? new Set()).add(trace));
  for (const id of started) add(id, 'applied');
  for (const { records, pending } of inboxes) {
    for (const { id, outcome } of records) add(id, outcome);
    for (const { id } of pending) add(id, 'inInbox');
  }
  for (const id of parked) add(id, 'parked');
  return byId;
}
