import { readFileSync } from 'node:fs';
import type { Stack } from '../../../dev/stack.ts';

/** What is judged: these hold nothing that has to last. */
export const JUDGED = ['worker', 'bridge', 'api'] as const;
/** These keep everything there ever was, in memory or in a file. */
export const KEEPING = ['provider', 'temporal', 'emulator'] as const;
export type Watched = (typeof JUDGED)[number] | (typeof KEEPING)[number];

export interface Sample {
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** Resident memory, in MiB. */
  readonly size: number;
}

/** How the memory of one process went, since its last start. */
export interface Trend {
  /** Minutes. */
  readonly lived: number;
  /** MiB at the end. */
  readonly last: number;
  /** Of the last half, by least squares: MiB a minute. */
  readonly slope: number;
  /** By how much that half grew, as a share of its mean. */
  readonly growth: number;
}

const EVERY = 1_000;

/** Watches how much memory each process of a stack takes, on systems that have /proc. */
export function watchMemory(stack: Stack) {
  const samples = new Map<Watched, { pid: number; taken: Sample[] }>();
  const timer = setInterval(() => {
    for (const part of [...JUDGED, ...KEEPING]) {
      const { pid } = stack.part(part);
      const size = pid === undefined ? undefined : residentOf(pid);
      if (pid === undefined || size === undefined) continue;
      const known = samples.get(part);
      const taken = known?.pid === pid ? known.taken : [];
      taken.push({ at: Date.now(), size });
      samples.set(part, { pid, taken });
    }
  }, EVERY);
  return {
    stop: () => clearInterval(timer),
    /** Undefined where there is too little to tell. */
    trend: (part: Watched): Trend | undefined => trendOf(samples.get(part)?.taken ?? []),
  };
}

/** In MiB; undefined where nobody says. */
function residentOf(pid: number): number | undefined {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const [, kibibytes] = /^VmRSS:\s+(\d+) kB$/m.exec(status) ?? [];
    return kibibytes === undefined ? undefined : Number(kibibytes) / 1_024;
  } catch {
    return undefined;
  }
}

const LEAST_SAMPLES = 20;

/** @param samples - in the order of time. */
export function trendOf(samples: readonly Sample[]): Trend | undefined {
  const first = samples[0];
  const last = samples.at(-1);
  if (!first || !last || samples.length < LEAST_SAMPLES) return undefined;
  const half = samples.slice(Math.floor(samples.length / 2));
  const minutes = half.map(({ at }) => (at - first.at) / 60_000);
  const mean = (values: readonly number[]) =>
    values.reduce((sum, value) => sum + value, 0) / values.length;
  const [middle, size] = [mean(minutes), mean(half.map((sample) => sample.size))];
  let [above, below] = [0, 0];
  for (const [index, sample] of half.entries()) {
    const distance = (minutes[index] as number) - middle;
    above += distance * (sample.size - size);
    below += distance ** 2;
  }
  const slope = below === 0 ? 0 : above / below;
  const span = (minutes.at(-1) as number) - (minutes[0] as number);
  return {
    lived: (last.at - first.at) / 60_000,
    last: last.size,
    slope,
    growth: (slope * span) / size,
  };
}
