import type { BackOrderActivities, StockActivities } from '../contracts/activities.ts';
import type { OrderInput, OrderUndo } from '../contracts/orders.ts';
import { isUntouched, linesToReserve } from '../domain/lines.ts';
import { piecesBySku } from '../domain/order.ts';
import type { OrderProgress } from './orderProgress.ts';
import type { Saga } from './saga.ts';
import { stepActivities } from './stepActivities.ts';
import { own } from './tries.ts';

/**
 * Reserves what is left of the order's lines; what is cancelled from here on is released again. An order that allows it
 * waits for pieces that are short: its reservation is made for it once they are there, so that those who came first
 * are served first.
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
  for (;;) {
    // The same at each try, whatever is cancelled meanwhile: those lines are released afterwards.
    const pieces = piecesBySku(linesToReserve(placed.lines, progress.order.cancelledLines));
    const answer = await progress.step('reserve-stock', () => reserveStock({ orderKey, pieces }));
    if (answer.kind === 'reserved') return;
    if (answer.kind === 'released') return progress.stop('stock-released');
    if (placed.backOrder !== true) return progress.stop('out-of-stock');
    const { skus } = answer;
    await progress.step('join-back-orders', () => joinBackOrders({ orderKey, pieces, skus }));
    await stockReserved(input, progress);
  }
}

/** Waits until the pieces that are short have been reserved for the order. */
async function stockReserved({ policy }: OrderInput, progress: OrderProgress): Promise<void> {
  const { backOrderWithinSeconds = 0 } = policy;
  const until = progress.order.stockUntil ?? Date.now() + backOrderWithinSeconds * 1000;
  progress.order = { ...progress.order, stockUntil: until };
  progress.be('reserving', { reason: 'out-of-stock', waitingFor: 'stock' });
  const came = () => progress.order.waitingFor !== 'stock';
  if (!(await progress.waitFor(came, until))) progress.stop('back-order-expired');
}
