import { proxyActivities, workflowInfo } from '@temporalio/workflow';
import type { SweepActivities, SweepCounts } from '../contracts/sweep.ts';
import { own } from './tries.ts';

const { auditAll } = proxyActivities<SweepActivities>({
  startToCloseTimeout: '4h',
  // While a sweep runs no other is begun by the schedule: one that cannot be done has to end.
  scheduleToCloseTimeout: '12h',
  heartbeatTimeout: '20s',
  cancellationType: 'WAIT_CANCELLATION_COMPLETED',
  retry: { initialInterval: '10s', maximumInterval: '10m' },
});
const { announceAudit, reportMismatch } = proxyActivities<SweepActivities>({
  ...own,
  scheduleToCloseTimeout: '1h',
});

/**
 * Has the whole service audited, and tells what came of it: on the bus in any case, to support where something
 * disagrees. It fails where the audit cannot be done, or cannot be told of, for hours.
 */
export async function sweepWorkflow(): Promise<SweepCounts> {
  const findings = await auditAll();
  const report = { sweep: workflowInfo().workflowId, findings };
  // Neither waits for the other: support is told though the bus is down.
  await Promise.all([
    announceAudit(report),
    ...(findings.disagreements > 0 ? [reportMismatch(report)] : []),
  ]);
  const { orders, parked, disagreements } = findings;
  return { orders, parked, disagreements };
}
