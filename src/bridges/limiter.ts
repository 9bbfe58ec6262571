/** The fewest calls in flight: fewer would not tell an idle service from a slow one. */
const LEAST = 4;
const FIRST = 10;
const MOST = 200;
/** So many latencies make one judgement, at least. */
const WINDOW = 20;
/** How much longer than at its best a call may take before there are fewer of them. */
const TOLERANCE = 5;
/** Growth and shrinking are gradual: one slow moment is not a trend. */
const SMOOTHING = 0.3;
/** How long the best latency is remembered, in buckets of this many milliseconds: services change. */
const BUCKET = 60_000;
const BUCKETS = 10;
/** What a refusal leaves of the limit, and how long it counts for those that were in flight with it, in milliseconds. */
const AFTER_REFUSAL = 0.5;
const REFUSAL_SPAN = 500;

export interface Limiter {
  /** How many calls may be in flight. */
  readonly limit: number;
  readonly inFlight: number;
  readonly hasRoom: boolean;
  /** A call goes out. */
  begin(): void;
  /** It was answered. @param latency - in milliseconds; null where it says nothing about the service. */
  end(latency: number | null): void;
  /** The service asked for fewer requests. */
  refused(): void;
}

/**
 * How many calls to Temporal may be in flight at once, learnt from their latency: while the median of the latest stays
 * within a multiple of the best that was seen, the limit grows by its square root; past it, it shrinks in proportion
 * (the gradient of https://netflixtechblog.medium.com/performance-under-load-3e6fa9a60581). A refusal halves it.
 *
 * @param now - the clock, in milliseconds.
 */
export function createLimiter(now: () => number = Date.now): Limiter {
  let limit = FIRST;
  let inFlight = 0;
  let mostInFlight = 0;
  let latencies: number[] = [];
  /** The best median of each bucket, oldest first. */
  const best: { readonly since: number; median: number }[] = [];
  let refusedAt = -Infinity;

  function longMinimum(median: number): number {
    const last = best.at(-1);
    if (last && now() - last.since < BUCKET) last.median = Math.min(last.median, median);
    else best.push({ since: now(), median });
    while (best.length > BUCKETS) best.shift();
    return Math.min(...best.map((each) => each.median));
  }

  function judge(): void {
    const median = medianOf(latencies);
    const gradient = Math.min(1, (TOLERANCE * longMinimum(median)) / median);
    // What was not used says nothing about more of it.
    const wanted =
      gradient < 1 || mostInFlight >= limit / 2 ? limit * gradient + Math.sqrt(limit) : limit;
    limit = clamp(limit + SMOOTHING * (wanted - limit));
    latencies = [];
    mostInFlight = inFlight;
  }

  return {
    get limit() {
      return Math.floor(limit);
    },
    get inFlight() {
      return inFlight;
    },
    get hasRoom() {
      return inFlight < Math.floor(limit);
    },
    begin() {
      inFlight += 1;
      mostInFlight = Math.max(mostInFlight, inFlight);
    },
    end(latency) {
      inFlight -= 1;
      if (latency === null) return;
      latencies.push(latency);
      if (latencies.length >= Math.max(WINDOW, limit)) judge();
    },
    refused() {
      if (now() - refusedAt < REFUSAL_SPAN) return;
      refusedAt = now();
      limit = clamp(limit * AFTER_REFUSAL);
      latencies = [];
    },
  };
}

function clamp(limit: number): number {
  return Math.min(MOST, Math.max(LEAST, limit));
}

function medianOf(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? 0;
}
