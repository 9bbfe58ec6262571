import { CancellationScope, proxyActivities, setCurrentDetails } from '@temporalio/workflow';
import type { ReturnActivities } from '../contracts/activities.ts';
import type { ReturnRow } from '../contracts/returns.ts';
import { own } from './tries.ts';

const { announceReturn } = proxyActivities<ReturnActivities>(own);

/**
 * Tells the outside what becomes of a return: row and current details. One announcement is under way at a time, and
 * the return does not wait for it; what changes meanwhile goes together with the next.
 */
export class ReturnAnnouncer {
  readonly #row: () => ReturnRow;
  #due = false;
  #busy = false;

  /** @param row - gives the return's row as it is when an announcement goes out. */
  constructor(row: () => ReturnRow) {
    this.#row = row;
  }

  /** Whether everything has been told. */
  get idle(): boolean {
    return !this.#busy && !this.#due;
  }

  announce(): void {
    this.#due = true;
    // Commands announce too, and what their handlers do would be cancelled together with the workflow.
    if (!this.#busy) void CancellationScope.nonCancellable(() => this.#announceAll());
  }

  async #announceAll(): Promise<void> {
    this.#busy = true;
    // One turn of the microtasks: changes that follow at once are told together.
    await Promise.resolve();
    while (this.#due) {
      this.#due = false;
      const row = this.#row();
      setCurrentDetails(describe(row));
      await announceReturn(row);
    }
    this.#busy = false;
  }
}

function describe({ state, waitingFor, reason }: ReturnRow): string {
  const parts = [`**${state}**`];
  if (waitingFor) parts.push(`waiting for ${waitingFor}`);
  if (reason) parts.push(`because of ${reason}`);
  return parts.join(', ');
}
