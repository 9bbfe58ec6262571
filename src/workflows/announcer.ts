import { defineSearchAttributeKey } from '@temporalio/common';
import { proxyActivities, setCurrentDetails, upsertSearchAttributes } from '@temporalio/workflow';
import type { Announcement, OrderActivities } from '../contracts/activities.ts';
import { ORDER_STATE_ATTRIBUTE, type OrderRow } from '../contracts/orders.ts';
import type { Notification } from '../domain/notification.ts';
import { describeStanding, Teller } from './teller.ts';
import { own } from './tries.ts';

const { announceOrder } = proxyActivities<OrderActivities>(own);

const stateAttribute = defineSearchAttributeKey(ORDER_STATE_ATTRIBUTE, 'KEYWORD');

export interface AnnouncerOptions {
  /** Gives the order's row as it is when an announcement goes out. */
  readonly row: () => OrderRow;
  /** Whether what is announced waits for the next step to take it along, or for the order to wait. */
  readonly waitsForSteps: boolean;
}

/**
 * Tells the outside what becomes of an order: row, notifications (each in its order), search attribute, current
 * details. What a step takes along costs no activity of its own; the search attribute, which costs an action, follows
 * once the order waits, as by then it is where it stays for a while.
 *
 * What no step follows is told by an activity proper. A local one would spare a workflow task, but replay may bring its
 * answer in another order than that of a step that was cancelled, and a run that ends on it misses signals that the
 * service has put before its end.
 */
export class Announcer {
  readonly #row: () => OrderRow;
  readonly #waitsForSteps: boolean;
  readonly #teller: Teller;
  #notifications: Notification[] = [];
  /** Whether the row is to be written though nothing is to be notified. */
  #rowIsDue = false;
  #toldRevision = 0;

  constructor({ row, waitsForSteps }: AnnouncerOptions) {
    this.#row = row;
    this.#waitsForSteps = waitsForSteps;
    this.#teller = new Teller({
      isDue: () => this.#isDue,
      tell: () => this.#tell(),
    });
  }

  /** Whether everything has been told. */
  get idle(): boolean {
    return this.#teller.idle;
  }

  /** The newest revision of the row that was sent out by this run; 0 before the first. */
  get toldRevision(): number {
    return this.#toldRevision;
  }

  announce(notification: Notification): void {
    this.#notifications.push(notification);
    if (!this.#waitsForSteps) this.#teller.begin();
  }

  /** Writes the row as it is, without notifying anybody. */
  writeRow(): void {
    this.#rowIsDue = true;
    this.#teller.begin();
  }

  /** Tells now what still waits for a step, as none comes. */
  flush(): void {
    if (this.#isDue) this.#teller.begin();
  }

  /** What is due, for a step to take along; null: nothing. */
  take(): Announcement | null {
    return this.#isDue ? this.#due() : null;
  }

  /** What a step took along could not be told. */
  putBack({ notifications }: Announcement): void {
    this.#notifications = [...notifications, ...this.#notifications];
    this.#rowIsDue = true;
  }

  get #isDue(): boolean {
    return this.#notifications.length > 0 || this.#rowIsDue;
  }

  #due(): Announcement {
    const row = this.#row();
    const notifications = this.#notifications;
    this.#notifications = [];
    this.#rowIsDue = false;
    this.#toldRevision = row.revision;
    setCurrentDetails(describeStanding(row));
    return { row, notifications };
  }

  #tell(): Promise<void> {
    const due = this.#due();
    if (due.notifications.length > 0) {
      upsertSearchAttributes([{ key: stateAttribute, value: due.row.state }]);
    }
    return announceOrder(due);
  }
}
