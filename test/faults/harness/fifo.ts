import type { Sender } from '../../../dev/feed/sender.ts';
import type { Disagreement } from '../../../src/console/checks.ts';
import type { OrderFacts } from '../../../src/console/workflowFacts.ts';
import { EVENTS } from '../../../src/contracts/events.ts';
import { orderWorkflowId, type OrderKey } from '../../../src/contracts/orders.ts';

/** Whether the orders took what was sent in order as it was sent. */
export interface OrderKept {
  /** Orders that took several such events: of one there is no order. */
  readonly compared: number;
  readonly outOfOrder: readonly Disagreement[];
}

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

    /** Compares what the orders' inboxes have. */
    check(facts: readonly OrderFacts[]): OrderKept {
      const groups = facts.map(({ workflowId, inbox }) => {
        const ids = sent.get(workflowId) ?? new Set();
        const taken = inbox.records.map(({ id }) => id).filter((id) => ids.has(id));
        const first = [...new Set(taken)];
        return { workflowId, first, expected: [...ids].filter((id) => first.includes(id)) };
      });
      return {
        compared: groups.filter(({ first }) => first.length > 1).length,
        outOfOrder: groups
          .filter(({ first, expected }) => first.some((id, index) => id !== expected[index]))
          .map(({ workflowId, first }) => ({
            subject: workflowId,
            says: `took ${first.join(', ')} out of order`,
          })),
      };
    },
  };
}
