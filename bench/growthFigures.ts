import { spread, tableOf } from './report.ts';

/** One value, measured with so many of what grows. */
export interface Measured {
  readonly series: string;
  readonly at: number;
  readonly value: number;
}

/** All values that were measured with so many of what grows. */
export interface Point {
  readonly at: number;
  readonly values: readonly number[];
}

export interface Series {
  readonly name: string;
  readonly points: readonly Point[];
}

/** How one figure grows. */
export interface Curve {
  readonly name: CurveName;
  readonly series: readonly Series[];
}

/** The curves, with what grows and what is measured with its unit. */
export const CURVES = {
  bridges: { grows: 'bridges', measured: 'events/s' },
  'bridges-cpu': { grows: 'bridges', measured: 'CPU s/1,000 events' },
  backlog: { grows: 'messages in the queue', measured: 'events/s' },
  history: { grows: 'events in the history', measured: 'ms until an event is taken' },
  orders: { grows: 'orders in flight', measured: 'orders/s' },
  'orders-memory': { grows: 'orders in flight', measured: "the worker's memory, MB" },
} as const;

export type CurveName = keyof typeof CURVES;

/** The values by series and by what grew, each where it was measured. */
export function pointsOf(measured: readonly Measured[]): readonly Series[] {
  return [...Map.groupBy(measured, ({ series }) => series)].map(([name, ofSeries]) => ({
    name,
    points: [...Map.groupBy(ofSeries, ({ at }) => at)]
      .map(([at, ofPoint]) => ({ at, values: ofPoint.map(({ value }) => value) }))
      .toSorted((one, other) => one.at - other.at),
  }));
}

/** The curves as a table: medians, and from the least to the most. */
export function growthReportOf(curves: readonly Curve[]): string {
  const lines = curves.flatMap(({ name, series }) =>
    series.flatMap((one) =>
      one.points.map(({ at, values }) => [
        CURVES[name].grows,
        at.toLocaleString('en'),
        CURVES[name].measured,
        one.name,
        spread(values),
      ]),
    ),
  );
  return tableOf([['what grows', 'to', 'measured', 'of', 'median (least-most)'], ...lines]);
}
