/**
 * How many of something may go out in a second: a bucket of one second's worth.
 *
 * @param perSecond - at least 1; undefined: no limit.
 * @throws RangeError when it is less.
 */
export function createAllowance(perSecond: number | undefined, onFree: () => void) {
  if (perSecond !== undefined && !(perSecond >= 1)) {
    throw new RangeError(`startsPerSecond: expected at least 1, received ${perSecond}`);
  }
  let left = perSecond ?? Infinity;
  let filledAt = Date.now();
  let timer: NodeJS.Timeout | undefined;
  const fill = () => {
    if (perSecond === undefined) return;
    const now = Date.now();
    left = Math.min(Math.max(1, perSecond), left + ((now - filledAt) / 1_000) * perSecond);
    filledAt = now;
  };
  return {
    get isFree() {
      fill();
      if (left >= 1) return true;
      timer ??= setTimeout(
        () => {
          timer = undefined;
          onFree();
        },
        Math.ceil(((1 - left) / (perSecond ?? 1)) * 1_000),
      );
      return false;
    },
    take: () => void (left = Math.max(0, left - 1)),
    close: () => clearTimeout(timer),
  };
}
