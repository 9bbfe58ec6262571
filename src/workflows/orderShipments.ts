import type { CarrierActivities, Reservation, StockActivities } from '../contracts/activities.ts';
import type { OrderInput, OrderUndo } from '../contracts/orders.ts';
import { giveUpLost, linesNumbered, replaceLost } from '../domain/lines.ts';
import { piecesBySku } from '../domain/order.ts';
import {
  isAllLost,
  isDelivered,
  isDispatched,
  nextParcelWork,
  planShipments,
  sendAnew,
  shipmentOf,
  strandedParcel,
  withoutCancelled,
  type Shipment,
} from '../domain/shipment.ts';
import { isSettlementDue, settleLines } from './orderLines.ts';
import type { OrderProgress } from './orderProgress.ts';
import type { Saga } from './saga.ts';
import { stepActivities } from './stepActivities.ts';
import { own, partner } from './tries.ts';

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
  for (;;) {
    // What the run before has asked, where there is no step that would ask it again.
    if (progress.isAsked(NOT_BACK)) await missParcel(progress);
    const stranded = askedAbout(progress);
    if (stranded !== undefined) await bookedByHand(progress, stranded);
    await attendToParcels(input, progress);
    const { shipments } = progress.order;
    if (isDispatched(shipments)) progress.be('shipped', { waitingFor: 'delivery' });
    else progress.be('fulfilling', { waitingFor: 'dispatch' });
    progress.notifyOfParcels();
    if (isDelivered(shipments)) break;
    const changed = () => progress.order.shipments !== shipments || isWorkDue(progress);
    if (!(await progress.waitFor(changed, recallUntil(input, progress))))
      await missParcel(progress);
  }
  if (!isAllLost(progress.order.shipments)) progress.become('delivered');
}

// What an operator is asked about: a parcel that was called back has not come; somebody cancelled one at the carrier.
const NOT_BACK = 'parcel-not-back';
const CANCELLED = 'shipment-cancelled';

/** The parcel of which the run before has asked how it is sent, where that is still open. */
function askedAbout(progress: OrderProgress): string | undefined {
  const { shipments, cancelledLines } = progress.order;
  const { shipmentId } = strandedParcel(shipments, cancelledLines) ?? {};
  return progress.isAsked(CANCELLED, shipmentId) ? shipmentId : undefined;
}

/** Until when a parcel that was called back is waited for; undefined: none is. */
function recallUntil(input: OrderInput, progress: OrderProgress): number | undefined {
  if (progress.order.shipments.some(({ status }) => status === 'recalled')) {
    return awaitParcel(input, progress);
  }
  progress.order = { ...progress.order, parcelUntil: null };
  return undefined;
}

/** Until when a parcel is waited for that was called back: the policy's time from when that began. */
function awaitParcel({ policy }: OrderInput, progress: OrderProgress): number {
  const { parcelBackWithinSeconds = 0 } = policy;
  const until = progress.order.parcelUntil ?? Date.now() + parcelBackWithinSeconds * 1000;
  progress.order = { ...progress.order, parcelUntil: until };
  return until;
}

/** Asks an operator about parcels that were called back and have not come: to wait on, or to give them up. */
async function missParcel(progress: OrderProgress): Promise<void> {
  progress.order = { ...progress.order, parcelUntil: null };
  if ((await progress.needOperator(NOT_BACK)) !== 'resolved') return;
  for (const shipment of progress.order.shipments) {
    if (shipment.status !== 'recalled') continue;
    const { shipmentId, holds } = shipment;
    // What goes on is made good as the policy says.
    const isInPart = holds && piecesOf(progress, shipment).length > 0;
    if (isInPart) progress.recordShipment(shipmentId, { status: 'lost' });
    else progress.order = giveUpLost(progress.order, shipment);
  }
}

/** Does what there is to do about parcels and cancelled lines, until there is nothing. */
async function attendToParcels(input: OrderInput, progress: OrderProgress): Promise<void> {
  for (;;) {
    const { shipments, cancelledLines } = progress.order;
    const work = nextParcelWork(shipments, cancelledLines);
    if (work?.to === 'book') await book(progress, work.shipment);
    else if (work?.to === 'cancel') await callBack(progress, work.shipment);
    else if (work?.to === 'make-good') await makeGood(input, progress, work.shipment);
    else if (work?.to === 'send-anew') progress.order = sendAnew(progress.order, work.shipment);
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
  const { bookShipment } = stepActivities<CarrierActivities>(progress, partner);
  const { shipmentId, sellerId, lines } = shipment;
  const request = {
    orderKey: progress.orderKey,
    shipmentId,
    sellerId: sellerId ?? '',
    pieces: piecesOf(progress, shipment),
    lines: withoutCancelled(lines, progress.order.cancelledLines),
  };
  const answer = await progress.insist(
    'book-shipment',
    shipmentId,
    () => bookShipment(request),
    () => ({ kind: 'booked', carrier: null, trackingNumber: null, lines: undefined }) as const,
  );
  const { kind: status } = answer;
  if (status === 'booked') {
    // Without its lines in histories of before: their parcels leave as they were booked.
    const { carrier, trackingNumber, lines: holds } = answer;
    const label = { carrier, trackingNumber, ...(holds && { holds }) };
    progress.recordShipment(shipmentId, { status, ...label });
  } else progress.recordShipment(shipmentId, { status });
  // Somebody cancelled it at the carrier: what it was to hold goes on, and nothing would ever bring it.
  if (status === 'cancelled' && piecesOf(progress, shipment).length > 0) {
    await bookedByHand(progress, shipmentId);
  }
}

/** Waits until an operator has sent the parcel otherwise. @throws OrderStopped when the order was cancelled. */
async function bookedByHand(progress: OrderProgress, shipmentId: string): Promise<void> {
  while ((await progress.needOperator(CANCELLED, shipmentId)) !== 'resolved') {
    progress.stopIfCancelled();
  }
  progress.recordShipment(shipmentId, { status: 'booked' });
}

/** Calls back a parcel that is not to arrive any more. */
async function callBack(progress: OrderProgress, { shipmentId, holds }: Shipment): Promise<void> {
  const { cancelShipment } = stepActivities<CarrierActivities>(progress, partner);
  const { orderKey } = progress;
  const { kind: status } = await progress.insist(
    'cancel-shipment',
    shipmentId,
    () => cancelShipment({ orderKey, shipmentId }),
    () => ({ kind: 'cancelled' }) as const,
  );
  progress.recordShipment(shipmentId, { status });
  // It may be on its way for days, in which nothing else is told.
  if (status === 'recalled' && holds) progress.writeRow();
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
    const answer = await progress.insist(
      'reserve-replacement',
      shipmentId,
      () => reserveStock({ orderKey, pieces }),
      () => ({ kind: 'reserved' }) as const,
    );
    if (answer.kind === 'reserved') {
      if (isFound()) {
        await progress.step('release-replacement', () => releaseStock({ orderKey }));
        return;
      }
      progress.order = replaceLost(progress.order, lost);
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
export async function cancelShipments(input: OrderInput, progress: OrderProgress): Promise<void> {
  const { orderKey } = progress;
  const { cancelShipment } = stepActivities<CarrierActivities>(progress, {
    ...partner,
    scheduleToCloseTimeout: input.policy.compensationRetrySeconds * 1000,
  });
  for (const { shipmentId, status } of progress.order.shipments) {
    if (status !== 'planned' && status !== 'booked') continue;
    const asked = cancelShipment({ orderKey, shipmentId });
    const answer = await progress.note('cancel-shipment', asked);
    progress.recordShipment(shipmentId, { status: answer.kind });
  }
  const isBack = () => progress.order.shipments.every(({ status }) => status !== 'recalled');
  if (isBack()) return;
  const until = awaitParcel(input, progress);
  progress.be(progress.order.state, { reason: 'parcel-recalled', waitingFor: 'parcel' });
  if (await progress.waitUndoing(isBack, until)) return progress.goOn();
  progress.order = { ...progress.order, parcelUntil: null };
  throw new Error('a parcel that was called back has not come');
}

/**
 * The pieces of an undone order that are not there to be sold again: their parcels never came back. What was given back
 * for cancelled lines before is not reserved any more.
 */
export function piecesGone({ order, placed }: OrderProgress): Reservation['pieces'] {
  const gone = order.shipments.filter(({ status }) => status === 'lost' || status === 'recalled');
  const numbers = new Set(gone.flatMap(({ lines, holds }) => holds ?? lines));
  const givenBack = order.cancelledLines.filter(({ settled }) => settled);
  return piecesBySku(linesNumbered(placed.lines, givenBack, numbers));
}

/** What a parcel holds: the pieces of its lines that go on. */
function piecesOf({ order, placed }: OrderProgress, { lines }: Shipment): Reservation['pieces'] {
  return piecesBySku(linesNumbered(placed.lines, order.cancelledLines, new Set(lines)));
}
