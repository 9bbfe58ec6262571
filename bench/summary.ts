import { type ApiFigure, apiFiguresOf, type ApiMeasurements, LEAST_OF_BARE } from './apiFigures.ts';
import { type Figure, figuresOf } from './figures.ts';
import type { Measurements } from './measurements.ts';
import { type OrderFigure, orderFiguresOf, type OrderRounds } from './orderFigures.ts';
import { NONE, spread, tableOf } from './report.ts';
import type { SellerDelays } from './sellers.ts';

/** What each part has measured. */
export interface PartMeasurements {
  readonly bridge: Measurements;
  readonly orders: OrderRounds;
  readonly api: ApiMeasurements;
  readonly sellers: SellerDelays;
}

/** What the measurements of each part say. */
export interface PartFigures {
  readonly bridge: readonly Figure[];
  readonly orders: readonly OrderFigure[];
  readonly api: readonly ApiFigure[];
  readonly sellers: SellerDelays;
}

export function partFiguresOf({ bridge, orders, api, sellers }: PartMeasurements): PartFigures {
  return {
    bridge: figuresOf(bridge),
    orders: orderFiguresOf(orders),
    api: apiFiguresOf(api),
    sellers,
  };
}

const HEAD = ['part', 'figure', 'ours', 'beside', 'ratio', 'to reach', 'reached'];

/** The figures of all parts as one table: medians, and from the least to the most; each beside its nearest peer. */
export function summaryOf({ bridge, orders, api, sellers }: PartFigures): string {
  return tableOf([
    HEAD,
    ...bridge.map(({ figure, ours, ratio, target, ...peers }) => [
      'bridge',
      figure,
      spread(ours),
      nearestOf(peers),
      spread(ratio),
      ...reached(target),
    ]),
    ...orders.map(({ figure, ours, obvious, ratio, target }) => [
      'orders',
      figure,
      spread(ours),
      `obvious ${spread(obvious)}`,
      spread(ratio),
      ...reached(target),
    ]),
    ...api.flatMap((figure) => apiLines(figure)),
    ['sellers', 'quiet: s until paid', spread(sellers.quiet), NONE, NONE, NONE, NONE],
    [
      'sellers',
      'behind a burst: s until paid',
      spread(sellers.behindBurst),
      `without shares ${spread(sellers.withoutShares)}`,
      NONE,
      NONE,
      NONE,
    ],
  ]);
}

function nearestOf({ limit, naive10, naive1 }: Pick<Figure, 'limit' | 'naive1' | 'naive10'>) {
  if (limit) return `limit ${spread(limit)}`;
  if (naive10) return `naive x10 ${spread(naive10)}`;
  return naive1 ? `naive x1 ${spread(naive1)}` : NONE;
}

function apiLines({ row, ours, bare, ratio, p99, bareP99, reached: isReached }: ApiFigure) {
  const target =
    isReached === null ? undefined : { toReach: `>= ${LEAST_OF_BARE} of bare`, reached: isReached };
  return [
    ['api', `${row}: requests/s`, spread(ours), `bare ${spread(bare)}`, spread(ratio)].concat(
      reached(target),
    ),
    ['api', `${row}: p99, ms`, spread(p99), `bare ${spread(bareP99)}`, NONE, NONE, NONE],
  ];
}

function reached(target: Figure['target']): readonly string[] {
  return target ? [target.toReach, target.reached ? 'yes' : 'no'] : [NONE, NONE];
}
