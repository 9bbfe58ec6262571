import { defineSearchAttributeKey } from '@temporalio/common';
import { proxyActivities, setCurrentDetails, upsertSearchAttributes } from '@temporalio/workflow';
import type { OrderActivities } from '../contracts/activities.ts';
import { ORDER_STATE_ATTRIBUTE, type OrderRow } from '../contracts/orders.ts';
import type { Notification } from '../domain/notification.ts';
import { describeStanding, Teller } from './teller.ts';
import { own } from './tries.ts';

const { announceOrder } = proxyActivities<OrderActivities>(own);

const stateAttribute = defineSearchAttributeKey(ORDER_STATE_ATTRIBUTE, 'KEYWORD');

/**
 * Tells the outside what becomes of an order: row, notifications (each in its order), search attribute, current
 * details.
 */
export class Announcer {
  readonly #row: () => OrderRow;
  readonly #teller: Teller;
  #notifications: Notification[] = [];
  /** Whether the row is to be written though nothing is to be notified. */
  #rowIsDue = false;
  #toldRevision = 0;

  /** @param row - gives the order's row as it is when an announcement goes out. */
  constructor(row: () => OrderRow) {
    this.#row = row;
    this.#teller = new Teller({
      isDue: () => this.#notifications.length > 0 || this.#rowIsDue,
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
    this.#teller.begin();
  }

  /** Writes the row as it is, without notifying anybody. */
  writeRow(): void {
    this.#rowIsDue = true;
    this.#teller.begin();
  }

  #tell(): Promise<void> {
    const row = this.#row();
    const notifications = this.#notifications;
    this.#notifications = [];
    this.#rowIsDue = false;
    this.#toldRevision = row.revision;
    setCurrentDetails(describeStanding(row));
    if (notifications.length > 0) {
      upsertSearchAttributes([{ key: stateAttribute, value: row.state }]);
    }
    return announceOrder({ row, notifications });
  }
}
