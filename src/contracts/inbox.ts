import { queryReference, signalReference } from './references.ts';

/** One event on its way into a workflow. */
export interface InboxEvent<Type extends string = string, Data = unknown> {
  /** The event ID, `{source}:{id}`: the same from the message to the activities' idempotency keys. */
  readonly id: string;
  readonly type: Type;
  readonly data: Data;
}

/**
 * What became of an event: `applied` changed something, `duplicate` was known already, `refused` could not
 * be applied any more, or never.
 */
export type InboxOutcome = 'applied' | 'duplicate' | 'refused';

/** One event that has been dealt with. */
export interface InboxRecord {
  readonly id: string;
  readonly type: string;
  readonly outcome: InboxOutcome;
  /** A code; present unless the event was plainly applied. */
  readonly reason?: string;
}

/** What an inbox holds: to be looked at, and carried over continue-as-new. */
export interface InboxContent<E extends InboxEvent = InboxEvent> {
  readonly pending: readonly E[];
  /** The events dealt with, oldest first, the last 1,000. */
  readonly records: readonly InboxRecord[];
  /** Fingerprints of the IDs of 20,000 events before those, joined; absent where there were none. */
  readonly older?: string;
  /** How many came again with an ID that was known: duplicates on the way, not in the records. */
  readonly repeats: number;
}

/** The one signal by which events enter a workflow that uses the inbox. */
export const inboxSignal = signalReference<[readonly InboxEvent[]]>('waybill.events');

/** What the inbox of a workflow holds. */
export const inboxQuery = queryReference<InboxContent>('waybill.inbox');
