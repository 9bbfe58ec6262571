import { orderWorkflowId } from '../contracts/orders.ts';
import type { ReturnRow } from '../contracts/returns.ts';
import { isReturnEnd } from '../domain/return.ts';
import { checkInbox, type Disagreement, type Say } from './checks.ts';
import type { Stored } from './tables.ts';
import type { ReturnFacts } from './workflowFacts.ts';

/**
 * Checks each return: workflow and row have to say the same, its order has to be known, and what was accepted has to
 * be on sale again. What it refunded is checked with its order's money.
 */
export function checkReturns(
  facts: readonly ReturnFacts[],
  stored: Stored,
): readonly Disagreement[] {
  const rows = new Map(stored.returns.map((row) => [row.workflowId, row]));
  const orders = new Set(stored.orders.map(({ workflowId }) => workflowId));
  const found: Disagreement[] = [];
  const sayOf = (subject: string) => (says: string) => void found.push({ subject, says });
  for (const one of facts) {
    const say = sayOf(one.workflowId);
    checkInbox(one, say);
    const row = rows.get(one.workflowId);
    if (row) checkRow(one, row, say);
    else say(`its workflow is ${one.state}, but it has no row`);
  }
  const known = new Set(facts.map(({ workflowId }) => workflowId));
  for (const row of stored.returns) {
    const say = sayOf(row.workflowId);
    // Past the namespace's retention only the row remains, of a return that ended.
    if (!known.has(row.workflowId) && !isReturnEnd(row.state)) {
      say(`its row is ${row.state}, without a workflow`);
    }
    if (row.lines.length > 0 && !orders.has(orderWorkflowId(row))) {
      say(`its order ${orderWorkflowId(row)} has no row`);
    }
    checkRestock(row, stored, say);
  }
  return found;
}

function checkRow({ state, running }: ReturnFacts, row: ReturnRow, say: Say): void {
  if (row.state !== state) say(`its workflow is ${state}, its row ${row.state}`);
  if (!running && !isReturnEnd(row.state)) say(`its workflow ended while it was ${row.state}`);
  if (running && row.waitingFor === null) say(`it is ${row.state}, and waits for nothing named`);
}

/** Pieces are put on sale again after their refund, so while that is under way they may be or not. */
function checkRestock(row: ReturnRow, { restocks }: Stored, say: Say): void {
  const restock = restocks.find(({ returnKey }) => returnKey === row.workflowId);
  if (!restock && row.state !== 'refunded') return;
  const differences = new Map<string, number>();
  const count = (sku: string, quantity: number) =>
    differences.set(sku, (differences.get(sku) ?? 0) + quantity);
  for (const { sku, quantity } of restock?.pieces ?? []) count(sku, quantity);
  for (const { line, quantity } of row.accepted ?? []) {
    const sku = row.lines.find((one) => one.line === line)?.sku;
    if (sku !== undefined) count(sku, -quantity);
  }
  for (const [sku, difference] of differences) {
    if (difference === 0) continue;
    say(
      difference > 0
        ? `${difference} pieces of ${sku} are on sale again that were not accepted`
        : `${-difference} pieces of ${sku} were accepted and are not on sale again`,
    );
  }
}
