import { continueAsNew, setCurrentDetails, setHandler, workflowInfo } from '@temporalio/workflow';
import type { EventData } from '../contracts/events.ts';
import type { InboxEvent } from '../contracts/inbox.ts';
import {
  restockQuery,
  type RestockEvent,
  type RestockInput,
  type RestockStanding,
} from '../contracts/restock.ts';
import { Inbox, type Settled } from './inbox.ts';
import { settleUntil } from './settleUntil.ts';
import { describeStanding } from './teller.ts';

/** Pieces that came, and are not on sale yet. */
export interface Receipt {
  /** The event that told of them. */
  readonly id: string;
  readonly supplierOrderId: string;
  readonly quantity: number;
}

/**
 * Where a SKU's restocking stands, and the only place where that changes.
 *
 * Make one before the first await of the workflow: it sets the handlers.
 */
export class RestockProgress {
  readonly #input: RestockInput;
  readonly #inbox: Inbox;
  #standing: RestockStanding;
  #receipts: readonly Receipt[] = [];
  /** Whether something has happened that stock and queue are to be looked at for. */
  #hasNews: boolean;
  /** Whether the supplier has refused what is to be ordered next. */
  #isRefused: boolean;

  constructor(input: RestockInput) {
    const { sku, carried } = input;
    this.#input = input;
    this.#inbox = new Inbox(carried?.inbox);
    this.#standing = carried?.standing ?? {
      sku,
      state: 'idle',
      orders: 0,
      unexpected: 0,
      expected: null,
    };
    this.#hasNews = carried?.hasNews ?? false;
    this.#isRefused = carried?.standing.state === 'ordering';
    setHandler(restockQuery, () => this.#standing);
    this.become(this.#standing.state);
  }

  /** Whether the supplier owes pieces. */
  get isExpecting(): boolean {
    return this.#standing.expected !== null;
  }

  /** Pieces that came and are not on sale yet, in the order in which they came. */
  get receipts(): readonly Receipt[] {
    return this.#receipts;
  }

  become(state: RestockStanding['state']): void {
    this.#standing = { ...this.#standing, state };
    setCurrentDetails(
      describeStanding({
        state,
        waitingFor: this.isExpecting ? 'supplier' : null,
        reason: this.#isRefused ? 'supplier-refused' : null,
      }),
    );
  }

  /**
   * Waits until something has happened that stock and queue are to be looked at for, and goes on in a new run where
   * this one's history has grown: nothing is under way then but what the standing says.
   */
  async untilNews(): Promise<void> {
    while (!this.#hasNews) {
      this.#rest();
      // Before what came is taken out of the inbox: a steady stream would keep this run for ever.
      if (workflowInfo().continueAsNewSuggested) await this.#continueAsNew();
      const inTime = await settleUntil(this.#inbox, {
        due: () => true,
        apply: (event) => this.#apply(event),
        done: () => this.#hasNews || workflowInfo().continueAsNewSuggested,
        until: this.#until(),
        onDecided: () => undefined,
      });
      // Who has refused is asked once more; who is late is waited for all the same.
      if (!inTime && !this.isExpecting) return;
    }
    this.#hasNews = false;
  }

  /**
   * Waits for news until `done`. None is taken in any more once this run's history has grown: it cannot go on in a new
   * one while something is under way.
   *
   * @returns whether there is some.
   */
  async newsBefore(done: () => boolean): Promise<boolean> {
    const isOver = () => done() || workflowInfo().continueAsNewSuggested;
    await settleUntil(this.#inbox, {
      due: () => !isOver(),
      apply: (event) => this.#apply(event),
      done: () => this.#hasNews || isOver(),
      until: undefined,
      onDecided: () => undefined,
    });
    if (isOver()) return false;
    this.#hasNews = false;
    return true;
  }

  /** Goes on in a new run where this one's history has grown, though those who wait have not all been served. */
  async goOnIfOutgrown(): Promise<void> {
    if (!workflowInfo().continueAsNewSuggested) return;
    this.#hasNews = true;
    await this.#continueAsNew();
  }

  /** Numbers an order that is about to be sent to the supplier. @returns what it is known by, for ever. */
  nextReference(): string {
    this.#isRefused = false;
    const { orders } = this.#standing;
    this.#standing = { ...this.#standing, orders: orders + 1 };
    const { workflowId, firstExecutionRunId } = workflowInfo();
    return `${workflowId}:${firstExecutionRunId}:${orders + 1}`;
  }

  /** The supplier has taken an order. */
  expect(supplierOrderId: string, quantity: number): void {
    const until = Date.now() + this.#limit();
    this.#standing = {
      ...this.#standing,
      expected: { supplierOrderId, quantity, received: 0, until },
    };
  }

  /** The supplier will not take it: it is asked again with the next news, and after the supplier's time at the latest. */
  refused(): void {
    this.#isRefused = true;
  }

  /** The pieces of a receipt are on sale. The order is done with once all have come. */
  putAway({ id, supplierOrderId, quantity }: Receipt): void {
    this.#receipts = this.#receipts.filter((receipt) => receipt.id !== id);
    const { expected, unexpected } = this.#standing;
    if (expected?.supplierOrderId !== supplierOrderId) {
      this.#standing = { ...this.#standing, unexpected: unexpected + quantity };
      return;
    }
    const received = expected.received + quantity;
    const isDone = received >= expected.quantity;
    this.#standing = { ...this.#standing, expected: isDone ? null : { ...expected, received } };
  }

  #apply(event: InboxEvent): Settled {
    const known = event as RestockEvent;
    switch (known.type) {
      case 'StockLow':
        break;
      case 'StockReceived': {
        const { supplierOrderId, quantity }: EventData<'StockReceived'> = known.data;
        this.#receipts = [...this.#receipts, { id: event.id, supplierOrderId, quantity }];
        break;
      }
      default:
        return { outcome: 'refused', reason: 'unknown-type' };
    }
    this.#hasNews = true;
    return { outcome: 'applied' };
  }

  /** Nothing is under way: what is waited for? */
  #rest(): void {
    const { expected } = this.#standing;
    if (expected) this.become(Date.now() < expected.until ? 'awaiting-supplier' : 'overdue');
    else this.become(this.#isRefused ? 'ordering' : 'idle');
  }

  /** When the waiting ends without news, in milliseconds of the workflow's clock. */
  #until(): number | undefined {
    const { state, expected } = this.#standing;
    if (state === 'awaiting-supplier') return expected?.until;
    return state === 'ordering' ? Date.now() + this.#limit() : undefined;
  }

  async #continueAsNew(): Promise<never> {
    return await continueAsNew<(input: RestockInput) => Promise<void>>({
      ...this.#input,
      carried: {
        standing: this.#standing,
        inbox: this.#inbox.content(),
        ...(this.#hasNews && { hasNews: true as const }),
      },
    });
  }

  #limit(): number {
    return this.#input.policy.supplierWithinSeconds * 1_000;
  }
}
