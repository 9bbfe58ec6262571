import type { OrderNotification } from '../src/contracts/orders.ts';
import { isEnd } from '../src/domain/order.ts';

/**
 * Shows each order's way: one line for an order that comes to its end or needs somebody, with every state it
 * passed through.
 */
export function createView(print: (line: string) => void) {
  const ways = new Map<string, { readonly began: number; readonly states: Map<number, string> }>();

  return {
    show: ({ workflowId, version, state, reason, severity }: OrderNotification): void => {
      const way = ways.get(workflowId) ?? { began: Date.now(), states: new Map<number, string>() };
      ways.set(workflowId, way);
      if (way.states.has(version)) return;
      way.states.set(version, reason === null ? state : `${state} (${reason})`);
      if (!isEnd(state) && severity === 'info') return;
      // SNS does not keep the order; versions do.
      const states = [...way.states].toSorted(([one], [other]) => one - other);
      const took = `${((Date.now() - way.began) / 1_000).toFixed(1)} s`;
      print(`${workflowId}  ${states.map(([, name]) => name).join(' > ')}  ${took}`);
    },
  };
}
