import type { CarrierActivities, Reservation, StockActivities } from '../contracts/activities.ts';
import type { OrderInput, OrderUndo } from '../contracts/orders.ts';
import { giveUpLost, linesNumbered } from '../domain/lines.ts';
import { piecesBySku } from '../domain/order.ts';
import {
  isAllLost,
  isDelivered,
  isDispatched,
  nextParcelWork,
  parcelNotices,
  planShipments,
  replaceLost,
  shipmentOf,
  type Shipment,
} from '../domain/shipment.ts';
import { isSettlementDue, settleLines } from './orderLines.ts';
import type { OrderProgress } from './orderProgress.ts';
import type { Saga } from './saga.ts';
import { stepActivities } from './stepActivities.ts';
import { own } from './tries.ts';

/**
 * Has the order's parcels sent, one for each seller, and waits until they have arrived. Meanwhile it gives back what is
 * due for lines that are cancelled, calls back parcels that nothing is left of, and sends lost ones once more or
 * refunds them.
 *
 * The parcels are decided about here, in the order's own workflow, so that a cancellation and a parcel that leaves meet
 * in one place.
 *
 * @throws OrderStopped when the order was cancelled.
 */
export async function ship(
  input: OrderInput,
  progress: OrderProgress,
  saga: Saga<OrderUndo>,
): Promise<void> {
  if (progress.order.shipments.length === 0) {
    const shipments = planShipments(progress.placed.lines, progress.order.cancelledLines);
    progress.order = { ...progress.order, shipments };
  }
  saga.before('cancel-shipments');
  let told = progress.order.shipments;
  for (;;) {
    await attendToParcels(input, progress);
    const { shipments } = progress.order;
    if (isDispatched(shipments)) progress.be('shipped', { waitingFor: 'delivery' });
    else progress.be('fulfilling', { waitingFor: 'dispatch' });
    for (const notice of parcelNotices(told, shipments)) progress.notify(notice);
    told = shipments;
    if (isDelivered(shipments)) break;
    await progress.waitFor(() => progress.order.shipments !== shipments || isWorkDue(progress));
  }
  if (!isAllLost(progress.order.shipments)) progress.become('delivered');
}

/** Does what there is to do about parcels and cancelled lines, until there is nothing. */
async function attendToParcels(input: OrderInput, progress: OrderProgress): Promise<void> {
  for (;;) {
    const { shipments, cancelledLines } = progress.order;
    const work = nextParcelWork(shipments, cancelledLines);
    if (work?.to === 'book') await book(progress, work.shipment);
    else if (work?.to === 'cancel') await callBack(progress, work.shipment);
    else if (work?.to === 'make-good') await makeGood(input, progress, work.shipment);
    else if (isSettlementDue(progress)) await settleLines(input, progress);
    else return;
  }
}

function isWorkDue(progress: OrderProgress): boolean {
  const { shipments, cancelledLines } = progress.order;
  return nextParcelWork(shipments, cancelledLines) !== null || isSettlementDue(progress);
}

/** Books a parcel, and has its label made. */
async function book(progress: OrderProgress, shipment: Shipment): Promise<void> {
  const { bookShipment } = stepActivities<CarrierActivities>(progress, own);
  const { shipmentId, sellerId } = shipment;
  const request = {
    orderKey: progress.orderKey,
    shipmentId,
    sellerId: sellerId ?? '',
    pieces: piecesOf(progress, shipment),
  };
  const answer = await progress.insist(
    'book-shipment',
    () => bookShipment(request),
    () => ({ kind: 'booked', carrier: null, trackingNumber: null }) as const,
  );
  const { kind: status, ...label } = answer;
  progress.recordShipment(shipmentId, { status, ...label });
}

/** Calls back a parcel that is not to arrive any more. */
async function callBack(progress: OrderProgress, { shipmentId }: Shipment): Promise<void> {
  const { cancelShipment } = stepActivities<CarrierActivities>(progress, own);
  const { orderKey } = progress;
  const { kind: status } = await progress.insist(
    'cancel-shipment',
    () => cancelShipment({ orderKey, shipmentId }),
    () => ({ kind: 'cancelled' }) as const,
  );
  progress.recordShipment(shipmentId, { status });
}

/** Sends a lost parcel once more, if the policy and the stock allow it; else what it cost is refunded. */
async function makeGood(
  { policy }: OrderInput,
  progress: OrderProgress,
  lost: Shipment,
): Promise<void> {
  const { shipmentId } = lost;
  const isFound = () => shipmentOf(progress.order.shipments, shipmentId)?.status !== 'lost';
  const pieces = piecesOf(progress, lost);
  if (policy.onLostParcel !== 'refund' && lost.replaces === null && pieces.length > 0) {
    const { reserveStock, releaseStock } = stepActivities<StockActivities>(progress, own);
    const orderKey = `${progress.orderKey}/parcel/${shipmentId}`;
    const answer = await progress.step('reserve-replacement', () =>
      reserveStock({ orderKey, pieces }),
    );
    if (answer.kind === 'reserved') {
      if (isFound()) {
        await progress.step('release-replacement', () => releaseStock({ orderKey }));
        return;
      }
      const shipments = replaceLost(progress.order.shipments, lost);
      progress.order = { ...progress.order, shipments };
      return;
    }
  }
  if (!isFound()) progress.order = giveUpLost(progress.order, lost);
}

/**
 * Calls back the parcels of an order that is being undone, and waits for those that had left: what they hold is not on
 * sale again before it is back.
 *
 * @throws when one has not come back within the policy's time.
 */
export async function cancelShipments(
  { policy }: OrderInput,
  progress: OrderProgress,
): Promise<void> {
  const { orderKey } = progress;
  const { cancelShipment } = stepActivities<CarrierActivities>(progress, {
    ...own,
    scheduleToCloseTimeout: policy.compensationRetrySeconds * 1000,
  });
  for (const { shipmentId, status } of progress.order.shipments) {
    if (status !== 'planned' && status !== 'booked') continue;
    const asked = cancelShipment({ orderKey, shipmentId });
    const answer = await progress.note('cancel-shipment', asked);
    progress.recordShipment(shipmentId, { status: answer.kind });
  }
  const isBack = () => progress.order.shipments.every(({ status }) => status !== 'recalled');
  if (isBack()) return;
  const { parcelBackWithinSeconds = 0 } = policy;
  const until = progress.order.parcelUntil ?? Date.now() + parcelBackWithinSeconds * 1000;
  progress.order = { ...progress.order, parcelUntil: until };
  progress.be(progress.order.state, { reason: 'parcel-recalled', waitingFor: 'parcel' });
  if (await progress.waitUndoing(isBack, until)) return progress.goOn();
  progress.order = { ...progress.order, parcelUntil: null };
  throw new Error('a parcel that was called back has not come');
}

/** The pieces of an undone order that are not there to be sold again: their parcels never came back. */
export function piecesGone({ order, placed }: OrderProgress): Reservation['pieces'] {
  const gone = order.shipments.filter(({ status }) => status === 'lost' || status === 'recalled');
  const numbers = new Set(gone.flatMap(({ lines }) => lines));
  return piecesBySku(linesNumbered(placed.lines, order.cancelledLines, numbers));
}

/** What a parcel holds: the pieces of its lines that go on. */
function piecesOf({ order, placed }: OrderProgress, { lines }: Shipment): Reservation['pieces'] {
  return piecesBySku(linesNumbered(placed.lines, order.cancelledLines, new Set(lines)));
}
