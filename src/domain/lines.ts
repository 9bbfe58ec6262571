import {
  decideCancellation,
  isSamePieces,
  piecesBySku,
  refusalToCancel,
  type Cancellation,
  type CancelledLine,
  type Decision,
  type Order,
  isEnd,
  type OrderLine,
} from './order.ts';
import {
  isDispatched,
  isPlanned,
  linesAway,
  linesThatLeft,
  withLost,
  withReplacement,
  withShipment,
  type Shipment,
} from './shipment.ts';

/** Whether neither stock nor money of the order has been touched. */
export function isUntouched({ state }: Order): boolean {
  return state === 'received' || state === 'screening' || state === 'on-review';
}

/**
 * Whether some lines of an order can be given up while the others go on: until their parcel has left or, where it is
 * not known which that is, the first. All that are left are the whole order, as long as no parcel has left.
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
  const refusal = refusalToCancelLines(order, added);
  if (refusal) return { outcome: 'refused', reason: refusal };
  const isWhole = before.size + added.length === lines.length;
  if (isWhole && !isDispatched(order.shipments)) return decideCancellation(order, cancellation);

  const { reason, requestedBy } = cancellation;
  const step = (order.cancelledLines.at(-1)?.step ?? 0) + 1;
  const settled = isUntouched(order);
  const cancelledLines = [
    ...order.cancelledLines,
    ...added.map((line) => ({ line, step, settled, reason, requestedBy })),
  ];
  if (!isWhole && order.total.amount > 0 && amountOf(linesLeft(lines, cancelledLines)) === 0) {
    return { outcome: 'refused', reason: 'only-free-lines-left' };
  }
  return { outcome: 'applied', order: { ...order, cancelledLines } };
}

function refusalToCancelLines(order: Order, numbers: readonly number[]): string | null {
  if (!isPlanned(order.shipments) || isEnd(order.state)) return refusalToCancel(order);
  const left = linesThatLeft(order.shipments);
  return numbers.some((number) => left.has(number)) ? 'already-dispatched' : null;
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

/** Whether the order's stock is still to be reserved: nothing has been touched, or it waits for pieces. */
export function isToReserve(order: Order): boolean {
  return isUntouched(order) || order.state === 'reserving';
}

/**
 * Notes which cancelled lines no pieces are reserved of: there is nothing to give back.
 *
 * @param lines - the order's, as they were placed.
 * @param held - what its reservation holds: what was left after one of the cancellations, or all.
 */
export function settleUnreserved(
  order: Order,
  lines: readonly OrderLine[],
  held: ReturnType<typeof piecesBySku>,
): Order {
  const { cancelledLines } = order;
  const steps = [0, ...cancelledLines.map(({ step }) => step)];
  const without = steps.findLast((step) =>
    isSamePieces(held, piecesBySku(linesLeft(lines, cancelledLines, step))),
  );
  return {
    ...order,
    cancelledLines: cancelledLines.map((each) =>
      each.step <= (without ?? 0) ? { ...each, settled: true } : each,
    ),
  };
}

/** The lines that stock is reserved for: what was cancelled once that had begun is released again. */
export function linesToReserve(
  lines: readonly OrderLine[],
  cancelledLines: readonly CancelledLine[],
): readonly OrderLine[] {
  return linesLeft(
    lines,
    cancelledLines.filter(({ settled }) => settled),
  );
}

/** What lines cost, in minor units. */
export function amountOf(lines: readonly OrderLine[]): number {
  return lines.reduce((sum, { amount }) => sum + amount, 0);
}

/** One cancellation of lines that is to be given back. */
export interface Settlement {
  readonly step: number;
  /** Numbers what is given back, from 1, in the order in which it is: what is still away is given back later. */
  readonly number: number;
  /** By SKU. */
  readonly released: ReturnType<typeof piecesBySku>;
  /** By SKU: what stays reserved. */
  readonly left: ReturnType<typeof piecesBySku>;
  /** What was captured beyond what is left, in minor units: 0 unless they were cancelled after the capture. */
  readonly refund: number;
}

/**
 * The next cancellation of lines that is to be given back: the one that this was begun for, or the oldest whose pieces
 * are in the house; null where there is none.
 */
export function nextSettlement(order: Order, lines: readonly OrderLine[]): Settlement | null {
  const { cancelledLines, payment, shipments } = order;
  const away = linesAway(shipments);
  const isHome = (step: number) =>
    cancelledLines.every((each) => each.step !== step || !away.has(each.line));
  const isNext = ({ settled, step: its }: CancelledLine) => !settled && isHome(its);
  const step = order.settling ?? cancelledLines.find(isNext)?.step;
  if (step === undefined) return null;
  // What an older one still holds, whose parcel is on its way back, stays reserved; so does what is lost.
  const given = cancelledLines.filter((each) => !each.lost && (each.settled || each.step === step));
  const released = given.filter((each) => each.step === step);
  const refunded = cancelledLines.filter((each) => each.settled || each.step === step);
  return {
    step,
    number: new Set(cancelledLines.flatMap((each) => (each.settled ? each.step : []))).size + 1,
    released: piecesBySku(released.flatMap(({ line }) => lines[line - 1] ?? [])),
    left: piecesBySku(linesLeft(lines, given)),
    refund: Math.max(0, payment.captured - payment.refunded - amountOf(linesLeft(lines, refunded))),
  };
}

/**
 * Plans a parcel in the place of a lost one. What it held and was cancelled meanwhile is given back without its pieces:
 * they are lost.
 */
export function replaceLost(order: Order, lost: Shipment): Order {
  return {
    ...order,
    shipments: withReplacement(order.shipments, lost),
    cancelledLines: withLost(order.cancelledLines, lost.holds ?? []),
  };
}

/** Notes that a parcel is lost for good: what its lines cost is given back, their pieces are not. */
export function giveUpLost(order: Order, { shipmentId, lines: held, holds }: Shipment): Order {
  const { cancelledLines, shipments } = order;
  const step = Math.max(0, ...cancelledLines.map((each) => each.step)) + 1;
  const cancelled = new Set(cancelledLines.map(({ line }) => line));
  const added = held.filter((line) => !cancelled.has(line));
  return {
    ...order,
    shipments: withShipment(shipments, shipmentId, { status: 'refunded' }),
    cancelledLines: [
      ...withLost(cancelledLines, holds ?? held),
      ...added.map(
        (line) =>
          ({
            line,
            step,
            settled: false,
            lost: true,
            reason: 'parcel-lost',
            requestedBy: 'waybill',
          }) as const,
      ),
    ],
  };
}

/** The lines of these numbers that go on. */
export function linesNumbered(
  lines: readonly OrderLine[],
  cancelledLines: readonly CancelledLine[],
  numbers: ReadonlySet<number>,
): readonly OrderLine[] {
  const gone = new Set(cancelledLines.map(({ line }) => line));
  return lines.filter((_, index) => numbers.has(index + 1) && !gone.has(index + 1));
}

/** Notes that the cancellation of this step has been given back; by default all of them. */
export function settle(order: Order, step?: number): Order {
  return {
    ...order,
    settling: null,
    cancelledLines: order.cancelledLines.map((each) =>
      step === undefined || each.step === step ? { ...each, settled: true } : each,
    ),
  };
}
