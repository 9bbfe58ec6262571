import { setTimeout as pause } from 'node:timers/promises';
import { TransactionCanceledException } from '@aws-sdk/client-dynamodb';
import type { ReserveAnswer } from '../contracts/activities.ts';
import type { BackOrder, BackOrderQueue } from './backOrderQueue.ts';
import { failedConditions, type StockTable } from './stockTable.ts';

/** What came of one walk along a SKU's queue. */
export interface Serving {
  /** Whose reservations are made, now or before: they are in the queue until they have been told. */
  readonly served: readonly string[];
  /** Who does not want anything any more. */
  readonly gone: readonly string[];
  /** Of which SKUs pieces were taken. */
  readonly taken: ReadonlySet<string>;
  /** Of which other SKUs those are short whom this one suffices for: they keep their places. */
  readonly lacking: ReadonlySet<string>;
  /** Who is next waits for pieces of this SKU. */
  readonly isShort: boolean;
  /** It ended because of `most`. */
  readonly isMore: boolean;
}

/**
 * Makes the reservations of those who wait for a SKU, in the order of its queue, up to the first that there are not
 * enough pieces for. Repeated, it finds what was made before.
 */
export async function serveQueue(
  sku: string,
  {
    stored,
    queue,
    most,
  }: { readonly stored: StockTable; readonly queue: BackOrderQueue; readonly most: number },
): Promise<Serving> {
  const served: string[] = [];
  const gone: string[] = [];
  const taken = new Set<string>();
  const lacking = new Set<string>();
  const end = (how: { readonly isShort?: true; readonly isMore?: true } = {}): Serving => ({
    served,
    gone,
    taken,
    lacking,
    isShort: false,
    isMore: false,
    ...how,
  });

  for await (const page of queue.waiting(sku)) {
    const statuses = await stored.statuses(page.map(({ orderKey }) => orderKey));
    const levels = await levelsFor(page);
    for (const order of page) {
      if (served.length === most) return end({ isMore: true });
      const status = statuses.get(order.orderKey);
      const answer: ReserveAnswer = status ? { kind: status } : await reserve(order, levels);
      if (answer.kind === 'reserved') served.push(order.orderKey);
      else if (answer.kind === 'released') gone.push(order.orderKey);
      else if (answer.skus.includes(sku)) return end({ isShort: true });
      else await waitForOthers(order, answer.skus);
    }
  }
  return end();

  /** How many pieces there are of all SKUs that these orders have: what is plainly short needs no transaction. */
  async function levelsFor(orders: readonly BackOrder[]): Promise<Map<string, number>> {
    const skus = orders.flatMap(({ pieces }) => pieces.map((each) => each.sku));
    const rows = await stored.skus([...new Set(skus)]);
    return new Map([...rows].map(([each, { available = 0 }]) => [each, available]));
  }

  async function reserve(
    { orderKey, pieces }: BackOrder,
    levels: Map<string, number>,
  ): Promise<ReserveAnswer> {
    const left = (each: string) => levels.get(each) ?? 0;
    const missing = pieces.filter(({ sku: each, quantity }) => left(each) < quantity);
    if (missing.length > 0) return { kind: 'short', skus: missing.map((each) => each.sku) };
    const answer = await soon(() => stored.reserve({ orderKey, pieces }));
    if (answer.kind === 'reserved') {
      for (const { sku: each, quantity } of pieces) {
        levels.set(each, left(each) - quantity);
        taken.add(each);
      }
    }
    return answer;
  }

  /** It may have been short of this SKU alone when it came: whoever restocks the others has to know of it too. */
  async function waitForOthers({ orderKey, pieces, skus }: BackOrder, others: readonly string[]) {
    for (const other of others) {
      lacking.add(other);
      if (skus.includes(other)) continue;
      await queue.enter(other, { orderKey, pieces, skus: [...skus, other] });
    }
  }
}

/** How often a reservation is tried again that another transaction was in the way of. */
const TRIES = 5;
const PAUSE_MS = 10;

/** Does not leave it to the next try of the activity: until then others might take the pieces. */
async function soon<Answer>(work: () => Promise<Answer>): Promise<Answer> {
  for (let tried = 1; ; tried += 1) {
    try {
      return await work();
    } catch (error) {
      const isInTheWay = error instanceof TransactionCanceledException && !failedConditions(error);
      if (!isInTheWay || tried === TRIES) throw error;
      await pause(PAUSE_MS * 2 ** tried * (0.5 + Math.random() / 2));
    }
  }
}
