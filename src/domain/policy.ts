/** The time limits of one order, part of its workflow's input: seconds in a demo, days in production. */
export interface OrderPolicy {
  /** How long a declined order waits for another payment method, in seconds. Default 86,400 (24 h). */
  readonly paymentMethodWithinSeconds: number;
  /**
   * How long a failing compensation is retried before the order asks for an operator, in seconds.
   * Default 3,600 (1 h).
   */
  readonly compensationRetrySeconds: number;
}

export const DEFAULT_POLICY: OrderPolicy = {
  paymentMethodWithinSeconds: 86_400,
  compensationRetrySeconds: 3_600,
};
