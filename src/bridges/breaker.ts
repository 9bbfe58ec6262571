import type { Logger } from './logger.ts';

/**
 * How long it stays open before a probe, in milliseconds. It doubles from the first to the last until a delivery
 * is answered.
 */
const FIRST_PAUSE = 250;
const LAST_PAUSE = 5_000;

export interface Breaker {
  /** While it is open nothing is to be received, and nothing delivered but the probe. */
  readonly isOpen: boolean;
  /** Opens it until a probe succeeds. Open already: no change. */
  trip(code: 'unavailable' | 'denied', reason: string): void;
  /** Temporal took a delivery, or refused that one by itself. */
  answered(): void;
  /** Whether a delivery has been answered since then (milliseconds since the epoch). */
  answeredSince(time: number): boolean;
}

export interface BreakerOptions {
  /** A call that succeeds when deliveries can. */
  readonly probe: () => Promise<void>;
  /** It is shut again. */
  readonly onShut: () => void;
  readonly logger: Logger;
  /** Ends the probing: what is open then stays open. */
  readonly signal: AbortSignal;
}

/**
 * Stops receiving while Temporal cannot take anything. Without it an outage would burn the receive counts of
 * whatever is in the queue.
 */
export function createBreaker({ probe, onShut, logger, signal }: BreakerOptions): Breaker {
  let isOpen = false;
  let pause = FIRST_PAUSE;
  let answeredAt = 0;
  let timer: NodeJS.Timeout | undefined;

  function probeLater(): void {
    if (signal.aborted) return;
    const jittered = pause * (0.5 + Math.random() / 2);
    pause = Math.min(LAST_PAUSE, pause * 2);
    timer = setTimeout(() => {
      probe().then(shut, probeLater);
    }, jittered).unref();
  }

  function shut(): void {
    isOpen = false;
    logger.info({}, 'breaker shut');
    onShut();
  }

  signal.addEventListener('abort', () => clearTimeout(timer), { once: true });

  return {
    get isOpen() {
      return isOpen;
    },
    trip(code, reason) {
      if (isOpen) return;
      isOpen = true;
      // Somebody has to act on a denial; an outage ends by itself.
      logger.error({ code, reason }, 'breaker open');
      probeLater();
    },
    answered() {
      pause = FIRST_PAUSE;
      answeredAt = Date.now();
    },
    answeredSince: (time) => answeredAt > time,
  };
}
