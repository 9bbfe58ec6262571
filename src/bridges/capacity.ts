/** How many messages of one queue may be in hand, before it is known how fast they go and while they go slowly. */
const FEWEST = 100;
const MOST = 500;
/** How many seconds' worth of messages may be in hand: half of what their visibility timeout leaves. */
const SECONDS = 10;
/** The most bytes of bodies in hand of one queue: SQS's messages have up to 1 MiB. */
const MOST_BYTES = 16 * 1024 * 1024;
/** What one receive may bring. */
const RECEIVE = 10;
/** How much of the rate a second without news leaves. */
const FADING = 0.8;

export interface Capacity {
  /** Takes room for one receive. @returns false when there is none. */
  reserve(): boolean;
  /** Gives the room of a receive back, as its messages are in hand now or there are none. */
  free(): void;
  settled(messages: number): void;
}

/**
 * Bounds what is in hand: nothing is to be received that cannot be delivered before its visibility timeout ends.
 *
 * @param inHand - the messages in hand, and the bytes of their bodies.
 */
export function createCapacity(
  inHand: () => { readonly messages: number; readonly bytes: number },
  now: () => number = Date.now,
): Capacity {
  let reserved = 0;
  let rate = 0;
  let counted = 0;
  let since = now();

  function mostInHand(): number {
    const seconds = (now() - since) / 1_000;
    if (seconds >= 1) {
      const kept = FADING ** seconds;
      rate = rate * kept + (counted / seconds) * (1 - kept);
      counted = 0;
      since = now();
    }
    return Math.min(MOST, Math.max(FEWEST, rate * SECONDS));
  }

  return {
    reserve() {
      const { messages, bytes } = inHand();
      if (bytes > MOST_BYTES || messages + reserved + RECEIVE > mostInHand()) return false;
      reserved += RECEIVE;
      return true;
    },
    free: () => void (reserved -= RECEIVE),
    settled: (messages) => void (counted += messages),
  };
}
