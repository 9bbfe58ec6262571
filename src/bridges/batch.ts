/** The most entries that SQS takes in one call. */
const LARGEST_BATCH = 10;

/**
 * Gathers single calls into batches of up to ten.
 *
 * @param linger - how long the first entry of a batch waits for others, in milliseconds.
 * @param send - sends one batch, and answers the indices of the entries that failed, or throws when all did.
 */
export function createBatcher<Entry>(
  linger: number,
  send: (entries: readonly Entry[]) => Promise<ReadonlySet<number>>,
) {
  let waiting: { entry: Entry; resolve: (succeeded: boolean) => void }[] = [];
  let timer: NodeJS.Timeout | undefined;

  async function flush(): Promise<void> {
    clearTimeout(timer);
    timer = undefined;
    const batch = waiting;
    if (batch.length === 0) return;
    waiting = [];
    const failed = await send(batch.map(({ entry }) => entry)).catch(() => undefined);
    batch.forEach(({ resolve }, index) => resolve(failed !== undefined && !failed.has(index)));
  }

  return {
    /** Resolves with whether the entry's call succeeded. */
    add: (entry: Entry): Promise<boolean> =>
      new Promise((resolve) => {
        waiting.push({ entry, resolve });
        if (waiting.length >= LARGEST_BATCH) void flush();
        else timer ??= setTimeout(() => void flush(), linger);
      }),
    /** Sends what waits for others now. */
    flush: (): void => void flush(),
  };
}
