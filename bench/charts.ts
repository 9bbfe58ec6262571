import type { TopLevelSpec } from 'vega-lite';
import type { ApiFigure } from './apiFigures.ts';
import type { Figure } from './figures.ts';
import { type Curve, CURVES } from './growthFigures.ts';
import type { OrderFigure } from './orderFigures.ts';
import type { SellerDelays } from './sellers.ts';
import { median } from './statistics.ts';
import type { PartFigures } from './summary.ts';

/** Charts by the name of their file, without its ending. */
export type Charts = Readonly<Record<string, TopLevelSpec>>;

/** The charts of what all parts together have measured. */
export function togetherCharts({ bridge, orders, api, sellers }: PartFigures): Charts {
  return {
    bridge: barChart('Events a second', 'events/s', bridgeBars(bridge)),
    orders: barChart('An order, for one of the obvious order', 'ours / obvious', orderBars(orders)),
    api: barChart('Requests a second', 'requests/s', apiBars(api)),
    sellers: barChart("Until one seller's order is paid", 'seconds', sellerBars(sellers)),
  };
}

/** A chart for each curve. */
export function growthCharts(curves: readonly Curve[]): Charts {
  return Object.fromEntries(curves.map((curve) => [`growth-${curve.name}`, lineChart(curve)]));
}

interface Bar {
  readonly figure: string;
  /** Who is measured. */
  readonly side: string;
  readonly values: readonly number[];
}

function bridgeBars(figures: readonly Figure[]): readonly Bar[] {
  return figures
    .filter(({ figure }) => figure.endsWith('events/s'))
    .flatMap(({ row, ours, naive1 = [], naive10 = [], limit = [] }) => [
      { figure: row, side: 'bridge', values: ours },
      { figure: row, side: 'naive x1', values: naive1 },
      { figure: row, side: 'naive x10', values: naive10 },
      { figure: row, side: 'bare calls', values: limit },
    ]);
}

function orderBars(figures: readonly OrderFigure[]): readonly Bar[] {
  return figures.map(({ figure, ratio }) => ({ figure, side: 'ours', values: ratio }));
}

function apiBars(figures: readonly ApiFigure[]): readonly Bar[] {
  return figures.flatMap(({ row, ours, bare }) => [
    { figure: row, side: 'orders API', values: ours },
    { figure: row, side: 'bare route', values: bare },
  ]);
}

function sellerBars({ quiet, behindBurst, withoutShares }: SellerDelays): readonly Bar[] {
  return [
    { figure: 'on a quiet service', side: 'the order', values: quiet },
    { figure: "behind another's burst", side: 'the order', values: behindBurst },
    { figure: 'the same without shares', side: 'the order', values: withoutShares },
  ];
}

/** A bar to the median, which stands beside it, and a line from the least to the most. Whoever was not measured has none. */
function barChart(title: string, unit: string, bars: readonly Bar[]): TopLevelSpec {
  const measured = bars.filter(({ values }) => values.length > 0);
  const sides = new Set(measured.map(({ side }) => side));
  return {
    title,
    width: WIDTH,
    height: { step: STEP },
    data: { values: measured.map(({ values, ...bar }) => ({ ...bar, ...spreadOf(values) })) },
    encoding: {
      y: { field: 'figure', type: 'nominal', sort: null, title: null },
      yOffset: { field: 'side', sort: null },
      x: { type: 'quantitative', title: unit },
    },
    layer: [
      {
        mark: 'bar',
        encoding: {
          x: { field: 'median' },
          color: {
            field: 'side',
            type: 'nominal',
            sort: null,
            title: null,
            // One side needs no legend.
            ...(sides.size === 1 && { legend: null }),
          },
        },
      },
      { mark: 'rule', encoding: { x: { field: 'least' }, x2: { field: 'most' } } },
      {
        mark: { type: 'text', align: 'left', dx: 4 },
        encoding: {
          x: { field: 'most' },
          text: { field: 'median', type: 'quantitative', format: '.3~r' },
        },
      },
    ],
    config: CONFIG,
  };
}

function lineChart({ name, series }: Curve): TopLevelSpec {
  const { grows, measured } = CURVES[name];
  const values = series.flatMap(({ name: side, points }) =>
    points.map((point) => ({ side, at: point.at, ...spreadOf(point.values) })),
  );
  const grown = [...new Set(values.map(({ at }) => at))];
  return {
    title: `${measured}, by ${grows}`,
    width: WIDTH,
    height: HEIGHT,
    data: { values },
    encoding: {
      x: { field: 'at', type: 'quantitative', title: grows, axis: { values: grown } },
      y: { type: 'quantitative', title: measured, scale: { zero: true } },
      color: {
        field: 'side',
        type: 'nominal',
        sort: null,
        title: null,
        ...(series.length === 1 && { legend: null }),
      },
    },
    layer: [
      { mark: { type: 'line', point: true }, encoding: { y: { field: 'median' } } },
      { mark: 'rule', encoding: { y: { field: 'least' }, y2: { field: 'most' } } },
    ],
    config: CONFIG,
  };
}

const WIDTH = 480;
const HEIGHT = 240;
/** Of one bar. */
const STEP = 16;
/** No name is cut off. */
const CONFIG = { axis: { labelLimit: 300 }, legend: { labelLimit: 300 } };

function spreadOf(values: readonly number[]) {
  return { median: median(values), least: Math.min(...values), most: Math.max(...values) };
}
