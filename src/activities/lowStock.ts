import { setTimeout as pause } from 'node:timers/promises';
import { PutEventsCommand, type EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { UpdateCommand, type DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { SOURCES, type EventData } from '../contracts/events.ts';
import { skuKey, stockTable as openTable, type SkuRow } from './stockTable.ts';

export interface LowStockOptions {
  readonly table: DynamoDBDocumentClient;
  readonly stockTable: string;
  readonly eventBridge: EventBridgeClient;
  /** Where the events of `waybill.inventory` go. */
  readonly eventBusName: string;
}

/** Has SKUs restocked: puts `StockLow` on the bus. */
export interface LowStock {
  /**
   * For those SKUs of which less than their threshold is there, once a round: `round` grows when pieces are received,
   * and when it is found that enough are there. At least once: the round is noted after the bus has taken the event, so
   * what ends in between tells again, and so may several processes that cross the threshold together.
   *
   * It never throws, and takes about a second at most: an order does not wait for a bus that is down. What could not be told
   * is not noted, so the next reservation of the SKU tells it, one that is short of pieces too.
   */
  tellIfLow(skus: readonly string[]): Promise<void>;

  /** For SKUs that somebody is short of, whatever their threshold, once a round. What is thrown may be repeated. */
  tellShort(skus: readonly string[]): Promise<void>;

  /** For all of these SKUs, each time. What is thrown may be repeated. */
  tell(skus: readonly string[]): Promise<void>;

  /** For those of these SKUs that are picked, each time, as `tellIfLow` does: what cannot be told is told by the next news. */
  tellInTime(pick: () => Promise<readonly string[]>): Promise<void>;
}

export function createLowStock({
  table,
  stockTable,
  eventBridge,
  eventBusName,
}: LowStockOptions): LowStock {
  const stored = openTable(table, stockTable);
  /** What this process is telling: of many reservations at once, one tells. */
  const underWay = new Set<string>();

  async function put(skus: readonly string[], abortSignal?: AbortSignal): Promise<void> {
    for (let first = 0; first < skus.length; first += BATCH_SIZE) {
      await putBatch(skus.slice(first, first + BATCH_SIZE), abortSignal);
    }
  }

  /** Puts all, sending again only what the bus did not take. */
  async function putBatch(skus: readonly string[], abortSignal?: AbortSignal): Promise<void> {
    let open = skus;
    let refusals = '';
    for (let round = 1; round <= PUT_ROUNDS; round += 1) {
      if (round > 1) {
        const ms = PAUSE_MS * 2 ** round * (0.5 + Math.random() / 2);
        await pause(ms, undefined, abortSignal && { signal: abortSignal });
      }
      const { Entries: answers = [] } = await eventBridge.send(
        new PutEventsCommand({
          Entries: open.map((sku) => ({
            EventBusName: eventBusName,
            Source: SOURCES.inventory,
            DetailType: 'StockLow',
            Detail: JSON.stringify({ version: 1, sku } satisfies EventData<'StockLow'>),
          })),
        }),
        { ...(abortSignal && { abortSignal }) },
      );
      const refused = answers.flatMap(({ ErrorCode, ErrorMessage }, index) =>
        ErrorCode === undefined ? [] : [{ sku: open[index] ?? '', ErrorCode, ErrorMessage }],
      );
      if (refused.length === 0) return;
      refusals = refused
        .map(({ sku, ErrorCode, ErrorMessage }) => `${sku}: ${ErrorCode} ${ErrorMessage ?? ''}`)
        .join('; ');
      open = refused.map(({ sku }) => sku);
    }
    throw new Error(`${eventBusName} refused StockLow of ${refusals}`);
  }

  /** Tells what is not told in its round yet, if `isDue`, and notes that. */
  async function tellOnce(
    skus: readonly string[],
    isDue: (row: SkuRow) => boolean,
    abortSignal?: AbortSignal,
  ): Promise<void> {
    const rows = await stored.skus(skus, abortSignal);
    const due = [...new Set(skus)].filter((sku) => {
      const row = rows.get(sku) ?? {};
      return row.toldRound !== roundOf(row) && isDue(row) && !underWay.has(sku);
    });
    for (const sku of due) underWay.add(sku);
    try {
      await put(due, abortSignal);
      await Promise.all(due.map((sku) => note(sku, rows.get(sku), abortSignal)));
    } finally {
      for (const sku of due) underWay.delete(sku);
    }
  }

  /** Should that round have passed meanwhile, it is noted in vain: then the next reservation tells again. */
  async function note(sku: string, row: SkuRow | undefined, abortSignal?: AbortSignal) {
    if (!row) return;
    await table.send(
      new UpdateCommand({
        TableName: stockTable,
        Key: { key: skuKey(sku) },
        UpdateExpression: 'SET toldRound = :round',
        ExpressionAttributeValues: { ':round': roundOf(row) },
      }),
      { ...(abortSignal && { abortSignal }) },
    );
  }

  return {
    async tellIfLow(skus) {
      try {
        await tellOnce(skus, isLow, AbortSignal.timeout(TELL_WITHIN_MS));
      } catch {
        // The pieces are taken or not, whether or not it can be told.
      }
    },

    async tellShort(skus) {
      await tellOnce(skus, () => true);
    },

    tell: put,

    async tellInTime(pick) {
      try {
        await put(await pick(), AbortSignal.timeout(TELL_WITHIN_MS));
      } catch {
        // The pieces are given back, whether or not it can be told.
      }
    },
  };
}

/** How long reserving waits for the bus, in milliseconds. */
const TELL_WITHIN_MS = 1_000;
/** The most that EventBridge takes in one call. */
const BATCH_SIZE = 10;
const PUT_ROUNDS = 3;
const PAUSE_MS = 50;

function isLow({ available = 0, threshold = 0 }: SkuRow): boolean {
  return available < threshold;
}

export function roundOf({ round = 0 }: Pick<SkuRow, 'round'>): number {
  return round;
}
