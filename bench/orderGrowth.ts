import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { ORDER_STATE_ATTRIBUTE } from '../src/contracts/orders.ts';
import { concurrently } from './concurrently.ts';
import { type Curve, type Measured, pointsOf } from './growthFigures.ts';
import type { Endpoints } from './job.ts';
import { ORDER_SIDES } from './orderSides.ts';
import { createOrderStage } from './orderStage.ts';
import { placedOrder } from './placedOrders.ts';

export interface InFlightLoad {
  /** How many orders wait while others are measured, from the least to the most. */
  readonly waiting: readonly number[];
  /** Measured beside them, from their placing to their end, as often as there are rounds. */
  readonly orders: number;
  readonly rounds: number;
}

/** Orders measured that are under way at once. */
const AT_ONCE = 20;
/** As many as a bridge makes. */
const CALLS_AT_ONCE = 50;
/** The sandbox of the screening leaves orders of such customers in doubt: they wait two days for a person. */
const DOUBTFUL = 'doubtful-bench';
/** In milliseconds. */
const LOOK_EVERY = 500;

/** Measures how fast orders go while others wait, at the same worker and the same service, and what the worker holds. */
export async function growOrders(
  endpoints: Endpoints,
  { waiting, orders, rounds }: InFlightLoad,
  onProgress: (message: string) => void,
): Promise<readonly Curve[]> {
  const stage = await createOrderStage(endpoints);
  const rates: Measured[] = [];
  const memory: Measured[] = [];
  try {
    await stage.withWorker('in-flight', async (work) => {
      const series = 'worker';
      let placed = 0;
      // What a fresh process does first is slow.
      await work.runToEnd('first', orders, AT_ONCE);
      for (const at of waiting) {
        await placeOnReview(work.client, placed, at);
        placed = at;
        memory.push({ series, at, value: await work.memory() });
        for (let round = 0; round < rounds; round += 1) {
          const value = orders / (await work.runToEnd(`beside-${at}-${round}`, orders, AT_ONCE));
          rates.push({ series, at, value });
          onProgress(`${at} orders wait, round ${round + 1}: ${value.toFixed(1)} orders/s`);
        }
      }
    });
  } finally {
    await stage.close();
  }
  return [
    { name: 'orders', series: pointsOf(rates) },
    { name: 'orders-memory', series: pointsOf(memory) },
  ];
}

/** Places the orders from one number up to another, and waits until all below it wait for a person. */
async function placeOnReview(client: Client, from: number, to: number): Promise<void> {
  await concurrently(CALLS_AT_ONCE, to - from, async (index) => {
    const placed = { ...placedOrder(`waiting-${from + index}`), customerId: DOUBTFUL };
    await ORDER_SIDES.ours.start(client, placed);
  });
  const onReview = `${ORDER_STATE_ATTRIBUTE} = "on-review"`;
  while ((await client.workflow.count(onReview)).count < to) await delay(LOOK_EVERY);
}
