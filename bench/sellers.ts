import { WithStartWorkflowOperation, type Client } from '@temporalio/client';
import {
  awaitPayment,
  newOrder,
  orderPriority,
  orderQuery,
  orderWorkflow,
  orderWorkflowId,
  type PlacedOrder,
} from '../src/contracts/orders.ts';
import { DEFAULT_POLICY } from '../src/domain/policy.ts';
import { now } from './clock.ts';
import { concurrently } from './concurrently.ts';
import { describeEnvironment, type Environment } from './environment.ts';
import { ORDER_SIDES } from './orderSides.ts';
import { createOrderStage } from './orderStage.ts';
import { placedOrder } from './placedOrders.ts';
import { NONE, spread, tableOf } from './report.ts';
import { startServers } from './servers.ts';
import { median } from './statistics.ts';

export interface SellerLoad {
  /** Orders that one seller gets at once. */
  readonly burst: number;
  /** Orders of the other seller, one after another, on a quiet service and behind the burst. */
  readonly single: number;
}

/** As many as a bridge makes. */
const CALLS_AT_ONCE = 50;

export const SELLER_LOAD: SellerLoad = { burst: 500, single: 5 };

/** How long the orders of the one seller take until they are paid, in seconds. */
export interface SellerDelays {
  readonly quiet: readonly number[];
  /** While the other seller's burst is worked off. */
  readonly behindBurst: readonly number[];
  /** The same without fair shares: the order is the same seller's, and the last. */
  readonly withoutShares: readonly number[];
  /** Orders of the burst that were not paid yet when the last single one was: else it waited for nobody. */
  readonly leftBehindBurst: readonly number[];
  readonly leftWithoutShares: readonly number[];
}

export interface SellerBench {
  readonly environment: Environment;
  readonly delays: SellerDelays;
}

/** Measures how much one seller's burst delays another seller's orders, against servers of its own. */
export async function benchSellers(
  { burst, single }: SellerLoad,
  onProgress: (message: string) => void,
): Promise<SellerBench> {
  const servers = await startServers(onProgress);
  try {
    const stage = await createOrderStage(servers.endpoints);
    try {
      const environment = await describeEnvironment(await stage.serverVersion());
      const behind = (name: string, orders: Behind) =>
        stage.withWorker(name, ({ client }) => {
          onProgress(`${burst} orders at once, then ${orders.single} of seller ${orders.seller}`);
          return behindBurst(client, name, orders);
        });
      const quiet = await stage.withWorker('quiet', async ({ client }) => {
        // What a fresh process does first is slow.
        await oneByOne(client, 'first', single, 'small');
        return await oneByOne(client, 'quiet', single, 'small');
      });
      const fair = await behind('fair', { burst, single, seller: 'small' });
      // The first of them waits for the whole burst.
      const unfair = await behind('unfair', { burst, single: 1, seller: 'big' });
      return {
        environment,
        delays: {
          quiet,
          behindBurst: fair.seconds,
          withoutShares: unfair.seconds,
          leftBehindBurst: [fair.left],
          leftWithoutShares: [unfair.left],
        },
      };
    } finally {
      await stage.close();
    }
  } finally {
    await servers.stop();
  }
}

interface Behind extends SellerLoad {
  /** Whose the single orders are: `big` is the seller of the burst. */
  readonly seller: string;
}

async function behindBurst(client: Client, name: string, { burst, single, seller }: Behind) {
  const orders = Array.from({ length: burst }, (_, index) =>
    placedOrder(`${name}-burst-${index}`, 'big'),
  );
  const each = (work: (placed: PlacedOrder) => Promise<void>) =>
    concurrently(CALLS_AT_ONCE, burst, (index) => work(orders[index] as PlacedOrder));
  await each(async (placed) => {
    await ORDER_SIDES.ours.start(client, placed);
  });
  const seconds = await oneByOne(client, name, single, seller);
  let left = 0;
  await each(async (placed) => {
    const handle = client.workflow.getHandle(orderWorkflowId(placed));
    const { state } = await handle.query(orderQuery);
    if (state !== 'fulfilling') left += 1;
    // The next burst is not to wait for the rest of this one.
    await handle.terminate();
  });
  return { seconds, left };
}

async function oneByOne(client: Client, name: string, count: number, seller: string) {
  const seconds: number[] = [];
  for (let index = 0; index < count; index += 1) {
    const began = now();
    await untilPaid(client, placedOrder(`${name}-${index}`, seller));
    seconds.push((now() - began) / 1_000);
  }
  return seconds;
}

/** Places an order and waits for its payment's outcome, as `POST /orders` with `Prefer: wait` does. */
async function untilPaid(client: Client, placed: PlacedOrder): Promise<void> {
  const { workflowType, taskQueue } = orderWorkflow;
  const startWorkflowOperation = new WithStartWorkflowOperation(workflowType, {
    workflowId: orderWorkflowId(placed),
    taskQueue,
    args: [newOrder(placed, DEFAULT_POLICY)],
    priority: orderPriority(placed),
    workflowIdConflictPolicy: 'FAIL',
  });
  const { outcome } = await client.workflow.executeUpdateWithStart(awaitPayment, {
    startWorkflowOperation,
  });
  if (outcome !== 'paid') throw new Error(`${placed.orderId}: expected paid, found ${outcome}`);
}

/** The delays as a table: medians, and from the least to the most. */
export function sellerReportOf(delays: SellerDelays): string {
  const { quiet, behindBurst, withoutShares, leftBehindBurst, leftWithoutShares } = delays;
  const times = (seconds: readonly number[]) => (median(seconds) / median(quiet)).toFixed(1);
  return tableOf([
    ["one seller's order", 'seconds until paid', 'times quiet', 'of the burst left'],
    ['quiet', spread(quiet), '1.0', NONE],
    ["behind another's burst", spread(behindBurst), times(behindBurst), spread(leftBehindBurst)],
    [
      'the same without shares',
      spread(withoutShares),
      times(withoutShares),
      spread(leftWithoutShares),
    ],
  ]);
}
