import { describeEnvironment, type Environment } from './environment.ts';
import { type OrderFigure, orderFiguresOf, type OrderRounds } from './orderFigures.ts';
import type { OrderSide } from './orderSides.ts';
import { createOrderStage, type OrderLoad, type OrderRun } from './orderStage.ts';
import { startServers } from './servers.ts';

export interface OrderBenchOptions {
  /** Which rounds, counted from 0: each begins with another side. */
  readonly rounds: readonly number[];
  /** Of one run of each side. */
  readonly load: Omit<OrderLoad, 'name'>;
  readonly onProgress: (message: string) => void;
}

export interface OrderBench {
  readonly environment: Environment;
  readonly figures: readonly OrderFigure[];
  readonly measurements: OrderRounds;
}

/**
 * Enough under way for the service to be what limits both. A worker runs for weeks: its first orders, whose code is still
 * being compiled, are no measure (with 10 of them before 40, the quotient was 0.08 less).
 */
export const ORDER_LOAD: OrderBenchOptions['load'] = { orders: 150, warmUp: 50, inFlight: 20 };

/** Measures what an order costs, beside one that is written the obvious way, against servers of its own. */
export async function benchOrders({
  rounds,
  load,
  onProgress,
}: OrderBenchOptions): Promise<OrderBench> {
  const servers = await startServers(onProgress);
  try {
    const stage = await createOrderStage(servers.endpoints);
    try {
      const environment = await describeEnvironment(await stage.serverVersion());
      const measurements: Record<OrderSide, OrderRun[]> = { ours: [], obvious: [] };
      const turns = ['ours', 'obvious'] as const;
      // Sides take turns, and another is the first each time: drift meets both alike.
      for (const round of rounds) {
        for (const side of round % 2 === 0 ? turns : turns.toReversed()) {
          const run = await stage.run(side, { ...load, name: `${side}-${round + 1}` });
          measurements[side].push(run);
          const perSecond = (run.orders / run.seconds).toFixed(1);
          onProgress(`round ${round + 1}: ${perSecond} orders/s, ${side}`);
        }
      }
      return { environment, figures: orderFiguresOf(measurements), measurements };
    } finally {
      await stage.close();
    }
  } finally {
    await servers.stop();
  }
}
