import type { Figure } from './figures.ts';
import { median } from './statistics.ts';

const HEAD = ['figure', 'ours', 'naive x1', 'naive x10', 'limit', 'ratio', 'to reach', 'reached'];
export const NONE = '-';

/** The figures as a table: medians over the rounds, and from the least to the most. */
export function reportOf(figures: readonly Figure[]): string {
  const lines = figures.map(({ figure, ours, naive1, naive10, limit, ratio, target }) => [
    figure,
    ...[ours, naive1, naive10, limit, ratio].map(spread),
    target?.toReach ?? NONE,
    target ? (target.reached ? 'yes' : 'no') : NONE,
  ]);
  return tableOf([HEAD, ...lines]);
}

/** Lines of cells, each column as wide as its widest cell. */
export function tableOf(lines: readonly (readonly string[])[]): string {
  const widths = (lines[0] ?? []).map((_, column) =>
    Math.max(...lines.map((cells) => cells[column]?.length ?? 0)),
  );
  return lines
    .map((cells) => cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  '))
    .map((line) => line.trimEnd())
    .join('\n');
}

/** The median, and from the least to the most. */
export function spread(values: readonly number[] | undefined): string {
  if (!values || values.length === 0) return NONE;
  const middle = short(median(values));
  if (values.length === 1) return middle;
  return `${middle} (${short(Math.min(...values))}-${short(Math.max(...values))})`;
}

/** Three digits that count; all of them before the point. */
function short(value: number): string {
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value) || 1)));
  return value.toFixed(Math.min(digits, 3));
}
