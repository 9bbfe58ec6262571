import { setTimeout as delay } from 'node:timers/promises';
import { SQSServiceException, type BatchResultErrorEntry } from '@aws-sdk/client-sqs';

/** How often an entry is sent; with the pauses in between that is some 10 s, well within what hides a message. */
const ATTEMPTS = 8;
const FIRST_PAUSE = 100;
const LONGEST_PAUSE = 5_000;

/**
 * Carries out a batch request of SQS, and repeats it for the entries alone that failed, after growing pauses: while
 * SQS throttles, or has a fault of its own.
 *
 * @param request - answers what SQS says failed; each entry's `Id` is its index in the items.
 * @returns the items that failed for good, and why.
 * @throws what the request throws that another attempt would not mend.
 */
export async function inAttempts<Item>(
  items: readonly Item[],
  request: (items: readonly Item[]) => Promise<readonly BatchResultErrorEntry[]>,
): Promise<ReadonlyMap<Item, string>> {
  const failed = new Map<Item, string>();
  let open = items;
  for (let attempt = 1; open.length > 0; attempt += 1) {
    const isLast = attempt === ATTEMPTS;
    const refused = await asEntries(open, isLast, () => request(open));
    const again: Item[] = [];
    for (const { Id, SenderFault, Code = 'unknown', Message } of refused) {
      const item = open[Number(Id)] as Item;
      const isPassing = !SenderFault || THROTTLED.test(Code);
      if (isPassing && !isLast) again.push(item);
      else failed.set(item, Message === undefined ? Code : `${Code}: ${Message}`);
    }
    open = again;
    if (open.length > 0) await delay(pauseAfter(attempt));
  }
  return failed;
}

const THROTTLED = /throttl/i;

/** A request that is refused as a whole is refused for each of its entries. */
async function asEntries(
  items: readonly unknown[],
  isLast: boolean,
  request: () => Promise<readonly BatchResultErrorEntry[]>,
): Promise<readonly BatchResultErrorEntry[]> {
  try {
    return await request();
  } catch (error) {
    const isPassing =
      error instanceof SQSServiceException &&
      (error.$fault === 'server' || THROTTLED.test(error.name));
    if (!isPassing || isLast) throw error;
    return items.map((_, index) => ({ Id: String(index), SenderFault: false, Code: error.name }));
  }
}

/** With jitter: several who were refused together do not come back together. */
function pauseAfter(attempt: number): number {
  return Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (attempt - 1)) * (0.5 + Math.random() / 2);
}
