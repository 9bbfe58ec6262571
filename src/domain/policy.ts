/** The time limits of one order, part of its workflow's input: seconds in a demo, days in production. */
export interface OrderPolicy {
  /** How long a declined order waits for another payment method, in seconds. Default 86,400 (24 h). */
  readonly paymentMethodWithinSeconds: number;
  /**
   * How long a failing compensation is retried before the order asks for an operator, in seconds.
   * Default 3,600 (1 h).
   */
  readonly compensationRetrySeconds: number;
  /**
   * How long a person may take to review an order that screening is in doubt about, in seconds, before it is
   * rejected. Default 172,800 (48 h). Absent in orders that were placed before there was screening: they are not
   * screened.
   */
  readonly reviewWithinSeconds?: number;
  /**
   * When a customer is reminded whose payment is awaited, in seconds since that began. Default 3,600 and 43,200 (1 h
   * and 12 h). Absent in orders that were placed before there were reminders.
   */
  readonly remindAfterSeconds?: readonly number[];
  /**
   * How long an order that allows it waits for pieces that are short, in seconds. Default 1,209,600 (14 days). Absent
   * in orders of before.
   */
  readonly backOrderWithinSeconds?: number;
  /**
   * What becomes of a parcel that the carrier has lost: it is sent once more, or what it cost is refunded. Default
   * `reship`; what is sent once more and lost again, or short, is refunded. Absent in orders of before.
   */
  readonly onLostParcel?: 'reship' | 'refund';
  /**
   * How long a parcel that was recalled may take to come back before the order asks for an operator, in seconds.
   * Default 1,209,600 (14 days). Absent in orders of before.
   */
  readonly parcelBackWithinSeconds?: number;
}

export const DEFAULT_POLICY = {
  paymentMethodWithinSeconds: 86_400,
  compensationRetrySeconds: 3_600,
  reviewWithinSeconds: 172_800,
  remindAfterSeconds: [3_600, 43_200],
  backOrderWithinSeconds: 1_209_600,
  onLostParcel: 'reship',
  parcelBackWithinSeconds: 1_209_600,
} as const satisfies OrderPolicy;

/** The time limits of one return. */
export interface ReturnPolicy {
  /** How long the goods are awaited, in seconds. Default 2,592,000 (30 days). */
  readonly goodsWithinSeconds: number;
  /**
   * When a customer is reminded to send the goods, in seconds since they are awaited. Default 604,800 and 2,160,000 (7
   * and 25 days). Absent in returns that were requested before there were reminders.
   */
  readonly remindAfterSeconds?: readonly number[];
  /** How long a failing refund is retried before the return asks for an operator, in seconds. Default 3,600 (1 h). */
  readonly refundRetrySeconds: number;
}

export const DEFAULT_RETURN_POLICY = {
  goodsWithinSeconds: 2_592_000,
  remindAfterSeconds: [604_800, 2_160_000],
  refundRetrySeconds: 3_600,
} as const satisfies ReturnPolicy;

/** The time limits of a SKU's restocking. */
export interface RestockPolicy {
  /** How long the supplier may take before its order shows as `overdue`, in seconds. Default 1,209,600 (14 days). */
  readonly supplierWithinSeconds: number;
}

export const DEFAULT_RESTOCK_POLICY: RestockPolicy = { supplierWithinSeconds: 1_209_600 };
