/**
 * The least that a queue's `maxReceiveCount` may be: it is a backstop, since neighbours, waits and deploys are receives
 * too, on FIFO queues more than elsewhere.
 */
export const LEAST_RECEIVES = { standard: 50, fifo: 1_000 } as const;

/** Among a FIFO queue's first messages alone, so many, SQS looks for groups whose turn it is: behind them others starve. */
export const FIFO_WINDOW = 120_000;
/** From so many messages on somebody should know. */
export const FIFO_DEPTH = 100_000;
