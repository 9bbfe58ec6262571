import type { Money } from '../domain/money.ts';
import type { Notification } from '../domain/notification.ts';
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
   * Writes the row unless an equal or newer revision is there, then publishes each notification (there may be
   * none) with a `notificationId` of `{workflowId}/{version}`: repeats carry the same.
   */
  announceOrder(announcement: {
    readonly row: OrderRow;
    readonly notifications: readonly Notification[];
  }): Promise<void>;
}

export interface Reservation {
  /** The order's workflow ID: the reservation is stored as `RESERVATION#{orderKey}`. */
  readonly orderKey: string;
  /** Merged by SKU, at most 50. */
  readonly pieces: readonly { readonly sku: string; readonly quantity: number }[];
}

export type ReserveAnswer =
  | { readonly kind: 'reserved' }
  | { readonly kind: 'short'; readonly skus: readonly string[] }
  /** The reservation was released before this call arrived: it must not take effect any more. */
  | { readonly kind: 'released' };

/** Stock in DynamoDB. Task queue `orders`. */
export interface StockActivities {
  /** Takes all pieces or none, in one transaction. Repeating it is a no-op. */
  reserveStock(reservation: Reservation): Promise<ReserveAnswer>;

  /** Gives back what is reserved, if anything is, and always leaves `released` behind. Repeating it is a no-op. */
  releaseStock(reservation: Pick<Reservation, 'orderKey'>): Promise<void>;

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

export interface PaymentRequest {
  /** The order's workflow ID: the root of the idempotency keys. */
  readonly orderKey: string;
  readonly money: Money;
}

export type AuthoriseAnswer =
  | { readonly kind: 'authorised'; readonly intentId: string }
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
  /** `amount`: what this return gave back, in minor units: all that other refunds had left. */
  | { readonly kind: 'refunded'; readonly amount: number };

/** The payment provider. Task queue `payments`. */
export interface PaymentActivities {
  /**
   * Creates the payment intent unconfirmed (once per order), stores its ID, then confirms it with this
   * method. `attempt` numbers the methods tried, from 1. On a repeat it looks the intent up before anything else.
   */
  authorisePayment(
    request: PaymentRequest & { readonly method: string; readonly attempt: number },
  ): Promise<AuthoriseAnswer>;

  /**
   * Captures `amount` (minor units, more than 0, at most what is authorised; the provider lets go of the rest) and
   * records it as refundable. Absent: the whole amount.
   */
  capturePayment(request: PaymentRequest & { readonly amount?: number }): Promise<CaptureAnswer>;

  /**
   * Gives `amount` (minor units, more than 0) of what is captured back, once for each `step`, which names the refund
   * within the order. Never more in all than was captured: what is asked beyond it fails. `refunded` is what this
   * step gave back, on a repeat too; it is 0 where the whole payment was returned before this refund began.
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

/** The fraud screening. Task queue `orders`. */
export interface ScreeningActivities {
  /** How suspicious the order is: a score of 0 to 100. */
  screenOrder(request: {
    readonly orderKey: string;
    readonly customerId: string;
    readonly total: Money;
    readonly pieces: number;
  }): Promise<{ readonly score: number }>;
}

export type OpenReturnAnswer =
  | {
      readonly kind: 'opened';
      readonly customerId: string;
      readonly currency: Money['currency'];
      readonly lines: readonly ReturnLine[];
    }
  /** The order does not allow it; `reason` is a code. */
  | { readonly kind: 'rejected'; readonly reason: string };

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

  /** Writes the row unless an equal or newer revision is there. */
  announceReturn(row: ReturnRow): Promise<void>;
}
