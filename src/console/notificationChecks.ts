import type { OrderNotification, OrderRow } from '../contracts/orders.ts';
import type { ReturnRow } from '../contracts/returns.ts';
import type { Disagreement } from './checks.ts';

type Numbered = Pick<OrderNotification, 'workflowId' | 'version' | 'notificationId'>;

/** Checks that each change of an order's state was announced, under its own stable ID. */
export function checkNotifications(
  rows: readonly OrderRow[],
  notifications: readonly Numbered[],
): readonly Disagreement[] {
  return checkTold(notifications, rows, ({ version }) =>
    Array.from({ length: version }, (_, index) => index + 1),
  );
}

/** Checks that each change of a return's state, and each reminder, was announced, as far as its row knows them. */
export function checkReturnNotifications(
  rows: readonly ReturnRow[],
  notifications: readonly Numbered[],
): readonly Disagreement[] {
  return checkTold(notifications, rows, ({ timeline }) =>
    timeline
      .filter(({ kind, name }) => kind === 'state' || name === 'remind-customer')
      .map(({ n }) => n),
  );
}

/** @param versionsOf - what has to have been told of a row. */
function checkTold<Row extends { readonly workflowId: string }>(
  notifications: readonly Numbered[],
  rows: readonly Row[],
  versionsOf: (row: Row) => readonly number[],
): readonly Disagreement[] {
  const told = Map.groupBy(notifications, ({ workflowId }) => workflowId);
  return rows.flatMap((row) => {
    const { workflowId: subject } = row;
    const ids = idsByVersion(told.get(subject) ?? []);
    const silent = versionsOf(row).filter((expected) => !ids.has(expected));
    const drawn = [...ids].flatMap(([version, its]) => (its.size > 1 ? version : []));
    const distinct = new Set([...ids.values()].flatMap((its) => [...its]));
    return [
      ...(silent.length === 0
        ? []
        : [{ subject, says: `versions ${silent.join(', ')} were not announced` }]),
      ...(drawn.length === 0
        ? []
        : [{ subject, says: `versions ${drawn.join(', ')} were announced under several IDs` }]),
      ...(distinct.size >= ids.size
        ? []
        : [{ subject, says: 'several versions were announced under one ID' }]),
    ];
  });
}

function idsByVersion(told: readonly Numbered[]): ReadonlyMap<number, ReadonlySet<string>> {
  const ids = new Map<number, Set<string>>();
  for (const { version, notificationId } of told) {
    ids.set(version, (ids.get(version) ?? new Set()).add(notificationId));
  }
  return ids;
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
