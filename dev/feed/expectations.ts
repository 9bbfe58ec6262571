import type { OrderRow } from '../../src/contracts/orders.ts';
import type { LedgerEntry } from '../../src/console/ledger.ts';
import { orderWorkflowId } from '../../src/contracts/orders.ts';
import type { Scenario } from './scenarios.ts';

/** Which orders are not where their scenario ends, in state and in money; empty when all are. */
export function unmet(
  scenarios: readonly Scenario[],
  rows: readonly OrderRow[],
  ledger: readonly LedgerEntry[],
): readonly string[] {
  const byKey = new Map(rows.map((row) => [row.workflowId, row]));
  const entries = Map.groupBy(ledger, ({ orderKey }) => orderKey);
  return scenarios.flatMap(({ placed, ends }) => {
    const key = orderWorkflowId(placed);
    const state = byKey.get(key)?.state ?? 'absent';
    const sum = (of: 'captured' | 'refunded') =>
      (entries.get(key) ?? []).reduce((total, entry) => total + entry[of], 0);
    const is = { state, captured: sum('captured'), refunded: sum('refunded') };
    const differs = (['state', 'captured', 'refunded'] as const).filter(
      (field) => is[field] !== ends[field],
    );
    return differs.map((field) => `${key}: ${field} is ${is[field]}, expected ${ends[field]}`);
  });
}
