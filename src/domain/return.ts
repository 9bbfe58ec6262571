import type { OrderLine, OrderState } from './order.ts';

/** The states a return passes through, and the ends it can come to. */
export type ReturnState =
  | 'requested'
  | 'awaiting-goods'
  | 'inspecting'
  | 'refunding'
  | 'refunded'
  /** The inspection accepted nothing. */
  | 'refused'
  /** The order does not allow it. */
  | 'rejected'
  /** The goods never came. */
  | 'expired'
  | 'needs-operator';

const ENDS: ReadonlySet<ReturnState> = new Set<ReturnState>([
  'refunded',
  'refused',
  'rejected',
  'expired',
]);

/** Whether nothing more will happen to a return in this state. */
export function isReturnEnd(state: ReturnState): boolean {
  return ENDS.has(state);
}

/** The named thing a return waits for; `null` while the service itself is at work on it. */
export type ReturnWaiting = 'goods' | 'inspection' | 'operator' | null;

/** Pieces of one line of an order. */
export interface LinePieces {
  /** The line's number in the order, from 1. */
  readonly line: number;
  readonly quantity: number;
}

/** Pieces of one line with what they are: `amount` is what they cost together. */
export interface PricedPieces extends OrderLine {
  readonly line: number;
}

/** What an order's returns, whether still open or accepted, have of each of its lines, by the line's number. */
export type ReturnCounts = Readonly<
  Record<string, { readonly quantity: number; readonly amount: number }>
>;

/** What of an order decides whether pieces of it may come back. */
export interface ReturnableOrder {
  readonly state: OrderState;
  readonly lines: readonly OrderLine[];
  readonly cancelledLines: readonly { readonly line: number }[];
}

export type ReturnDecision =
  | {
      readonly kind: 'opened';
      readonly lines: readonly PricedPieces[];
      /** The counts with this return in them. */
      readonly counts: ReturnCounts;
    }
  | { readonly kind: 'rejected'; readonly reason: string };

/**
 * Whether these pieces may come back, and what they cost. A line that is named twice is one.
 *
 * Of a line of `q` pieces for `a`, `m` pieces after `k` others cost `floor(a * (k + m) / q)` less what those others
 * cost: never a fraction of a cent, and all pieces together exactly `a`, in however many returns they come, and
 * whatever of them was sent back in between.
 */
export function decideReturn(
  order: ReturnableOrder,
  counts: ReturnCounts,
  asked: readonly LinePieces[],
): ReturnDecision {
  if (order.state !== 'delivered' && order.state !== 'closed') {
    return rejected(`order-${order.state}`);
  }
  const pieces = mergeLines(asked);
  if (pieces.length === 0) return rejected('nothing-to-return');
  const lines: PricedPieces[] = [];
  const next: Record<string, ReturnCounts[string]> = { ...counts };
  for (const { line, quantity } of pieces) {
    const sold = order.lines[line - 1];
    if (!sold) return rejected('unknown-line');
    if (order.cancelledLines.some((cancelled) => cancelled.line === line)) {
      return rejected('line-cancelled');
    }
    if (!Number.isSafeInteger(quantity) || quantity < 1) return rejected('invalid-quantity');
    if (quantity > sold.quantity) return rejected('more-than-sold');
    const before = counts[line] ?? { quantity: 0, amount: 0 };
    const together = before.quantity + quantity;
    if (together > sold.quantity) return rejected('already-returned');
    // Pieces sent back in between may have left dearer ones behind: then these cost nothing more.
    const amount = Math.max(0, share(sold, together) - before.amount);
    lines.push({ ...sold, line, quantity, amount });
    next[line] = { quantity: together, amount: before.amount + amount };
  }
  return { kind: 'opened', lines, counts: next };
}

/**
 * The counts once a return is closed: without the pieces that were not accepted, and what they cost.
 *
 * @throws Error when the counts do not hold the return: then something is wrong that a guess would hide.
 */
export function countsAfterClosing(
  counts: ReturnCounts,
  lines: readonly PricedPieces[],
  accepted: readonly LinePieces[],
): ReturnCounts {
  const next: Record<string, ReturnCounts[string]> = { ...counts };
  for (const line of lines) {
    const kept = quantityOf(accepted, line.line);
    const before = next[line.line];
    const quantity = (before?.quantity ?? 0) - (line.quantity - kept);
    const amount = (before?.amount ?? 0) - (line.amount - share(line, kept));
    if (quantity < 0 || amount < 0) {
      throw new Error(
        `line ${line.line}: fewer pieces are counted as returned than come from here`,
      );
    }
    next[line.line] = { quantity, amount };
  }
  return next;
}

export type InspectionDecision =
  | {
      readonly outcome: 'applied';
      /** Lines of which nothing is accepted are left out. */
      readonly accepted: readonly LinePieces[];
      /** In minor units; each line's share of its amount, rounded down. */
      readonly refund: number;
    }
  | { readonly outcome: 'refused'; readonly reason: string };

/** What the inspection of a return's goods comes to. A line that it does not name is not accepted. */
export function decideInspection(
  lines: readonly PricedPieces[],
  inspected: readonly LinePieces[],
): InspectionDecision {
  const accepted = mergeLines(inspected);
  let refund = 0;
  for (const { line, quantity } of accepted) {
    const returned = lines.find((one) => one.line === line);
    if (!returned) return { outcome: 'refused', reason: 'unknown-line' };
    if (!Number.isSafeInteger(quantity) || quantity < 0) {
      return { outcome: 'refused', reason: 'invalid-quantity' };
    }
    if (quantity > returned.quantity) return { outcome: 'refused', reason: 'more-than-returned' };
    refund += share(returned, quantity);
  }
  return { outcome: 'applied', accepted: accepted.filter(({ quantity }) => quantity > 0), refund };
}

/** What it means for a return in this state that the goods came. */
export function decideGoodsReceived(
  state: ReturnState,
):
  | { readonly outcome: 'applied' }
  | { readonly outcome: 'duplicate' | 'refused'; readonly reason: string } {
  switch (state) {
    case 'awaiting-goods':
      return { outcome: 'applied' };
    case 'requested':
    case 'rejected':
    case 'expired':
      return { outcome: 'refused', reason: `return-${state}` };
    default:
      return { outcome: 'duplicate', reason: 'already-received' };
  }
}

/** The accepted pieces of a return with what they are, each line with its share of the amount. */
export function acceptedPieces(
  lines: readonly PricedPieces[],
  accepted: readonly LinePieces[],
): readonly PricedPieces[] {
  return lines.flatMap((line) => {
    const quantity = quantityOf(accepted, line.line);
    return quantity > 0 ? [{ ...line, quantity, amount: share(line, quantity) }] : [];
  });
}

/** What so many of these pieces cost, rounded down. Both factors are small enough that their product is exact. */
function share({ quantity, amount }: { quantity: number; amount: number }, some: number): number {
  return Math.floor((amount * some) / quantity);
}

function quantityOf(pieces: readonly LinePieces[], line: number): number {
  return pieces.find((one) => one.line === line)?.quantity ?? 0;
}

function mergeLines(pieces: readonly LinePieces[]): readonly LinePieces[] {
  const byLine = new Map<number, number>();
  for (const { line, quantity } of pieces) byLine.set(line, (byLine.get(line) ?? 0) + quantity);
  return [...byLine].map(([line, quantity]) => ({ line, quantity }));
}

function rejected(reason: string): ReturnDecision {
  return { kind: 'rejected', reason };
}
