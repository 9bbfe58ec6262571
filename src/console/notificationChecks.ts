import type { OrderNotification, OrderRow } from '../contracts/orders.ts';
import type { Disagreement } from './checks.ts';

/** Checks that each change of state was announced, under its own stable ID. */
export function checkNotifications(
  rows: readonly OrderRow[],
  notifications: readonly OrderNotification[],
): readonly Disagreement[] {
  const told = Map.groupBy(notifications, ({ workflowId }) => workflowId);
  return rows.flatMap(({ workflowId, version }) => {
    const versions = new Set(told.get(workflowId)?.map((one) => one.version));
    const silent = Array.from({ length: version }, (_, index) => index + 1).filter(
      (expected) => !versions.has(expected),
    );
    return silent.length === 0
      ? []
      : [{ subject: workflowId, says: `versions ${silent.join(', ')} were not announced` }];
  });
}

/** Checks that a subscription got what its filter policy lets through, and nothing else. */
export function checkSubscription(
  name: string,
  expected: ReadonlySet<string>,
  received: ReadonlySet<string>,
): readonly Disagreement[] {
  return [
    ...[...expected.difference(received)].map((id) => ({
      subject: id,
      says: `did not reach ${name}`,
    })),
    ...[...received.difference(expected)].map((id) => ({
      subject: id,
      says: `reached ${name}, which is not meant for it`,
    })),
  ];
}
