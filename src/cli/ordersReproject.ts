import type { Client } from '@temporalio/client';
import { printable } from '../console/printable.ts';
import { reproject, type Reprojected } from '../console/reproject.ts';
import { orderWorkflow } from '../contracts/orders.ts';
import { assertTables, createTables } from '../platform/aws.ts';
import { loadConfig } from '../platform/config.ts';
import { UserError } from '../platform/errors.ts';
import { readOrderId } from './orderIds.ts';
import { startProgress } from './progress.ts';
import { countWorkflows, inTime } from './orderWorkflows.ts';
import { withTemporal } from './temporalTools.ts';

export interface OrdersReprojectOptions {
  readonly query?: string;
  readonly dryRun?: true;
  readonly json?: true;
}

/** How long one order may take, in milliseconds. */
const DEADLINE = 30_000;

/** Rebuilds rows from workflows, and prints what was changed; exit 1 when a row is not as its workflow says. */
export async function runOrdersReproject(
  ids: readonly string[],
  { query, dryRun, json }: OrdersReprojectOptions,
): Promise<void> {
  if ((ids.length === 0) === (query === undefined)) {
    throw new UserError('which orders are meant is not said', 'give IDs, or --query <query>');
  }
  const named = ids.map(readOrderId);
  const config = loadConfig('orders');
  const table = createTables();
  await assertTables(table, [config.ordersTable, config.sellersTable]);
  const counts = { agrees: 0, rebuilt: 0, differs: 0, impossible: 0 };
  await withTemporal(async (temporal) => {
    const { client } = temporal;
    const total = query === undefined ? named.length : await countWorkflows(client, query);
    const silent = json === true;
    const progress = await startProgress({ label: 'reading', total, silent });
    try {
      for await (const workflowId of query === undefined ? named : findOrders(client, query)) {
        const done = await inTime(temporal, DEADLINE, () =>
          reproject({ ...config, temporal: client, table, dryRun: dryRun === true }, workflowId),
        );
        counts[done.outcome] += 1;
        progress.set(Object.values(counts).reduce((sum, count) => sum + count, 0));
        console.log(json ? JSON.stringify(done) : printable(describe(done)));
      }
    } finally {
      progress.stop();
    }
  });
  if (!json) console.log(describeCounts(counts));
  if (counts.differs + counts.impossible > 0) process.exitCode = 1;
}

/** Each order once, whatever number of runs it has. */
async function* findOrders({ workflow }: Client, query: string): AsyncGenerator<string> {
  const seen = new Set<string>();
  for await (const { workflowId, type } of workflow.list({ query })) {
    if (type !== orderWorkflow.workflowType || seen.has(workflowId)) continue;
    seen.add(workflowId);
    yield workflowId;
  }
  if (seen.size > 0) return;
  throw new UserError(
    `no order is found by: ${query}`,
    'Temporal finds what its namespace retains; `temporal workflow list --query` shows it',
  );
}

function describe({ workflowId, outcome, reason, changes }: Reprojected): string {
  const why = reason ?? changes.join('; ');
  return `${outcome.padEnd(10)}  ${workflowId}${why === '' ? '' : `: ${why}`}`;
}

function describeCounts(counts: Readonly<Record<Reprojected['outcome'], number>>): string {
  return Object.entries(counts)
    .filter(([outcome, count]) => count > 0 || outcome === 'agrees')
    .map(([outcome, count]) => `${count} ${outcome}`)
    .join(', ');
}
