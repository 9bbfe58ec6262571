import { defineSearchAttributeKey } from '@temporalio/common';
import {
  CancellationScope,
  proxyActivities,
  setCurrentDetails,
  upsertSearchAttributes,
} from '@temporalio/workflow';
import type { OrderActivities } from '../contracts/activities.ts';
import { ORDER_STATE_ATTRIBUTE, type OrderRow } from '../contracts/orders.ts';
import type { Notification } from '../domain/notification.ts';

const { announceOrder } = proxyActivities<OrderActivities>({
  startToCloseTimeout: '20s',
  retry: { initialInterval: '500ms', maximumInterval: '1m' },
});

const stateAttribute = defineSearchAttributeKey(ORDER_STATE_ATTRIBUTE, 'KEYWORD');

/**
 * Tells the outside what becomes of an order: row, notifications, search attribute, current details. One
 * announcement is under way at a time, and the order does not wait for it; what changes meanwhile goes
 * together with the next, every notification in its order.
 */
export class Announcer {
  readonly #row: () => OrderRow;
  #notifications: Notification[] = [];
  /** Whether the row is to be written though nothing is to be notified. */
  #rowIsDue = false;
  #toldRevision = 0;
  #busy = false;

  /** @param row - gives the order's row as it is when an announcement goes out. */
  constructor(row: () => OrderRow) {
    this.#row = row;
  }

  /** Whether everything has been told. */
  get idle(): boolean {
    return !this.#busy && this.#notifications.length === 0;
  }

  /** The newest revision of the row that was sent out by this run; 0 before the first. */
  get toldRevision(): number {
    return this.#toldRevision;
  }

  announce(notification: Notification): void {
    this.#notifications.push(notification);
    this.#begin();
  }

  /** Writes the row as it is, without notifying anybody. */
  writeRow(): void {
    this.#rowIsDue = true;
    this.#begin();
  }

  #begin(): void {
    // Commands are told too, and what their handlers do would be cancelled together with the workflow.
    if (!this.#busy) void CancellationScope.nonCancellable(() => this.#announceAll());
  }

  async #announceAll(): Promise<void> {
    this.#busy = true;
    // One turn of the microtasks: changes that follow at once are told together.
    await Promise.resolve();
    while (this.#notifications.length > 0 || this.#rowIsDue) {
      const row = this.#row();
      const notifications = this.#notifications;
      this.#notifications = [];
      this.#rowIsDue = false;
      this.#toldRevision = row.revision;
      setCurrentDetails(describe(row));
      if (notifications.length > 0) {
        upsertSearchAttributes([{ key: stateAttribute, value: row.state }]);
      }
      await announceOrder({ row, notifications });
    }
    this.#busy = false;
  }
}

function describe({ state, waitingFor, reason }: OrderRow): string {
  const parts = [`**${state}**`];
  if (waitingFor) parts.push(`waiting for ${waitingFor}`);
  if (reason) parts.push(`because of ${reason}`);
  return parts.join(', ');
}
