import type { OrderRow } from '../contracts/orders.ts';
import type { TimelineEntry } from '../contracts/timeline.ts';
import { textOf } from './orderTexts.ts';
import { describeDuration } from './printable.ts';

/** What happened to an order, line by line: how long after it was placed, what, and how long it took. */
export function describeTimeline({
  timeline,
  placedAt,
}: Pick<OrderRow, 'timeline' | 'placedAt'>): readonly string[] {
  const since = Date.parse(placedAt);
  const lines = timeline.map((entry) => {
    const after = describeDuration(Math.max(0, Date.parse(entry.at) - since));
    const winner = winnerOf(entry, timeline);
    const first = winner ? ` (${nameOf(winner)} was first)` : '';
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

/** What came before what was refused, by the reason of its refusal. */
const WINNERS: Readonly<Record<string, readonly string[]>> = {
  'already-dispatched': ['ShipmentDispatched', 'ShipmentDelivered'],
  'order-cancelled': ['OrderCancelled', 'cancel'],
  'already-cancelled': ['OrderCancelled', 'cancel'],
};

/** What made a refused thing impossible, as far as the timeline still has it. */
function winnerOf(
  { n, outcome, reason }: TimelineEntry,
  timeline: readonly TimelineEntry[],
): TimelineEntry | undefined {
  if (outcome !== 'refused' || reason === null) return undefined;
  const names = WINNERS[reason] ?? [];
  return timeline.find(
    (entry) => entry.n < n && entry.outcome === 'applied' && names.includes(entry.name),
  );
}

function nameOf({ name, by }: TimelineEntry): string {
  return by === null ? name : `${name} ${by}`;
}
