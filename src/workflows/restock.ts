import { ActivityFailure, ApplicationFailure } from '@temporalio/common';
import {
  CancellationScope,
  getExternalWorkflowHandle,
  patched,
  proxyActivities,
  sleep,
} from '@temporalio/workflow';
import type { RestockActivities } from '../contracts/activities.ts';
import { inboxSignal } from '../contracts/inbox.ts';
import type { RestockInput } from '../contracts/restock.ts';
import { RestockProgress } from './restockProgress.ts';
import { own, partner } from './tries.ts';

const { countMissing, receiveStock, serveBackOrders, leaveBackOrders } =
  proxyActivities<RestockActivities>(own);
const { orderFromSupplier } = proxyActivities<RestockActivities>(partner);

/**
 * The restocking of one SKU, for as long as there is the SKU: it never ends.
 *
 * Whenever the SKU is low, an order waits for pieces, or some came: what came is put on sale, those who wait are served
 * in the order in which they came, and what is missing then is ordered from the supplier, one order at a time. However
 * often it is told that the SKU is low, nothing more is ordered until all of that order has come.
 */
export async function restockWorkflow(input: RestockInput): Promise<void> {
  const { sku } = input;
  const progress = new RestockProgress(input);
  // Whoever cancels it would lose pieces that came and are not on sale yet.
  await CancellationScope.nonCancellable(async () => {
    for (;;) {
      await progress.untilNews();
      progress.become('serving');
      await receive(sku, progress);
      const quantity = await serve(sku, progress);
      if (quantity > 0) await order(sku, quantity, progress);
    }
  });
}

/** Puts on sale what came, whoever it was ordered by. */
async function receive(sku: string, progress: RestockProgress): Promise<void> {
  for (const receipt of progress.receipts) {
    await receiveStock({ receipt: receipt.id, sku, quantity: receipt.quantity });
    progress.putAway(receipt);
  }
}

/** Serves those who can be served. @returns how many pieces are to be ordered then. */
async function serve(sku: string, progress: RestockProgress): Promise<number> {
  for (;;) {
    const { isMore, isShort } = await serveSome(sku);
    if (isMore) {
      await progress.goOnIfOutgrown();
      continue;
    }
    if (progress.isExpecting) return 0;
    const { quantity } = await countMissing({ sku });
    // Where nothing is missing for him who was short a moment ago, pieces were given back meanwhile.
    if (quantity > 0 || !isShort) return quantity;
  }
}

/** Serves as many as at a time, and tells them. */
async function serveSome(sku: string) {
  const { served, ...left } = await serveBackOrders({ sku });
  await Promise.all(served.map(tell));
  if (served.length > 0) await leaveBackOrders({ sku, orderKeys: served });
  return left;
}

/** Tells an order that its reservation is made, under the same ID each time. One that is gone is not there to be told. */
async function tell(orderKey: string): Promise<void> {
  const id = `waybill.inventory:reserved/${orderKey}`;
  const workflow = getExternalWorkflowHandle(orderKey);
  for (;;) {
    try {
      return await workflow.signal(inboxSignal, [{ id, type: 'StockReserved', data: {} }]);
    } catch (error) {
      if (!(error instanceof ApplicationFailure)) throw error;
      if (error.type === 'ExternalWorkflowExecutionNotFound') return;
      // Its run has taken all signals that it may: the next one takes more.
      await sleep('10s');
    }
  }
}

/** In runs that ordered before, nothing else was done until the supplier had answered. */
const SERVES_MEANWHILE = 'restock-serves-while-ordering';

/** Orders from the supplier, who may be away for long, and goes on serving with what comes meanwhile. */
async function order(sku: string, quantity: number, progress: RestockProgress): Promise<void> {
  progress.become('ordering');
  const reference = progress.nextReference();
  let isAnswered = false;
  const ordering = orderFromSupplier({ reference, sku, quantity }).finally(() => {
    isAnswered = true;
  });
  // Its failure is told below.
  ordering.catch(() => undefined);
  if (patched(SERVES_MEANWHILE)) {
    while (await progress.newsBefore(() => isAnswered)) {
      await receive(sku, progress);
      while ((await serveSome(sku)).isMore);
    }
  }
  try {
    const { supplierOrderId } = await ordering;
    progress.expect(supplierOrderId, quantity);
  } catch (error) {
    if (!(error instanceof ActivityFailure)) throw error;
    progress.refused();
  }
}
