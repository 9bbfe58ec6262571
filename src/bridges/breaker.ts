import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from './logger.ts';

/** How long after a failed probe the next one goes out, in milliseconds: it doubles from the first to the last. */
const FIRST_PAUSE = 250;
const LAST_PAUSE = 5_000;

export interface Breaker {
  readonly isOpen: boolean;
  /** Opens it: nothing is received any more until a probe succeeds. Open already: no change. */
  trip(code: 'unavailable' | 'denied', reason: string): void;
  /** Resolves when it is shut, at once if it is; also when the signal is aborted. */
  shut(): Promise<void>;
}

/**
 * Stops receiving while Temporal cannot take anything. Without it an outage would burn the receive counts of
 * whatever is in the queue.
 *
 * @param probe - a call that succeeds when deliveries can.
 */
export function createBreaker(
  probe: () => Promise<void>,
  logger: Logger,
  signal: AbortSignal,
): Breaker {
  let closing: Promise<void> | undefined;

  async function untilProbed(): Promise<void> {
    for (let pause = FIRST_PAUSE; !signal.aborted; pause = Math.min(LAST_PAUSE, pause * 2)) {
      try {
        await delay(pause * (0.5 + Math.random() / 2), undefined, { signal });
        await probe();
        logger.info({}, 'breaker shut');
        break;
      } catch {
        // Not yet.
      }
    }
    closing = undefined;
  }

  return {
    get isOpen() {
      return closing !== undefined;
    },
    trip(code, reason) {
      if (closing) return;
      logger.error({ code, reason }, 'breaker open');
      closing = untilProbed();
    },
    async shut() {
      await closing;
    },
  };
}
