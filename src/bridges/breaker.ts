import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from './logger.ts';

/**
 * How long it stays open before a probe, in milliseconds. It doubles from the first to the last until a delivery
 * is answered: a probe may succeed where deliveries do not (a permission to read, say, but not to start).
 */
const FIRST_PAUSE = 250;
const LAST_PAUSE = 5_000;

export interface Breaker {
  /** While it is open nothing is to be received, and nothing delivered. */
  readonly isOpen: boolean;
  /** Opens it until a probe succeeds. Open already: no change. */
  trip(code: 'unavailable' | 'denied', reason: string): void;
  /** Temporal took a delivery, or refused that one by itself. */
  answered(): void;
  /** Whether a delivery has been answered since then (milliseconds since the epoch). */
  answeredSince(time: number): boolean;
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
  let pause = FIRST_PAUSE;
  let answeredAt = 0;

  async function shutWhenProbed(): Promise<void> {
    while (isOpen) {
      const jittered = pause * (0.5 + Math.random() / 2);
      pause = Math.min(LAST_PAUSE, pause * 2);
      try {
        await delay(jittered, undefined, { signal });
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
    answered() {
      pause = FIRST_PAUSE;
      answeredAt = Date.now();
    },
    answeredSince: (time) => answeredAt > time,
    async settled() {
      await probing;
    },
  };
}
