import type { Sender } from '../../../dev/feed/sender.ts';
import type { Disagreement } from '../../../src/console/checks.ts';
import type { OrderFacts } from '../../../src/console/workflowFacts.ts';
import { EVENTS } from '../../../src/contracts/events.ts';
import { orderWorkflowId, type OrderKey } from '../../../src/contracts/orders.ts';

/** Notes what is sent with a promise of order, and checks that the orders took it so. */
export function watchOrder(sender: Sender) {
  /** Event IDs in the order in which they were first sent, by workflow ID. */
  const sent = new Map<string, Set<string>>();
  return {
    sender: {
      ...sender,
      send(event) {
        if (event.way === 'fifo') {
          const group = orderWorkflowId(event.data as OrderKey);
          const ids = sent.get(group) ?? new Set();
          sent.set(group, ids.add(`${EVENTS[event.type].source}:${event.eventId}`));
        }
        return sender.send(event);
      },
    } satisfies Sender,

    /** How many groups there were. */
    get groups() {
      return sent.size;
    },

    /** Those orders whose inbox has them in another order. */
    check(facts: readonly OrderFacts[]): readonly Disagreement[] {
      return facts.flatMap(({ workflowId, inbox }) => {
        const ids = sent.get(workflowId) ?? new Set();
        const taken = inbox.records.map(({ id }) => id).filter((id) => ids.has(id));
        const first = [...new Set(taken)];
        const expected = [...ids].filter((id) => first.includes(id));
        return first.every((id, index) => id === expected[index])
          ? []
          : [{ subject: workflowId, says: `took ${first.join(', ')} out of order` }];
      });
    },
  };
}
