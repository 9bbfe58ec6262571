/** The most entries that SQS takes in one call. */
const LARGEST_BATCH = 10;

/**
 * Gathers single calls into batches of up to ten.
 *
 * @param linger - how long the first entry of a batch waits for others, in milliseconds.
 * @param send - sends one batch, whose entries have their indices as IDs; it answers as SQS does, or throws when all failed.
 */
export function createBatcher<Entry>(
  linger: number,
  send: (
    entries: readonly Entry[],
  ) => Promise<{ readonly Failed?: readonly { readonly Id?: string | undefined }[] | undefined }>,
) {
  let waiting: { entry: Entry; resolve: (succeeded: boolean) => void }[] = [];
  let timer: NodeJS.Timeout | undefined;

  async function flush(): Promise<void> {
    clearTimeout(timer);
    timer = undefined;
    const batch = waiting;
    if (batch.length === 0) return;
    waiting = [];
    const answer = await send(batch.map(({ entry }) => entry)).catch(() => undefined);
    const failed = new Set(answer?.Failed?.map(({ Id }) => Id));
    batch.forEach(({ resolve }, index) =>
      resolve(answer !== undefined && !failed.has(String(index))),
    );
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
