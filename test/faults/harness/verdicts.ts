import type { Audit } from '../../../src/console/audit.ts';
import type { Ordeal } from './ordeal.ts';
import { describeFault, type PlannedFault } from './plan.ts';
import type { Row } from './report.ts';

/** The table of an ordeal: what was done to the service, and whether everything adds up all the same. */
export function rowsOf(ordeal: Ordeal, plan: readonly PlannedFault[]): readonly Row[] {
  const { orders, outcome, injected, spoiled, approved, groups } = ordeal;
  const { events, disagreements } = outcome.audit;
  const says = (list: readonly { readonly subject: string; readonly says: string }[]) =>
    list.map((one) => `${one.subject}: ${one.says}`);
  const planned = [...new Set(plan.map(({ fault }) => describeFault(fault)))].toSorted();
  return [
    ...planned.map((scenario) => {
      const count = injected.counts.get(scenario) ?? 0;
      return {
        scenario,
        injected: count,
        wrong: injected.problems.flatMap((one) => (one.scenario === scenario ? one.says : [])),
        ...(count === 0 && { open: 'did not come to pass' }),
        note: noteOf(scenario, injected),
      };
    }),
    ...Object.entries(spoiled).map(([fate, count]) => ({
      scenario: `messages ${fate}`,
      injected: count,
      wrong: [],
    })),
    {
      scenario: 'processes that ended by themselves',
      injected: 0,
      wrong: injected.problems.flatMap((one) => (one.scenario === null ? one.says : [])),
    },
    {
      scenario: 'orders at their ends, parked only what was corrupted',
      injected: orders,
      wrong: outcome.unmet,
      note: `${approved} were approved by hand`,
    },
    { scenario: 'pieces with the carrier', injected: orders, wrong: outcome.misSent },
    {
      scenario: 'events accounted for',
      injected: events.events,
      wrong: identityOf(events),
      note: `${events.applied} applied, ${events.duplicate} duplicate, ${events.refused} refused, ${events.parked} parked`,
    },
    {
      scenario: 'order kept within FIFO groups',
      injected: groups.compared,
      wrong: says(groups.outOfOrder),
      ...(groups.compared === 0 && { open: 'none took several' }),
    },
    { scenario: 'money, stock, rows, notifications', injected: orders, wrong: says(disagreements) },
  ];
}

function noteOf(scenario: string, { back, touched }: Ordeal['injected']): string {
  const longest = back.get(scenario);
  if (longest !== undefined) return `back within ${(longest / 1_000).toFixed(1)} s`;
  return touched.get(scenario) ?? '';
}

/** What speaks against: events = applied + duplicate + refused + in an inbox + parked + still queued. */
function identityOf({
  events,
  applied,
  duplicate,
  refused,
  inInbox,
  parked,
  queued,
  lost,
}: Audit['events']): readonly string[] {
  const sum = applied + duplicate + refused + inInbox + parked + queued;
  return [
    ...(sum === events ? [] : [`${events} were sent, ${sum} are accounted for`]),
    ...lost.map(({ id }) => `${id} was lost`),
    ...(inInbox + queued === 0 ? [] : [`${inInbox} wait in an inbox, ${queued} in a queue`]),
  ];
}
