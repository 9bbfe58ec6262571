import type { OrderRow } from '../contracts/orders.ts';
import type { TimelineEntry } from '../contracts/timeline.ts';
import { winnerOf } from '../contracts/winner.ts';
import { describeWinner, textOf } from './orderTexts.ts';
import { describeDuration } from './printable.ts';

/** What happened to an order, line by line: how long after it was placed, what, and how long it took. */
export function describeTimeline({
  timeline,
  placedAt,
}: Pick<OrderRow, 'timeline' | 'placedAt'>): readonly string[] {
  const since = Date.parse(placedAt);
  const lines = timeline.map((entry) => {
    const after = describeDuration(Math.max(0, Date.parse(entry.at) - since));
    const first = firstBefore(entry, timeline);
    const took = entry.took === null ? '' : ` (took ${describeDuration(entry.took)})`;
    return [`+${after}`, `${textOf(entry)}${first}${took}`] as const;
  });
  const width = Math.max(0, ...lines.map(([after]) => after.length));
  const dropped = (timeline[0]?.n ?? 1) - 1;
  return [
    ...(dropped > 0 ? [`(${dropped} earlier entries are not kept)`] : []),
    ...lines.map(([after, text]) => `${after.padStart(width)}  ${text}`),
  ];
}

/** What made a refused thing impossible, as far as the timeline still has it. */
function firstBefore(
  { n, outcome, reason }: TimelineEntry,
  timeline: readonly TimelineEntry[],
): string {
  if (outcome !== 'refused' || reason === null) return '';
  const winner = winnerOf(
    reason,
    timeline.filter((entry) => entry.n < n),
  );
  return winner ? ` (${describeWinner(winner)} was first)` : '';
}
