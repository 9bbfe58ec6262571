import type { Notice } from './notification.ts';
import type { CancelledLine, Decision, Order, OrderLine } from './order.ts';

/**
 * Where a parcel is. `planned`: it is being booked, or about to be, and whether the carrier knows it is not known.
 * `recalled`: it was cancelled after it had left, and is on its way back. `lost`: and nothing done about it yet;
 * `replaced` and `refunded`: done.
 */
export type ShipmentStatus =
  | 'planned'
  | 'booked'
  | 'dispatched'
  | 'delivered'
  | 'cancelled'
  | 'recalled'
  | 'returned'
  | 'lost'
  | 'replaced'
  | 'refunded';

/** One parcel: what one seller sends of an order. */
export interface Shipment {
  /** Unique within the order: `1`, `2`, ... */
  readonly shipmentId: string;
  readonly status: ShipmentStatus;
  /** Whose lines it holds; null in orders of before, where nobody knew. */
  readonly sellerId: string | null;
  /** The numbers of the lines that it was planned with, from 1. */
  readonly lines: readonly number[];
  /**
   * Those that the carrier has it hold; none once it is back and they are in another. Absent: not known, as it was not
   * booked, or by hand, or in an order of before.
   */
  readonly holds?: readonly number[];
  readonly carrier: string | null;
  readonly trackingNumber: string | null;
  /** The lost parcel that it stands in for; null: none. */
  readonly replaces: string | null;
}

type Shipments = readonly Shipment[];
type CancelledLines = readonly { readonly line: number }[];

/** One parcel for each seller of the lines that go on, in the order of their first lines. */
export function planShipments(
  lines: readonly OrderLine[],
  cancelledLines: CancelledLines,
): Shipments {
  const cancelled = new Set(cancelledLines.map(({ line }) => line));
  const numbered = lines.map((line, index) => ({ sellerId: line.sellerId, line: index + 1 }));
  const bySeller = Map.groupBy(
    numbered.filter(({ line }) => !cancelled.has(line)),
    ({ sellerId }) => sellerId,
  );
  return [...bySeller].map(([sellerId, some], index) =>
    planned(
      String(index + 1),
      sellerId,
      some.map(({ line }) => line),
      null,
    ),
  );
}

function planned(
  shipmentId: string,
  sellerId: string | null,
  lines: readonly number[],
  replaces: string | null,
): Shipment {
  const status = 'planned';
  return { shipmentId, status, sellerId, lines, carrier: null, trackingNumber: null, replaces };
}

/** A parcel that others packed: nothing is known of it but how it is. */
export function reportedShipment(shipmentId: string, status: ShipmentStatus): Shipment {
  return { ...planned(shipmentId, null, [], null), status };
}

/** Parcels as they were kept where nothing but its status was known of one: by their IDs. */
export type OlderShipments = Readonly<Record<string, ShipmentStatus>>;

/** Parcels as they are carried or stored, whichever version of this code that was. */
export function shipmentsOf(known: Shipments | OlderShipments): Shipments {
  if (isList(known)) return known;
  return Object.entries(known).map(([shipmentId, status]) => reportedShipment(shipmentId, status));
}

function isList(known: Shipments | OlderShipments): known is Shipments {
  return Array.isArray(known);
}

/** Plans a parcel in the place of a lost one. */
export function withReplacement(shipments: Shipments, lost: Shipment): Shipments {
  const next = planned(String(shipments.length + 1), lost.sellerId, lost.lines, lost.shipmentId);
  return [...withShipment(shipments, lost.shipmentId, { status: 'replaced' }), next];
}

/** Plans a parcel for those lines of one that did not leave, or is back, that go on. */
export function sendAnew(
  order: Order,
  { shipmentId, sellerId, holds = [], replaces }: Shipment,
): Order {
  const left = withoutCancelled(holds, order.cancelledLines);
  const next = planned(String(order.shipments.length + 1), sellerId, left, replaces);
  const shipments = [...withShipment(order.shipments, shipmentId, { holds: [] }), next];
  // What is called back later has a time of its own.
  const isWaitedFor = shipments.some(({ status }) => status === 'recalled');
  return { ...order, shipments, ...(!isWaitedFor && { parcelUntil: null }) };
}

/** Changes what is known of one parcel. */
export function withShipment(
  shipments: Shipments,
  shipmentId: string,
  known: Partial<Shipment>,
): Shipments {
  return shipments.map((each) => (each.shipmentId === shipmentId ? { ...each, ...known } : each));
}

export function shipmentOf(shipments: Shipments, shipmentId: string): Shipment | undefined {
  return shipments.find((each) => each.shipmentId === shipmentId);
}

/** Whether the service planned the parcels itself: in orders of before, whoever packed them did. */
export function isPlanned(shipments: Shipments): boolean {
  return shipments.some(({ lines }) => lines.length > 0);
}

/** It left the house, whatever became of it since, unless it never arrived anywhere because it was called back. */
function hasLeft({ status }: Shipment): boolean {
  return ['dispatched', 'delivered', 'lost', 'replaced', 'refunded'].includes(status);
}

/** Whether at least one parcel left. */
export function isDispatched(shipments: Shipments): boolean {
  return shipments.some(hasLeft);
}

/** The lines whose parcel has left. */
export function linesThatLeft(shipments: Shipments): ReadonlySet<number> {
  return new Set(shipments.filter(hasLeft).flatMap(({ lines }) => lines));
}

/** Whether no parcel arrived, where there were any: all were lost. */
export function isAllLost(shipments: Shipments): boolean {
  return shipments.length > 0 && shipments.every(({ status }) => status !== 'delivered');
}

/** Whether nothing more is to come of any parcel, at least one of which left. */
export function isDelivered(shipments: Shipments): boolean {
  const over = ['delivered', 'cancelled', 'returned', 'replaced', 'refunded'];
  return isDispatched(shipments) && shipments.every(({ status }) => over.includes(status));
}

/**
 * Whether the carrier's news of this parcel can be decided by now. Early news waits for the answer of our own call:
 * until it is booked or, where it is to be called back, until it is cancelled or recalled.
 */
export function isParcelKnown(order: Order, shipmentId: string): boolean {
  const { shipments, cancellation, cancelledLines } = order;
  const shipment = shipmentOf(shipments, shipmentId);
  const status = shipment?.status;
  const isToCancel = cancellation !== null || (shipment && isToCallBack(shipment, cancelledLines));
  if (isToCancel) return status !== 'planned' && status !== 'booked';
  return shipments.length > 0 && status !== 'planned';
}

/** Whether a parcel would bring what is cancelled: all that it was planned with, or a part of what is booked. */
function isToCallBack({ lines, holds = [] }: Shipment, cancelledLines: CancelledLines): boolean {
  const isEmptied = withoutCancelled(lines, cancelledLines).length === 0;
  return isEmptied || withoutCancelled(holds, cancelledLines).length < holds.length;
}

/** Those of the lines of these numbers that go on. */
export function withoutCancelled(
  lines: readonly number[],
  cancelledLines: CancelledLines,
): readonly number[] {
  const cancelled = new Set(cancelledLines.map(({ line }) => line));
  return lines.filter((line) => !cancelled.has(line));
}

/** The lines whose pieces are not in the house: they are in a parcel that is to come back, or is lost. */
export function linesAway(shipments: Shipments): ReadonlySet<number> {
  return new Set(
    shipments.flatMap(({ status, lines, holds }) => {
      if (status === 'recalled') return holds ?? lines;
      // Also before it is called back: whether it has left is not known.
      return status === 'booked' || status === 'lost' ? (holds ?? []) : [];
    }),
  );
}

/** Notes that the pieces of these lines will not come back, as far as they have not. */
export function withLost(
  cancelledLines: readonly CancelledLine[],
  lines: readonly number[],
): readonly CancelledLine[] {
  return cancelledLines.map((each) =>
    lines.includes(each.line) && !each.settled ? { ...each, lost: true } : each,
  );
}

/** What there is to do about a parcel. */
export interface ParcelWork {
  /**
   * `make-good`: it is lost, and sent once more or refunded. `send-anew`: it was called back for a part of what it held,
   * and the rest goes on.
   */
  readonly to: 'book' | 'cancel' | 'make-good' | 'send-anew';
  readonly shipment: Shipment;
}

/** What there is to do next about the parcels of an order that goes on; null: nothing. */
export function nextParcelWork(
  shipments: Shipments,
  cancelledLines: CancelledLines,
): ParcelWork | null {
  for (const shipment of shipments) {
    const { status, holds = [] } = shipment;
    const isAtHome = status === 'planned' || status === 'booked';
    const isBack = status === 'cancelled' || status === 'returned';
    if (status === 'lost') return { to: 'make-good', shipment };
    if (isAtHome && isToCallBack(shipment, cancelledLines)) return { to: 'cancel', shipment };
    if (status === 'planned') return { to: 'book', shipment };
    if (isBack && withoutCancelled(holds, cancelledLines).length > 0) {
      return { to: 'send-anew', shipment };
    }
  }
  return null;
}

/**
 * The parcel that somebody cancelled at the carrier before it was booked, though something is left for it: how it is
 * sent instead, the order has not heard.
 */
export function strandedParcel(
  shipments: Shipments,
  cancelledLines: CancelledLines,
): Shipment | undefined {
  return shipments.find(
    ({ status, lines, holds }) =>
      status === 'cancelled' &&
      holds === undefined &&
      withoutCancelled(lines, cancelledLines).length > 0,
  );
}

/** What of the parcels' news is told though the order's own state does not change with it. */
export function parcelNotices(before: Shipments, after: Shipments): readonly Notice[] {
  const isOne = after.length === 1;
  return after.flatMap(({ shipmentId, status }) => {
    if (shipmentOf(before, shipmentId)?.status === status) return [];
    switch (status) {
      case 'dispatched':
        return isOne ? [] : ['shipment-dispatched'];
      case 'delivered':
        return isOne ? [] : ['shipment-delivered'];
      case 'replaced':
      case 'refunded':
        return ['shipment-lost'];
      case 'returned':
        return ['shipment-returned'];
      default:
        return [];
    }
  });
}

/** A parcel left. After its delivery the news is old, not wrong. */
export function decideDispatched(order: Order, shipmentId: string): Decision {
  return decideNews(order, shipmentId, 'dispatched', {
    booked: 'dispatched',
    dispatched: 'duplicate',
    delivered: 'duplicate',
    recalled: 'duplicate',
  });
}

/** A parcel arrived, which says too that it left. One that was thought lost and is found, is not lost. */
export function decideDelivered(order: Order, shipmentId: string): Decision {
  return decideNews(order, shipmentId, 'delivered', {
    booked: 'delivered',
    dispatched: 'delivered',
    lost: 'delivered',
    delivered: 'duplicate',
  });
}

/** The carrier has given a parcel up; also one that was to come back. */
export function decideLost(order: Order, shipmentId: string): Decision {
  return decideNews(order, shipmentId, 'lost', {
    booked: 'lost',
    dispatched: 'lost',
    recalled: 'lost',
    lost: 'duplicate',
    replaced: 'duplicate',
    refunded: 'duplicate',
  });
}

/** A parcel that was recalled came back. */
export function decideReturned(order: Order, shipmentId: string): Decision {
  return decideNews(order, shipmentId, 'returned', {
    recalled: 'returned',
    returned: 'duplicate',
    cancelled: 'duplicate',
  });
}

/** What each status makes of the news; where it is not named, it refuses them. */
type Transitions = Partial<Record<ShipmentStatus, ShipmentStatus | 'duplicate'>>;

function decideNews(
  order: Order,
  shipmentId: string,
  news: ShipmentStatus,
  transitions: Transitions,
): Decision {
  const { shipments, cancellation } = order;
  const known = shipmentOf(shipments, shipmentId);
  if (!known) {
    if (cancellation) return { outcome: 'refused', reason: 'order-cancelled' };
    if (isPlanned(shipments)) return { outcome: 'refused', reason: 'unknown-shipment' };
    const first = reportedShipment(shipmentId, news);
    return { outcome: 'applied', order: { ...order, shipments: [...shipments, first] } };
  }
  const next = transitions[known.status];
  // Of an order that is being undone, only what has been recalled is still waited for.
  if (cancellation && (next === undefined || known.status !== 'recalled')) {
    return { outcome: 'refused', reason: 'order-cancelled' };
  }
  if (next === undefined) return { outcome: 'refused', reason: `already-${known.status}` };
  if (next === 'duplicate') return { outcome: 'duplicate', reason: `already-${known.status}` };
  // What was to come back with it has arrived with it: nothing of that is on sale again.
  const isFound = known.status === 'lost' && next === 'delivered';
  return {
    outcome: 'applied',
    order: {
      ...order,
      shipments: withShipment(shipments, shipmentId, { status: next }),
      cancelledLines: withLost(order.cancelledLines, isFound ? (known.holds ?? []) : []),
    },
  };
}
