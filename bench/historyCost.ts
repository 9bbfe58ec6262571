import proto, { type temporal } from '@temporalio/proto';

export type History = temporal.api.history.v1.IHistory;
type HistoryEvent = temporal.api.history.v1.IHistoryEvent;

/** What is billed as an action. */
export type ActionKind =
  | 'start'
  | 'schedule'
  | 'child'
  | 'activity'
  | 'retry'
  | 'markers'
  | 'timer'
  | 'signal'
  | 'update'
  | 'search-attributes'
  | 'options'
  | 'reset'
  | 'nexus';

/** What the service did for a workflow. */
export interface Cost {
  /** How many activities were scheduled, by type; a repeated one counts once. */
  readonly activities: Readonly<Record<string, number>>;
  readonly localActivities: number;
  /** Those that a worker was given, failed ones too. */
  readonly workflowTasks: number;
  readonly events: number;
  /** As protobuf, uncompressed. */
  readonly bytes: number;
  /** Billable ones, by kind. */
  readonly actions: Readonly<Partial<Record<ActionKind, number>>>;
}

/**
 * What the histories say that a workflow has cost: those of all its runs, and of its children.
 *
 * Actions are counted by Temporal Cloud's rules, https://docs.temporal.io/evaluate/cloud/actions, as far as histories
 * tell them: queries, heartbeats and rejected updates leave no event. Two rules need reading: a child's start is two
 * actions at its parent, hence none in its own history; and all markers of one workflow task are one action, whatever
 * they mark (of a `patched` the page says only that its search attribute is free).
 */
export function costOf(histories: readonly History[]): Cost {
  return sumOf(histories.map(costOfOne));
}

/** All of them together. */
export function sumOf(costs: readonly Cost[]): Cost {
  const total = (count: (cost: Cost) => number) =>
    costs.reduce((sum, cost) => sum + count(cost), 0);
  return {
    activities: merged(costs.map(({ activities }) => activities)),
    localActivities: total(({ localActivities }) => localActivities),
    workflowTasks: total(({ workflowTasks }) => workflowTasks),
    events: total(({ events }) => events),
    bytes: total(({ bytes }) => bytes),
    actions: merged(costs.map(({ actions }) => actions)),
  };
}

/** How many there are of all kinds. */
export function countAll(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}

function costOfOne(history: History): Cost {
  const events = history.events ?? [];
  const types = events.flatMap(
    ({ activityTaskScheduledEventAttributes: scheduled }) => scheduled?.activityType?.name ?? [],
  );
  const markers = events.flatMap(({ markerRecordedEventAttributes: marker }) => marker ?? []);
  const markedTasks = new Set(
    markers.map(({ workflowTaskCompletedEventId: id }) => String(id ?? '')),
  );
  return {
    activities: merged(types.map((type) => ({ [type]: 1 }))),
    localActivities: markers.filter(({ markerName }) => markerName === LOCAL_ACTIVITY).length,
    workflowTasks: events.filter((event) => event.workflowTaskStartedEventAttributes).length,
    events: events.length,
    bytes: proto.temporal.api.history.v1.History.encode(history).finish().length,
    actions: merged([
      ...events.map(actionsOf),
      ...(markedTasks.size > 0 ? [{ markers: markedTasks.size }] : []),
    ]),
  };
}

/** How the SDK's core marks the result of a local activity. */
const LOCAL_ACTIVITY = 'core_local_activity';
/** Written beside a `patched`: free. */
const CHANGE_VERSION = 'TemporalChangeVersion';
const SCHEDULED_BY = 'TemporalScheduledById';
const { WORKFLOW_TASK_FAILED_CAUSE_RESET_WORKFLOW: RESET } =
  proto.temporal.api.enums.v1.WorkflowTaskFailedCause;

/** The actions that an event stands for, without markers, which several events share. */
function actionsOf(event: HistoryEvent, index: number): Partial<Record<ActionKind, number>> {
  const started = event.workflowExecutionStartedEventAttributes;
  if (started) {
    const isChild = started.parentWorkflowExecution && !started.continuedExecutionRunId;
    const isScheduled = started.searchAttributes?.indexedFields?.[SCHEDULED_BY] !== undefined;
    return { ...(!isChild && { start: 1 }), ...(isScheduled && { schedule: 2 }) };
  }
  // Right behind the start it came with it: signal-with-start is one action.
  if (event.workflowExecutionSignaledEventAttributes) return index === 1 ? {} : { signal: 1 };
  if (event.workflowExecutionUpdateAcceptedEventAttributes) return { update: 1 };
  if (event.workflowExecutionOptionsUpdatedEventAttributes) return { options: 1 };
  if (event.startChildWorkflowExecutionInitiatedEventAttributes) return { child: 2 };
  if (event.activityTaskScheduledEventAttributes) return { activity: 1 };
  if (event.timerStartedEventAttributes) return { timer: 1 };
  if (event.nexusOperationScheduledEventAttributes) return { nexus: 1 };
  if (event.nexusOperationCancelRequestedEventAttributes) return { nexus: 1 };
  // Tries that failed before have no events of their own.
  const attempt = event.activityTaskStartedEventAttributes?.attempt ?? 1;
  if (attempt > 1) return { retry: attempt - 1 };
  const task = event.workflowTaskCompletedEventAttributes?.meteringMetadata;
  const localRetries = task?.nonfirstLocalActivityExecutionAttempts ?? 0;
  if (localRetries > 0) return { retry: localRetries };
  if (event.workflowTaskFailedEventAttributes?.cause === RESET) return { reset: 1 };
  const upserted = event.upsertWorkflowSearchAttributesEventAttributes?.searchAttributes;
  const names = Object.keys(upserted?.indexedFields ?? {});
  return names.some((name) => name !== CHANGE_VERSION) ? { 'search-attributes': 1 } : {};
}

function merged<Name extends string>(
  counts: readonly Readonly<Partial<Record<Name, number>>>[],
): Record<Name, number> {
  const sums = {} as Record<Name, number>;
  for (const one of counts) {
    for (const [name, count] of Object.entries(one) as [Name, number][]) {
      sums[name] = (sums[name] ?? 0) + count;
    }
  }
  return sums;
}
