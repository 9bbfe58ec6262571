import type { Money } from '../domain/money.ts';
import type { Notification } from '../domain/notification.ts';
import type { OrderRow } from './orders.ts';

// What the workflows ask of the world. A business refusal is an answer; what is thrown is retried.

/** Orders' rows in DynamoDB and notifications on SNS. Task queue `orders`. */
export interface OrderActivities {
  /**
   * Puts the order's row if it is absent, or is this same start's (`claimedBy`). The row stays for ever, so
   * that an order is recognised past Temporal's retention.
   */
  claimOrder(row: OrderRow): Promise<'claimed' | 'duplicate'>;

  /**
   * Writes the row unless an equal or newer version is there, then publishes each notification with a
   * `notificationId` of `{workflowId}/{version}`: repeats carry the same.
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
  | { readonly kind: 'captured' }
  /** Nothing was captured and nothing will be: the authorisation expired or was returned. */
  | { readonly kind: 'lapsed'; readonly code: string };

export type ReturnAnswer =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'voided' }
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

  /** Captures the whole authorised amount and records it as refundable. */
  capturePayment(request: PaymentRequest): Promise<CaptureAnswer>;

  /**
   * Undoes authorisation and capture, whichever took effect: voids what is authorised, refunds what is
   * captured, and leaves behind what makes a late authorise or capture be refused.
   */
  returnPayment(request: PaymentRequest): Promise<ReturnAnswer>;
}
