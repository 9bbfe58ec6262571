import { workflowReference } from './references.ts';
import { ORDERS_TASK_QUEUE } from './taskQueues.ts';

/** Who tells on the bus how the service itself is doing: an EventBridge `source`. */
export const OPERATIONS_SOURCE = 'waybill.operations';

/** The Temporal Schedule of the nightly sweep. */
export const SWEEP_SCHEDULE = 'waybill-sweep';
/** The workflow ID of its runs, to which Temporal adds the time that each was due at. */
export const NIGHTLY_SWEEP = 'sweep:nightly';

/** The workflow ID of a sweep that an event asked for: one for each event, however often it comes. */
export function sweepWorkflowId(eventId: string): string {
  return `sweep:${eventId}`;
}

/** What a sweep counted. */
export interface SweepCounts {
  /** How many orders there are, by state. */
  readonly orders: Readonly<Record<string, number>>;
  /** How many messages lie in the dead-letter queues. */
  readonly parked: number;
  readonly disagreements: number;
}

/** What the audit came to, short enough to be handed on. */
export interface SweepFindings extends SweepCounts {
  /** The first 50 of what disagrees: what it is about, and what is said of it. */
  readonly first: readonly { readonly subject: string; readonly says: string }[];
}

/** The detail of the event `AuditFinished`, which tells of each sweep on the bus; its source is `waybill.operations`. */
export interface AuditFinished extends SweepFindings {
  readonly version: 1;
  /** Stable over repeats: consumers drop what they have seen. */
  readonly eventId: string;
  /** The sweep's workflow ID. */
  readonly sweep: string;
}

/** What is told of a sweep. */
export interface SweepReport {
  /** The sweep's workflow ID: the root of the IDs of what is told. */
  readonly sweep: string;
  readonly findings: SweepFindings;
}

/** Task queue `orders`. */
export interface SweepActivities {
  /** Runs the audit, which changes nothing and may take hours; it heartbeats, and ends when it is cancelled. */
  auditAll(): Promise<SweepFindings>;

  /** Puts `AuditFinished` on the bus. */
  announceAudit(report: SweepReport): Promise<void>;

  /** Tells support that something disagrees: the notification `audit-mismatch`. */
  reportMismatch(report: SweepReport): Promise<void>;
}

export const sweepWorkflow = workflowReference<() => Promise<SweepCounts>>(
  'sweepWorkflow',
  ORDERS_TASK_QUEUE,
);
