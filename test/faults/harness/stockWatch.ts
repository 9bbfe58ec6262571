import { setTimeout as delay } from 'node:timers/promises';
import { GetCommand } from '@aws-sdk/lib-dynamodb';
import type { StackClients } from '../../../dev/clients.ts';
import { readTables } from '../../../src/console/tables.ts';

/** Looks at one SKU all the time. */
export interface StockWatch {
  /** How often it was looked. */
  readonly samples: number;
  /** The moments at which there was less than none, or other pieces were missing than are reserved. */
  readonly wrong: readonly string[];
  stop(): Promise<void>;
}

/** How often the pieces are looked at between two looks at the reservations, and how long in between, in milliseconds. */
const LOOKS = 5;
const EVERY = 10;

/**
 * Watches a SKU from which orders take and to which nothing comes back. Item and reservations cannot be read at the same
 * moment; but reservations only become more. So what is missing of the first stock is at least what was reserved
 * before the item was read, and at most what is reserved after that.
 */
export function watchStock(clients: StackClients, sku: string, initial: number): StockWatch {
  const stopping = new AbortController();
  const wrong: string[] = [];
  let samples = 0;

  async function readAvailable(): Promise<number> {
    const { Item } = await clients.table.send(
      new GetCommand({
        TableName: clients.stockTable,
        Key: { key: `SKU#${sku}` },
        ConsistentRead: true,
      }),
    );
    return Number(Item?.['available']);
  }

  async function readReserved(): Promise<number> {
    const { reservations } = await readTables(clients.table, clients);
    return reservations
      .filter(({ status }) => status === 'reserved')
      .flatMap(({ pieces }) => pieces)
      .reduce((sum, piece) => sum + (piece.sku === sku ? piece.quantity : 0), 0);
  }

  const watching = (async () => {
    let before = await readReserved();
    while (!stopping.signal.aborted) {
      const seen: number[] = [];
      for (let look = 1; look <= LOOKS; look += 1) {
        seen.push(await readAvailable());
        await delay(EVERY);
      }
      const after = await readReserved();
      samples += seen.length;
      for (const available of seen) {
        const taken = initial - available;
        if (available >= 0 && taken >= before && taken <= after) continue;
        wrong.push(
          `${available} of ${initial} were left while ${before} to ${after} were reserved`,
        );
      }
      before = after;
    }
  })();
  // Its failure is told by `stop`.
  watching.catch(() => undefined);

  return {
    get samples() {
      return samples;
    },
    wrong,
    async stop() {
      stopping.abort();
      await watching;
    },
  };
}
