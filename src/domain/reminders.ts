/**
 * When reminders of something awaited go out, in milliseconds since 1970, the first one first.
 *
 * @param awaited - since when and until when it is awaited, in milliseconds since 1970: what would be due later is none.
 * @param afterSeconds - when each is due, in seconds since it is awaited, in whatever order.
 */
export function reminderTimes(
  awaited: { readonly since: number; readonly until: number },
  afterSeconds: readonly number[],
): readonly number[] {
  return afterSeconds
    .map((seconds) => awaited.since + seconds * 1_000)
    .filter((at) => at < awaited.until)
    .toSorted((one, other) => one - other);
}

/**
 * How many reminders have been due by now. What became due while nobody could remind counts as one: whoever is reminded
 * late is not reminded twice at once.
 *
 * @param told - how many that was before, of which the next has just been waited for.
 */
export function remindersBy(now: number, times: readonly number[], told: number): number {
  return Math.max(told + 1, times.filter((at) => at <= now).length);
}
