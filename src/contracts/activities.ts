import type { Money } from '../domain/money.ts';
import type { Notification, ReturnNews } from '../domain/notification.ts';
import type { OrderKey, OrderRow } from './orders.ts';
import type { ReturnedPieces, ReturnLine, ReturnRow } from './returns.ts';

// What the workflows ask of the world. A business refusal is an answer; what is thrown is retried.

/** Orders' rows in DynamoDB and notifications on SNS. Task queue `orders`. */
export interface OrderActivities {
  /**
   * Puts the order's row if it is absent, or is this same start's (`claimedBy`). The row stays for ever, so
   * that an order is recognised past Temporal's retention. With it one item for each seller of its lines, by
   * which a seller's orders are listed.
   */
  claimOrder(row: OrderRow): Promise<'claimed' | 'duplicate'>;

  /**
   * Claims the order in the same way and, where it is this start's, has it screened: once and briefly, as commands are
   * not answered before the claim is known.
   */
  admitOrder(request: {
    readonly row: OrderRow;
    readonly screening: ScreeningRequest;
  }): Promise<AdmitAnswer>;

  /**
   * Writes the row unless an equal or newer revision is there, then publishes each notification (there may be
   * none) with a `notificationId` of `{workflowId}/{version}`: repeats carry the same.
   */
  announceOrder(announcement: Announcement): Promise<void>;
}

/** What is to be told of an order: its row, and the notifications that are due. */
export interface Announcement {
  readonly row: OrderRow;
  /** In the order of their versions; there may be none. */
  readonly notifications: readonly Notification[];
}

/** The answer of an activity that had something to tell besides. */
export interface Told<Answer> {
  readonly answer: Answer;
  /** False: it could not be told, and is still due. The activity's own work is done all the same. */
  readonly told: boolean;
}

/**
 * The same activities, each as one that tells at the same time what is due by then: a change of state that a step
 * follows takes no activity of its own. Only the first try tells.
 */
export type AndTell<Activities> = {
  readonly [Name in keyof Activities & string as `${Name}AndTell`]: Activities[Name] extends (
    request: infer Request,
  ) => Promise<infer Answer>
    ? (request: Request, due: Announcement) => Promise<Told<Answer>>
    : never;
};

export interface ScreeningRequest {
  readonly orderKey: string;
  readonly customerId: string;
  readonly total: Money;
  readonly pieces: number;
}

export type AdmitAnswer =
  | { readonly kind: 'duplicate' }
  /** `score`: of the fraud screening, 0 to 100; null where that did not answer at once. */
  | { readonly kind: 'admitted'; readonly score: number | null };

export interface Reservation {
  /** The order's workflow ID: the reservation is stored as `RESERVATION#{orderKey}`. */
  readonly orderKey: string;
  /** Merged by SKU, at most 50. */
  readonly pieces: readonly { readonly sku: string; readonly quantity: number }[];
}

export type ReserveAnswer =
  | {
      readonly kind: 'reserved';
      /** What it holds, where it had been made before, perhaps with other pieces; absent: what was asked for. */
      readonly pieces?: Reservation['pieces'];
    }
  | {
      readonly kind: 'short';
      readonly skus: readonly string[];
      /** As the request has it: in runs of before an order went on waiting for what was cancelled meanwhile. */
      readonly shrinks?: true;
    }
  /** The reservation was released before this call arrived: it must not take effect any more. */
  | { readonly kind: 'released' };

/** Stock in DynamoDB. Task queue `orders`. */
export interface StockActivities {
  /**
   * Takes all pieces or none, in one transaction. Repeating it is a no-op. Where fewer than its threshold are left of
   * a SKU, `StockLow` is put on the bus, once until it is restocked.
   */
  reserveStock(
    reservation: Reservation & {
      /** The order waits for less where lines are cancelled. */
      readonly shrinks?: true;
    },
  ): Promise<ReserveAnswer>;

  /**
   * Gives back what is reserved, if anything is, and always leaves `released` behind. Repeating it is a no-op. `lost`:
   * pieces of it that are gone for good, and stay taken.
   */
  releaseStock(
    reservation: Pick<Reservation, 'orderKey'> & { readonly lost?: Reservation['pieces'] },
  ): Promise<void>;

  /**
   * Gives some pieces of a reservation back: `left` is what stays reserved, `step` numbers these releases of one
   * order from 1 upwards. Repeating one, or releasing from what is released already, is a no-op; where
   * `released` and `left` together are not what is reserved, it fails.
   */
  releasePieces(release: {
    readonly orderKey: string;
    readonly step: number;
    readonly released: Reservation['pieces'];
    readonly left: Reservation['pieces'];
  }): Promise<void>;

  /** Puts pieces that came back on sale again, once for each return. */
  restock(restock: {
    readonly returnKey: string;
    readonly pieces: Reservation['pieces'];
  }): Promise<void>;
}

/** The queues of orders that wait for pieces. Task queue `orders`. */
export interface BackOrderActivities {
  /**
   * Puts the order into the queues of the SKUs that it is short of, at their ends, and puts `StockLow` on the bus for
   * each. Repeating it keeps its places. Once there are enough pieces its reservation is made, in the order of the
   * queue, and its workflow is told by a `StockReserved` event.
   */
  joinBackOrders(
    reservation: Reservation & {
      readonly skus: readonly string[];
      /**
       * The order wants less than when it joined: these are the SKUs of which it wants nothing any more. It leaves their
       * queues, and whoever is behind it there may be served.
       */
      readonly dropped?: readonly string[];
    },
  ): Promise<void>;
}

/** What a SKU's restocking asks of the stock's tables and the supplier. Task queue `orders`. */
export interface RestockActivities {
  /**
   * How many pieces to order, so that the SKU is full and everybody in its queue is served; 0: enough are there. Asked
   * while nothing is on order.
   */
  countMissing(request: { readonly sku: string }): Promise<{ readonly quantity: number }>;

  /** Orders from the supplier, once for each `reference`. */
  orderFromSupplier(request: {
    readonly reference: string;
    readonly sku: string;
    readonly quantity: number;
  }): Promise<{ readonly supplierOrderId: string }>;

  /** Puts what has come on sale, once for each `receipt` of the SKU. */
  receiveStock(request: {
    readonly receipt: string;
    readonly sku: string;
    readonly quantity: number;
  }): Promise<void>;

  /**
   * Makes the reservations of those who wait for this SKU, in the order in which they came, as far as the pieces
   * suffice: nobody is served before one who came earlier and could not be. At most 100 at a time.
   *
   * @returns whose reservations are made and who have not been told; `isMore`: it is worth calling again; `isShort`: who
   * is next waits for pieces of this SKU.
   */
  serveBackOrders(request: { readonly sku: string }): Promise<{
    readonly served: readonly string[];
    readonly isMore: boolean;
    readonly isShort: boolean;
  }>;

  /** Takes those who have been told out of the queue. Repeating it is a no-op. */
  leaveBackOrders(request: {
    readonly sku: string;
    readonly orderKeys: readonly string[];
  }): Promise<void>;
}

/** One parcel of an order. */
export interface ParcelRequest {
  readonly orderKey: string;
  /** Unique within the order: with it, the root of the idempotency key. */
  readonly shipmentId: string;
}

export type BookAnswer =
  | {
      readonly kind: 'booked';
      readonly carrier: string;
      readonly trackingNumber: string;
      /** As they were asked for. */
      readonly lines?: readonly number[];
    }
  /** It was cancelled before this call arrived: it must not take effect any more. */
  | { readonly kind: 'cancelled' };

export type CancelShipmentAnswer =
  /** It never left, and never will. */
  | { readonly kind: 'cancelled' }
  /** It had left, and is on its way back: a `ShipmentReturned` event will say that it came, or a `ShipmentLost`. */
  | { readonly kind: 'recalled' };

/** The carrier. Task queue `orders`. */
export interface CarrierActivities {
  /**
   * Books the parcel and has its label made, once. The carrier knows it as `{channel}`, `{orderId}` and
   * `shipmentId`, which its events name. What it refuses for good is thrown as not retryable: `ShipmentRefused`.
   */
  bookShipment(
    request: ParcelRequest & {
      readonly sellerId: string;
      readonly pieces: Reservation['pieces'];
      /** The numbers of the lines that these are: not for the carrier, but part of the answer. */
      readonly lines?: readonly number[];
    },
  ): Promise<BookAnswer>;

  /** Cancels the parcel, whether or not it was booked, and leaves behind what makes a late booking be refused. */
  cancelShipment(request: ParcelRequest): Promise<CancelShipmentAnswer>;
}

export interface PaymentRequest {
  /** The order's workflow ID: the root of the idempotency keys. */
  readonly orderKey: string;
  readonly money: Money;
}

export type AuthoriseAnswer =
  | { readonly kind: 'authorised'; readonly intentId: string }
  /** Authorised, and captured by the same call. `amount`: what is captured, in minor units. */
  | { readonly kind: 'captured'; readonly intentId: string; readonly amount: number }
  /** The customer has to authenticate the payment (3-D Secure); the provider's event says how that ended. */
  | { readonly kind: 'requires-action'; readonly intentId: string }
  /** `soft`: another method may help. `hard`: none will. `code` is the provider's. */
  | {
      readonly kind: 'declined';
      readonly intentId: string | null;
      readonly severity: 'soft' | 'hard';
      readonly code: string;
    }
  /** The payment was returned before this call arrived: it must not take effect any more. */
  | { readonly kind: 'returned' };

export type CaptureAnswer =
  /** `amount`: what is captured, in minor units. */
  | { readonly kind: 'captured'; readonly amount: number }
  /** Nothing was captured and nothing will be: the authorisation expired or was returned. */
  | { readonly kind: 'lapsed'; readonly code: string };

export type ReturnAnswer =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'voided' }
  /**
   * `amount`: what this return gave back, in minor units: all that other refunds, and disputes, had left. `lost`: what
   * the customer has had back from the bank instead, in disputes; absent: nothing.
   */
  | { readonly kind: 'refunded'; readonly amount: number; readonly lost?: number };

/** The payment provider. Task queue `payments`. */
export interface PaymentActivities {
  /**
   * Creates the payment intent unconfirmed (once per order), stores its ID, then confirms it with this
   * method. `attempt` numbers the methods tried, from 1. On a repeat it looks the intent up before anything else.
   * `renewal` (absent: 0) numbers the intents of an order: one that has lapsed is followed by another.
   *
   * `capture` (minor units, more than 0, at most the whole): what it captures at once where it is authorised, as
   * `capturePayment` does. Absent: nothing. What turns out to have lapsed is answered as authorised: `capturePayment`
   * finds out why.
   */
  authorisePayment(
    request: PaymentRequest & {
      readonly method: string;
      readonly attempt: number;
      readonly renewal?: number;
      readonly capture?: number;
    },
  ): Promise<AuthoriseAnswer>;

  /**
   * Captures `amount` (minor units, more than 0, at most what is authorised; the provider lets go of the rest) and
   * records it as refundable. Absent: the whole amount.
   */
  capturePayment(request: PaymentRequest & { readonly amount?: number }): Promise<CaptureAnswer>;

  /**
   * Gives `amount` (minor units, more than 0) of what is captured back, once for each `step`, which names the refund
   * within the order. Never more in all than was captured: what is asked beyond it fails. `refunded` is what this
   * step gave back, on a repeat too; it is 0 where the whole payment was returned before this refund began, and no more
   * than is left where some was lost in a dispute.
   */
  refundPayment(
    request: Pick<PaymentRequest, 'orderKey'> & { readonly step: string; readonly amount: number },
  ): Promise<{ readonly refunded: number }>;

  /**
   * Undoes authorisation and capture, whichever took effect: voids what is authorised, refunds what is left of
   * what is captured (and ends refunds that had begun), and leaves behind what makes a late authorise or capture be
   * refused.
   */
  returnPayment(request: PaymentRequest): Promise<ReturnAnswer>;
}

/** Refunds while the customer's bank disputes the payment. Task queue `payments`. */
export interface DisputeActivities {
  /** Holds all refunds of the order: none begins, and one that is asked for is thrown, until they are let go. */
  holdRefunds(request: { readonly orderKey: string; readonly disputeId: string }): Promise<void>;

  /**
   * Lets refunds go on. Of a dispute that was lost, `amount` (minor units) is gone: what is refundable shrinks by it,
   * once, and never below 0.
   */
  closeDispute(request: {
    readonly orderKey: string;
    readonly disputeId: string;
    readonly lost: number;
  }): Promise<void>;
}

/** The fraud screening. Task queue `orders`. */
export interface ScreeningActivities {
  /** How suspicious the order is: a score of 0 to 100. */
  screenOrder(request: ScreeningRequest): Promise<{ readonly score: number }>;
}

export type OpenReturnAnswer =
  | {
      readonly kind: 'opened';
      readonly customerId: string;
      readonly currency: Money['currency'];
      readonly lines: readonly ReturnLine[];
    }
  /** The order does not allow it; `reason` is a code. `customerId`: whose order it is, where there is one. */
  | { readonly kind: 'rejected'; readonly reason: string; readonly customerId?: string };

/** Returns' rows, and what of each order is being returned. Task queue `orders`. */
export interface ReturnActivities {
  /**
   * Enters the pieces as being returned if the order allows it: delivered, not cancelled, and no more pieces of a
   * line over all its returns than were sold. Repeating it answers the same.
   */
  openReturn(request: {
    readonly returnId: string;
    readonly order: OrderKey;
    readonly lines: readonly ReturnedPieces[];
  }): Promise<OpenReturnAnswer>;

  /** Lets go of the pieces that were not accepted, so that they may be returned again. Repeating it is a no-op. */
  closeReturn(request: {
    readonly returnId: string;
    readonly order: OrderKey;
    readonly accepted: readonly ReturnedPieces[];
  }): Promise<void>;

  /**
   * Writes the row unless an equal or newer revision is there, then publishes all news (there may be none) with a
   * `notificationId` of `{workflowId}/{version}`: repeats carry the same. `news` is absent in calls of before returns
   * were told of.
   */
  announceReturn(row: ReturnRow, news?: readonly ReturnNews[]): Promise<void>;
}
