import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from './logger.ts';

/** How long after a failed probe the next one goes out, in milliseconds: it doubles from the first to the last. */
const FIRST_PAUSE = 250;
const LAST_PAUSE = 5_000;

export interface Breaker {
  /** While it is open nothing is to be received, and nothing delivered. */
  readonly isOpen: boolean;
  /** Opens it until a probe succeeds. Open already: no change. */
  trip(code: 'unavailable' | 'denied', reason: string): void;
  /** Resolves when it is shut, at once if it is; when the probing has ended before, while it is still open. */
  settled(): Promise<void>;
}

/**
 * Stops receiving while Temporal cannot take anything. Without it an outage would burn the receive counts of
 * whatever is in the queue.
 *
 * @param probe - a call that succeeds when deliveries can.
 * @param signal - ends the probing: what is open then stays open.
 */
export function createBreaker(
  probe: () => Promise<void>,
  logger: Logger,
  signal: AbortSignal,
): Breaker {
  let isOpen = false;
  let probing: Promise<void> | undefined;

  async function shutWhenProbed(): Promise<void> {
    for (let pause = FIRST_PAUSE; isOpen; pause = Math.min(LAST_PAUSE, pause * 2)) {
      try {
        await delay(pause * (0.5 + Math.random() / 2), undefined, { signal });
        await probe();
        isOpen = false;
        logger.info({}, 'breaker shut');
      } catch {
        if (signal.aborted) return;
      }
    }
  }

  return {
    get isOpen() {
      return isOpen;
    },
    trip(code, reason) {
      if (isOpen) return;
      isOpen = true;
      logger.error({ code, reason }, 'breaker open');
      probing = shutWhenProbed();
    },
    async settled() {
      await probing;
    },
  };
}
