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
}

export const DEFAULT_POLICY: OrderPolicy = {
  paymentMethodWithinSeconds: 86_400,
  compensationRetrySeconds: 3_600,
  reviewWithinSeconds: 172_800,
};

/** The time limits of one return. */
export interface ReturnPolicy {
  /** How long the goods are awaited, in seconds. Default 2,592,000 (30 days). */
  readonly goodsWithinSeconds: number;
  /** How long a failing refund is retried before the return asks for an operator, in seconds. Default 3,600 (1 h). */
  readonly refundRetrySeconds: number;
}

export const DEFAULT_RETURN_POLICY: ReturnPolicy = {
  goodsWithinSeconds: 2_592_000,
  refundRetrySeconds: 3_600,
};
