import type { OrderInput } from '../contracts/orders.ts';
import { isDelivered, isDispatched } from '../domain/shipment.ts';
import { isSettlementDue, settleLines } from './orderLines.ts';
import type { OrderProgress } from './orderProgress.ts';

/**
 * How orders of the first edition are fulfilled: whoever packs their parcels sends them, and the service learns of each
 * by the news of it. It may go once none of them runs any more: see docs/changing-workflows.md.
 *
 * Waits for the parcels to leave and to arrive, and gives back what is due for lines before it goes on.
 */
export async function fulfilReported(input: OrderInput, progress: OrderProgress): Promise<void> {
  const left = () => isDispatched(progress.order.shipments);
  const arrived = () => isDelivered(progress.order.shipments);
  const isDue = () => isSettlementDue(progress);
  if (progress.order.state !== 'shipped') {
    do {
      if (isDue()) await settleLines(input, progress);
      progress.be('fulfilling', { waitingFor: 'dispatch' });
      await progress.waitFor(() => left() || isDue());
    } while (!left());
  }
  do {
    if (isDue()) await settleLines(input, progress);
    progress.be('shipped', { waitingFor: 'delivery' });
    await progress.waitFor(() => arrived() || isDue());
  } while (!arrived());
  progress.become('delivered');
}
