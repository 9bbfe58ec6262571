import type { FastifyBaseLogger } from 'fastify';
import type { OrderRow } from '../contracts/orders.ts';

/** What is watched of an order. Its timeline is absent in a row that was written before there were any. */
export type WatchedRow = Pick<OrderRow, 'workflowId' | 'state'> &
  Partial<Pick<OrderRow, 'timeline'>>;

/**
 * Reads the rows of at most 100 orders, by their workflow IDs, in any order. One that is not there, or that the
 * table had no time for, is left out.
 */
export type ReadRows = (orderKeys: readonly string[]) => Promise<readonly WatchedRow[]>;

/** Is given an order's row time and again, changed or not. It must not throw. */
export type Listener = (row: WatchedRow) => void;

/** From one reading to the next, in milliseconds: doubled by each failure, up to the longest. */
const PAUSE = 1_000;
const LONGEST_PAUSE = 30_000;
/** The most that DynamoDB reads in one call. */
const AT_ONCE = 100;

/**
 * Reads the orders that somebody listens to, all together, once a second: what it costs depends on the orders, not
 * on the listeners. While nobody listens nothing is read.
 */
export class OrderWatch {
  readonly #readRows: ReadRows;
  readonly #logger: FastifyBaseLogger;
  readonly #listeners = new Map<string, Set<Listener>>();
  #pause = PAUSE;
  #timer: NodeJS.Timeout | undefined;

  constructor(readRows: ReadRows, logger: FastifyBaseLogger) {
    this.#readRows = readRows;
    this.#logger = logger;
  }

  /** Answers how to stop listening. */
  listen(orderKey: string, listener: Listener): () => void {
    const ofOrder = this.#listeners.get(orderKey) ?? new Set();
    this.#listeners.set(orderKey, ofOrder.add(listener));
    if (this.#listeners.size === 1 && ofOrder.size === 1) this.#plan();
    return () => {
      ofOrder.delete(listener);
      // There may be another set by now.
      if (ofOrder.size === 0 && this.#listeners.get(orderKey) === ofOrder) {
        this.#listeners.delete(orderKey);
      }
      if (this.#listeners.size === 0) clearTimeout(this.#timer);
    };
  }

  #plan(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#round(), this.#pause);
  }

  async #round(): Promise<void> {
    const orderKeys = [...this.#listeners.keys()];
    const parts = Array.from({ length: Math.ceil(orderKeys.length / AT_ONCE) }, (_, index) =>
      orderKeys.slice(index * AT_ONCE, (index + 1) * AT_ONCE),
    );
    const answers = await Promise.allSettled(parts.map((part) => this.#tell(part)));
    const failure = answers.find((answer) => answer.status === 'rejected');
    this.#pause = failure ? Math.min(this.#pause * 2, LONGEST_PAUSE) : PAUSE;
    if (failure) {
      this.#logger.warn(
        { err: failure.reason, nextInMs: this.#pause },
        'the orders that are listened to could not be read',
      );
    }
    if (this.#listeners.size > 0) this.#plan();
  }

  async #tell(orderKeys: readonly string[]): Promise<void> {
    for (const row of await this.#readRows(orderKeys)) {
      for (const listener of this.#listeners.get(row.workflowId) ?? []) listener(row);
    }
  }
}
