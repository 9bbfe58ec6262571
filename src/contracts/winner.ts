import type { Winner } from './commands.ts';
import type { TimelineEntry } from './timeline.ts';

const SHIPMENT = ['ShipmentDispatched', 'ShipmentDelivered'];

/** Which event or command, once it is applied, is the cause of a refusal. */
const CAUSES: Readonly<Record<string, readonly string[]>> = {
  'already-dispatched': SHIPMENT,
  'already-inspected': ['decide-inspection'],
  'already-reviewed': ['decide-review'],
  'order-cancelled': ['cancel', 'OrderCancelled'],
  'order-closed': SHIPMENT,
  'order-rejected': ['decide-review'],
};

/**
 * Who was first, where a command is refused for this reason because somebody else was; absent where nobody
 * was, or the timeline no longer reaches back to it.
 */
export function winnerOf(reason: string, timeline: readonly TimelineEntry[]): Winner | undefined {
  const causes = CAUSES[reason] ?? [];
  const first = timeline.find(
    ({ name, outcome }) => outcome === 'applied' && causes.includes(name),
  );
  return first && { what: first.name, by: first.by, at: first.at };
}
