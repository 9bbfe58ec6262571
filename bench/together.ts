import { API_SIZES, benchApi } from './api.ts';
import type { ApiMeasurements } from './apiFigures.ts';
import { benchBridge } from './bridge.ts';
import type { Environment } from './environment.ts';
import { type Measurements, type Sizes, SIZES } from './measurements.ts';
import type { OrderRounds } from './orderFigures.ts';
import { benchOrders, ORDER_LOAD, type OrderBenchOptions } from './orders.ts';
import { joinRounds, roundsUpTo } from './rounds.ts';
import { benchSellers, SELLER_LOAD, type SellerDelays, type SellerLoad } from './sellers.ts';
import { type PartFigures, partFiguresOf, type PartMeasurements } from './summary.ts';

/** How much each part measures in a round. */
export interface TogetherLoad {
  readonly bridge: Sizes;
  readonly orders: OrderBenchOptions['load'];
  readonly api: typeof API_SIZES;
  readonly sellers: SellerLoad;
}

export interface TogetherOptions {
  readonly rounds: number;
  readonly load: TogetherLoad;
  readonly onProgress: (message: string) => void;
}

export interface TogetherBench {
  readonly environment: Environment;
  readonly figures: PartFigures;
  readonly measurements: PartMeasurements;
}

/** For the bridge less than alone: three rounds of all parts are to end well within an hour, on two cores. */
export const TOGETHER_LOAD: TogetherLoad = {
  bridge: { ...SIZES, backlog: 2_000, search: 1_000, latencyEvents: 200, memoryEvents: 20_000 },
  orders: ORDER_LOAD,
  api: API_SIZES,
  sellers: SELLER_LOAD,
};

/**
 * Measures all parts, a round of each before the next round of any: what slows down the machine for a while meets all
 * alike. Each starts servers of its own each time, so that none finds what another has left behind.
 */
export async function benchTogether({
  rounds,
  load,
  onProgress,
}: TogetherOptions): Promise<TogetherBench> {
  const bridge: Measurements[] = [];
  const orders: OrderRounds[] = [];
  const api: ApiMeasurements[] = [];
  const sellers: SellerDelays[] = [];
  const environments: Environment[] = [];
  for (const round of roundsUpTo(rounds)) {
    const turn = { rounds: [round], onProgress };
    const bridgeBench = await benchBridge({ ...turn, sizes: load.bridge });
    bridge.push(bridgeBench.measurements);
    environments.push(bridgeBench.environment);
    orders.push((await benchOrders({ ...turn, load: load.orders })).measurements);
    api.push((await benchApi({ ...turn, ...load.api })).measurements);
    sellers.push((await benchSellers(load.sellers, onProgress)).delays);
  }
  const measurements: PartMeasurements = {
    bridge: joinRounds(bridge),
    orders: joinRounds(orders),
    api: joinRounds(api),
    sellers: joinRounds(sellers),
  };
  const [environment] = environments;
  if (!environment) throw new RangeError('no rounds');
  return { environment, figures: partFiguresOf(measurements), measurements };
}
