import {
  decideCancellation,
  piecesBySku,
  refusalToCancel,
  type Cancellation,
  type CancelledLine,
  type Decision,
  type Order,
  type OrderLine,
} from './order.ts';

/** Whether neither stock nor money of the order has been touched. */
export function isUntouched({ state }: Order): boolean {
  return state === 'received' || state === 'screening' || state === 'on-review';
}

/**
 * Whether some lines of an order can be given up while the others go on: until the first parcel has left, as it
 * may hold any of them. All that are left are the whole order.
 *
 * @param lines - the order's, as they were placed.
 * @param numbers - of the lines to cancel, from 1; at least one.
 */
export function decideLinesCancellation(
  order: Order,
  lines: readonly OrderLine[],
  numbers: readonly number[],
  cancellation: Cancellation,
): Decision {
  if (order.cancellation) return { outcome: 'duplicate', reason: 'already-cancelled' };
  if (numbers.some((number) => lines[number - 1] === undefined)) {
    return { outcome: 'refused', reason: 'unknown-line' };
  }
  const before = new Set(order.cancelledLines.map(({ line }) => line));
  const added = [...new Set(numbers)].filter((number) => !before.has(number));
  if (added.length === 0) return { outcome: 'duplicate', reason: 'already-cancelled' };
  const refusal = refusalToCancel(order);
  if (refusal) return { outcome: 'refused', reason: refusal };
  if (before.size + added.length === lines.length) return decideCancellation(order, cancellation);

  const { reason, requestedBy } = cancellation;
  const step = (order.cancelledLines.at(-1)?.step ?? 0) + 1;
  const settled = isUntouched(order);
  const cancelledLines = [
    ...order.cancelledLines,
    ...added.map((line) => ({ line, step, settled, reason, requestedBy })),
  ];
  if (order.total.amount > 0 && amountOf(linesLeft(lines, cancelledLines)) === 0) {
    return { outcome: 'refused', reason: 'only-free-lines-left' };
  }
  return { outcome: 'applied', order: { ...order, cancelledLines } };
}

/** The lines that go on, after the cancellations up to this step; by default after all of them. */
export function linesLeft(
  lines: readonly OrderLine[],
  cancelledLines: readonly CancelledLine[],
  step = Infinity,
): readonly OrderLine[] {
  const gone = new Set(cancelledLines.flatMap((each) => (each.step <= step ? [each.line] : [])));
  return lines.filter((_, index) => !gone.has(index + 1));
}

/** What lines cost, in minor units. */
export function amountOf(lines: readonly OrderLine[]): number {
  return lines.reduce((sum, { amount }) => sum + amount, 0);
}

/** One cancellation of lines that is to be given back. */
export interface Settlement {
  readonly step: number;
  /** By SKU. */
  readonly released: ReturnType<typeof piecesBySku>;
  /** By SKU: what stays reserved. */
  readonly left: ReturnType<typeof piecesBySku>;
  /** What was captured beyond what is left, in minor units: 0 unless they were cancelled after the capture. */
  readonly refund: number;
}

/** The next cancellation of lines that is to be given back: the oldest; null where there is none. */
export function nextSettlement(order: Order, lines: readonly OrderLine[]): Settlement | null {
  const { cancelledLines, payment } = order;
  const step = cancelledLines.find(({ settled }) => !settled)?.step;
  if (step === undefined) return null;
  const left = linesLeft(lines, cancelledLines, step);
  const released = cancelledLines.flatMap((each) =>
    each.step === step ? (lines[each.line - 1] ?? []) : [],
  );
  return {
    step,
    released: piecesBySku(released),
    left: piecesBySku(left),
    refund: Math.max(0, payment.captured - payment.refunded - amountOf(left)),
  };
}

/** Notes that the cancellations up to this step have been given back; by default all of them. */
export function settle(order: Order, step = Infinity): Order {
  return {
    ...order,
    cancelledLines: order.cancelledLines.map((each) =>
      each.step <= step ? { ...each, settled: true } : each,
    ),
  };
}
