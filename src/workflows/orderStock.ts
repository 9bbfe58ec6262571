import type { BackOrderActivities, Reservation, StockActivities } from '../contracts/activities.ts';
import type { OrderInput, OrderUndo } from '../contracts/orders.ts';
import { isUntouched, linesLeft, linesToReserve, settleUnreserved } from '../domain/lines.ts';
import { piecesBySku, type OrderLine } from '../domain/order.ts';
import type { OrderProgress } from './orderProgress.ts';
import type { Saga } from './saga.ts';
import { stepActivities } from './stepActivities.ts';
import { own } from './tries.ts';

/**
 * Reserves what is left of the order's lines; what is cancelled from here on is released again. An order that allows it
 * waits for pieces that are short, and no longer for those of lines that are cancelled meanwhile: its reservation is
 * made for it once they are there, so that those who came first are served first.
 *
 * @throws OrderStopped when it was cancelled, or the pieces are short and it does not wait, or not any longer.
 */
export async function reserve(
  input: OrderInput,
  progress: OrderProgress,
  saga: Saga<OrderUndo>,
): Promise<void> {
  const { reserveStock, joinBackOrders } = stepActivities<StockActivities & BackOrderActivities>(
    progress,
    own,
  );
  const { orderKey, placed } = progress;
  // A run that goes on waiting for pieces has begun before.
  if (isUntouched(progress.order)) {
    progress.become('reserving');
    saga.before('release-stock');
  }
  const isPatient = placed.backOrder === true;
  let shrinks = false;
  for (;;) {
    const { cancelledLines, waitingFor } = progress.order;
    // Until it is known to be short, the same at each try: what is cancelled meanwhile is released afterwards.
    const lines = (shrinks ? linesLeft : linesToReserve)(placed.lines, cancelledLines);
    const pieces = piecesBySku(lines);
    const isShrunk = shrinks && cancelledLines.some(({ settled }) => !settled);
    const dropped = isShrunk ? skusWithout(placed.lines, pieces) : [];
    const join = (skus: readonly string[]) =>
      progress.step('join-back-orders', () =>
        joinBackOrders({ orderKey, pieces, skus, ...(isShrunk && { dropped }) }),
      );
    const answer = await progress.step('reserve-stock', () =>
      reserveStock({ orderKey, pieces, ...(isPatient && { shrinks: true }) }),
    );
    if (answer.kind === 'reserved') {
      // Whoever is behind it in a queue that it leaves may be served.
      if (dropped.length > 0) await join([]);
      const { pieces: held = pieces } = answer;
      progress.order = settleUnreserved(progress.order, placed.lines, held);
      return;
    }
    if (answer.kind === 'released') return progress.stop('stock-released');
    if (!isPatient) return progress.stop('out-of-stock');
    shrinks = answer.shrinks === true;
    const isLess = () =>
      shrinks && linesLeft(placed.lines, progress.order.cancelledLines).length < lines.length;
    if (isLess()) continue;
    await join(answer.skus);
    // It was served while it asked: nobody tells it twice.
    const isServed = waitingFor === 'stock' && progress.order.waitingFor !== 'stock';
    if (shrinks && isServed) continue;
    await stockReserved(input, progress, isLess);
  }
}

/** The SKUs of the order that nothing is wanted of any more. */
function skusWithout(
  lines: readonly OrderLine[],
  pieces: Reservation['pieces'],
): readonly string[] {
  const wanted = new Set(pieces.map(({ sku }) => sku));
  return [...new Set(lines.map(({ sku }) => sku))].filter((sku) => !wanted.has(sku));
}

/** Waits until the pieces that are short have been reserved for the order, or it wants less. */
async function stockReserved(
  { policy }: OrderInput,
  progress: OrderProgress,
  isLess: () => boolean,
): Promise<void> {
  const { backOrderWithinSeconds = 0 } = policy;
  const until = progress.order.stockUntil ?? Date.now() + backOrderWithinSeconds * 1000;
  progress.order = { ...progress.order, stockUntil: until };
  progress.be('reserving', { reason: 'out-of-stock', waitingFor: 'stock' });
  const came = () => progress.order.waitingFor !== 'stock' || isLess();
  if (!(await progress.waitFor(came, until))) progress.stop('back-order-expired');
}
