import { setTimeout as delay } from 'node:timers/promises';
import type { Stack } from '../../../dev/stack.ts';

const PARTS = ['temporal', 'emulator', 'provider', 'worker', 'bridge', 'api'] as const;
type Part = (typeof PARTS)[number];

/** How long a process may take to come back, in milliseconds: what it needs may be away as well. */
const BACK_WITHIN = 120_000;
const OVERDUE = 8_000;
const LOOK_EVERY = 200;
/** How long the emulator may take to write down what it holds, in milliseconds. */
const STOP_WITHIN = 30_000;

/** Keeps a stack's processes running, as whatever runs them in production does. */
export interface Supervisor {
  /** SIGKILL, and started again after so many milliseconds. @returns when it is ready again. */
  kill(part: Part, down: number): Promise<void>;
  /** The same by SIGTERM. @throws Error when it did not end by itself. */
  restart(part: Part, down: number): Promise<void>;
  /** Resolves when no process is away for very long any more. @returns how long that took, in milliseconds. */
  untilNoneIsOverdue(): Promise<number>;
  /** Resolves when everything runs, and watches no more. Rejects where something does not come back. */
  stop(): Promise<void>;
  /** What has ended though nobody ended it. */
  readonly endedAlone: readonly string[];
  /** What could not be started again, and is not tried any more. */
  readonly missing: readonly string[];
}

export function superviseParts(stack: Stack): Supervisor {
  const endedAlone: string[] = [];
  const missing = new Set<Part>();
  /** Those that are being started, or are about to be. */
  const coming = new Map<Part, { readonly back: Promise<void>; readonly since: number }>();
  const stopping = new AbortController();

  /** A start fails as long as what the process needs is away. */
  async function bringBack(part: Part): Promise<void> {
    const deadline = Date.now() + BACK_WITHIN;
    for (;;) {
      try {
        return await stack.part(part).start();
      } catch (error) {
        if (Date.now() > deadline) {
          missing.add(part);
          throw error;
        }
      }
      await delay(LOOK_EVERY);
    }
  }

  function during(part: Part, absence: () => Promise<void>): Promise<void> {
    const back = (coming.get(part)?.back ?? Promise.resolve())
      .then(absence)
      .finally(() => coming.get(part)?.back === back && coming.delete(part));
    coming.set(part, { back, since: Date.now() });
    return back;
  }

  const watching = (async () => {
    while (!stopping.signal.aborted) {
      for (const part of PARTS) {
        if (coming.has(part) || missing.has(part) || stack.part(part).pid !== undefined) continue;
        endedAlone.push(part);
        // Its failure is told by `stop`.
        during(part, () => bringBack(part)).catch(() => undefined);
      }
      await delay(LOOK_EVERY);
    }
  })();

  return {
    kill: (part, down) =>
      during(part, async () => {
        await stack.part(part).kill();
        await delay(down);
        await bringBack(part);
      }),
    restart: (part, down) =>
      during(part, async () => {
        const isClean = await stack.part(part).stop({ within: STOP_WITHIN });
        await delay(down);
        await bringBack(part);
        if (!isClean) throw new Error(`${part} did not end by itself within ${STOP_WITHIN} ms`);
      }),
    endedAlone,
    get missing() {
      return [...missing];
    },
    async untilNoneIsOverdue() {
      const began = Date.now();
      const isOverdue = () =>
        [...coming.values()].some(({ since }) => Date.now() - since > OVERDUE);
      while (isOverdue()) await delay(LOOK_EVERY);
      return Date.now() - began;
    },
    async stop() {
      stopping.abort();
      await watching;
      await Promise.all([...coming.values()].map(({ back }) => back));
      const away = PARTS.filter((part) => stack.part(part).pid === undefined);
      if (away.length > 0) throw new Error(`${away.join(', ')} did not come back`);
    },
  };
}
