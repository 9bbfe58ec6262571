import type { Priority } from '@temporalio/common';

/** What the bridge does with one event. Times are in seconds. */
export type Plan =
  | StartPlan
  | InboxPlan
  | SignalPlan
  | SignalWithStartPlan
  | UpdatePlan
  | UpdateWithStartPlan
  | { readonly operation: 'ignore' };

export type Operation = Plan['operation'];

/** The workflow that is started. */
interface Start {
  readonly workflowId: string;
  readonly workflowType: string;
  readonly taskQueue: string;
  readonly args: readonly unknown[];
  /** Default: Temporal's own. */
  readonly priority?: Priority | undefined;
}

/** A workflow that has to exist already. */
interface Target {
  readonly workflowId: string;
  /** How long the event waits for its workflow to be started, since it was first received. */
  readonly earlySeconds: number;
  readonly late: LatePlan;
}

/** What becomes of an event whose workflow is closed: it is acknowledged and counted, parked, or starts another workflow. */
export type LatePlan = 'acknowledge' | 'park' | StartPlan;

/** What becomes of an event whose update the workflow refuses, by its validator or by a failure. */
export type RefusedPlan = 'acknowledge' | 'park';

/** A start, once for the workflow ID. */
export interface StartPlan extends Start {
  readonly operation: 'start';
}

/** An event into the inbox of a workflow, together with others that are in hand for it. */
export interface InboxPlan extends Target {
  readonly operation: 'inbox';
}

export interface SignalPlan extends Target {
  readonly operation: 'signal';
  readonly signal: string;
  readonly args: readonly unknown[];
}

export interface SignalWithStartPlan extends Start {
  readonly operation: 'signalWithStart';
  readonly signal: string;
  readonly signalArgs: readonly unknown[];
  readonly late: LatePlan;
}

export interface UpdatePlan extends Target {
  readonly operation: 'update';
  readonly update: string;
  readonly args: readonly unknown[];
  readonly refused: RefusedPlan;
}

export interface UpdateWithStartPlan extends Start {
  readonly operation: 'updateWithStart';
  readonly update: string;
  readonly updateArgs: readonly unknown[];
  readonly late: LatePlan;
  readonly refused: RefusedPlan;
}
