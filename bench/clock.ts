/** Milliseconds since the epoch with their fractions, the same in all processes of a machine. */
export function now(): number {
  return performance.timeOrigin + performance.now();
}
