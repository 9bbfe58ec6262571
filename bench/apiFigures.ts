import type { LoadResult } from './job.ts';
import { NONE, spread, tableOf } from './report.ts';
import { median } from './statistics.ts';

/** The rows that can be asked for: orders whose ID the service makes, orders that bring their own, and reads. */
export const API_ROWS = ['place', 'place-named', 'read'] as const;

export type ApiRow = (typeof API_ROWS)[number];

/** One run of each side a round. */
export interface ApiRounds {
  readonly requests: number;
  readonly ours: readonly LoadResult[];
  readonly bare: readonly LoadResult[];
}

export type ApiMeasurements = Readonly<Partial<Record<ApiRow, ApiRounds>>>;

/** How much of the bare route's rate the API has to reach. */
export const LEAST_OF_BARE = 0.9;
const HEAD = ['row', 'ours/s', 'bare/s', 'ratio', 'p99 ms', 'bare p99 ms', 'to reach', 'reached'];
/** An own ID costs a write more than the bare route makes: told, not held against it. */
const WITH_TARGET: ReadonlySet<ApiRow> = new Set<ApiRow>(['place', 'read']);

export interface ApiFigure {
  readonly row: ApiRow;
  /** One a round, as all values. */
  readonly ours: readonly number[];
  readonly bare: readonly number[];
  readonly ratio: readonly number[];
  readonly p99: readonly number[];
  readonly bareP99: readonly number[];
  /** Null: nothing to reach. */
  readonly reached: boolean | null;
}

/** What the measurements say. Rows of what was not measured are absent. */
export function apiFiguresOf(measured: ApiMeasurements): readonly ApiFigure[] {
  return API_ROWS.flatMap((row) => {
    const rounds = measured[row];
    if (!rounds) return [];
    const perSecond = ({ seconds }: LoadResult) => rounds.requests / seconds;
    const ours = rounds.ours.map(perSecond);
    const bare = rounds.bare.map(perSecond);
    // Round by round, so that what slows down both leaves the quotient as it is.
    const ratio = ours.map((value, round) => value / (bare[round] ?? Number.NaN));
    const figure: ApiFigure = {
      row,
      ours,
      bare,
      ratio,
      p99: rounds.ours.map(({ p99 }) => p99),
      bareP99: rounds.bare.map(({ p99 }) => p99),
      reached: WITH_TARGET.has(row) ? median(ratio) >= LEAST_OF_BARE : null,
    };
    return [figure];
  });
}

/** The figures as a table: medians over the rounds, and from the least to the most. */
export function apiReportOf(figures: readonly ApiFigure[]): string {
  const lines = figures.map(({ row, ours, bare, ratio, p99, bareP99, reached }) => [
    row,
    ...[ours, bare, ratio, p99, bareP99].map(spread),
    reached === null ? NONE : `>= ${LEAST_OF_BARE} of bare`,
    reached === null ? NONE : reached ? 'yes' : 'no',
  ]);
  return tableOf([HEAD, ...lines]);
}
