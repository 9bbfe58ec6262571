import {
  CancellationScope,
  ContinueAsNew,
  isCancellation,
  setDefaultSignalHandler,
  setHandler,
  uuid4,
} from '@temporalio/workflow';
import {
  inboxQuery,
  inboxSignal,
  type InboxContent,
  type InboxEvent,
  type InboxOutcome,
  type InboxRecord,
} from '../contracts/inbox.ts';
import { fingerprint, joinedFingerprints, splitFingerprints } from '../contracts/fingerprint.ts';

export { inboxQuery, inboxSignal };
export type { InboxContent, InboxEvent, InboxOutcome, InboxRecord };

/** How many of the events dealt with an inbox remembers, with what became of them. */
const REMEMBERED = 1_000;
/**
 * Of how many more it recognises the ID when they come again. What a killed bridge had delivered comes again after its
 * visibility timeout; 20,000 are 30 seconds and more of what one workflow can take, and 280 KB at continue-as-new.
 */
const RECOGNISED = 20_000;

/** What became of one event; a `reason` is a code, present unless the event was plainly applied. */
export interface Settled {
  readonly outcome: InboxOutcome;
  readonly reason?: string;
}

/**
 * The way of events into a workflow. A signal handler that throws breaks its workflow long after the message
 * was deleted, so the handlers here only append, and never throw; the workflow takes one event at a time when
 * it is ready for it, and each ends as `applied`, `duplicate` or `refused`.
 *
 * Make one at the start of the workflow function, before the first await: it sets the handlers of the signal
 * `waybill.events`, of unknown signals (recorded as refused) and of the query `waybill.inbox`.
 */
export class Inbox {
  /** By event ID, in the order in which they came. */
  readonly #pending: Map<string, InboxEvent>;
  /** By event ID, in the order in which they were dealt with. */
  readonly #records: Map<string, InboxRecord>;
  /** Fingerprints of the IDs of events whose records are forgotten, oldest first. */
  readonly #older: Set<string>;
  #repeats: number;
  /** The event that an asynchronous `apply` is busy with. */
  #current: InboxEvent | undefined;

  /** @param carried - what the run before this one held, where the workflow continued as new. */
  constructor(carried?: InboxContent) {
    this.#pending = new Map(carried?.pending.map((event) => [event.id, event]));
    this.#records = new Map(carried?.records.map((record) => [record.id, record]));
    this.#older = new Set(splitFingerprints(carried?.older));
    this.#repeats = carried?.repeats ?? 0;
    setHandler(inboxSignal, (events) => this.#receive(events));
    setDefaultSignalHandler((name) => this.#recordUnreadable(name, 'unknown-signal'));
    setHandler(inboxQuery, () => this.content());
  }

  /** What the inbox holds now: for continue-as-new, and for those who look. */
  content(): InboxContent {
    return {
      pending: [...this.#pending.values()],
      records: [...this.#records.values()],
      ...(this.#older.size > 0 && { older: joinedFingerprints(this.#older) }),
      repeats: this.#repeats,
    };
  }

  /** Whether an event waits that `due` lets through. Default: any. */
  has(due: Due = all): boolean {
    return this.#find(due) !== undefined;
  }

  /**
   * Deals with the oldest event that `due` lets through; the others keep waiting. An `apply` that throws has
   * its event refused as `handler-failed`, and the workflow goes on.
   *
   * @returns false when no event is due.
   */
  settleNext(due: Due, apply: (event: InboxEvent) => Settled): boolean {
    const event = this.#find(due);
    if (!event) return false;
    this.#pending.delete(event.id);
    let settled: Settled;
    try {
      settled = apply(event);
    } catch (error) {
      settled = failed(error);
    }
    this.#record({ id: event.id, type: event.type, ...settled });
    return true;
  }

  /**
   * The same for an `apply` that takes its time (activities, timers), one at a time. Until it has ended the event
   * counts as waiting. A cancellation of the workflow goes through, and the event stays as it was; continue as new
   * outside of it.
   */
  async settleNextAsync(
    due: Due,
    apply: (event: InboxEvent) => Promise<Settled>,
  ): Promise<boolean> {
    const event = this.#find(due);
    if (!event) return false;
    this.#current = event;
    let settled: Settled;
    try {
      settled = await apply(event);
    } catch (error) {
      // A time limit of the handler's own is a cancellation too, and no reason to end the workflow.
      const isCancelled = isCancellation(error) && CancellationScope.current().consideredCancelled;
      if (isCancelled || error instanceof ContinueAsNew) throw error;
      settled = failed(error);
    } finally {
      this.#current = undefined;
    }
    this.#pending.delete(event.id);
    this.#record({ id: event.id, type: event.type, ...settled });
    return true;
  }

  #find(due: Due): InboxEvent | undefined {
    for (const event of this.#pending.values()) {
      if (event !== this.#current && due(event)) return event;
    }
    return undefined;
  }

  #receive(events: unknown): void {
    for (const event of Array.isArray(events) ? events : [events]) {
      if (!isInboxEvent(event)) this.#recordUnreadable(inboxSignal.name, 'unreadable');
      else if (this.#knows(event.id)) this.#repeats += 1;
      else this.#pending.set(event.id, event);
    }
  }

  #knows(id: string): boolean {
    if (this.#records.has(id) || this.#pending.has(id)) return true;
    return this.#older.size > 0 && this.#older.has(fingerprint(id));
  }

  #recordUnreadable(type: string, reason: string): void {
    this.#record({ id: `${type}#${uuid4()}`, type, outcome: 'refused', reason });
  }

  #record(record: InboxRecord): void {
    this.#records.set(record.id, record);
    if (this.#records.size <= REMEMBERED) return;
    const [forgotten = ''] = this.#records.keys();
    this.#records.delete(forgotten);
    this.#older.add(fingerprint(forgotten));
    if (this.#older.size <= RECOGNISED) return;
    const [oldest = ''] = this.#older;
    this.#older.delete(oldest);
  }
}

type Due = (event: InboxEvent) => boolean;

function all(): boolean {
  return true;
}

function failed(error: unknown): Settled {
  // Anything can be thrown, and not everything has a text.
  const what = error instanceof Error ? String(error) : typeof error;
  return { outcome: 'refused', reason: `handler-failed: ${what}` };
}

function isInboxEvent(value: unknown): value is InboxEvent {
  if (typeof value !== 'object' || value === null) return false;
  const { id, type } = value as Partial<InboxEvent>;
  return typeof id === 'string' && typeof type === 'string';
}
