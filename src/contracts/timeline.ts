/** What a timeline tells of: a change of state, an event or a command decided, a step taken at the outside. */
export type TimelineKind = 'state' | 'event' | 'command' | 'step';

/** One thing that happened to an order or a return, in the order in which it happened. */
export interface TimelineEntry {
  /** From 1, without gaps: what a reader has seen is told by one number. */
  readonly n: number;
  /** ISO 8601, by the workflow's clock. */
  readonly at: string;
  readonly kind: TimelineKind;
  /** The state; the event's type; the command (`cancel`); the step (`reserve-stock`). */
  readonly name: string;
  /** What was decided (`applied`, `duplicate`, `refused`), or what the step's answer was; null for a state. */
  readonly outcome: string | null;
  /** A code: why, where name and outcome do not say it. */
  readonly reason: string | null;
  /** The event's ID, or who gave the command; null for what the service did itself. */
  readonly by: string | null;
  /** How long a step took, in milliseconds; null for what is decided at once. */
  readonly took: number | null;
}

/** How many entries a row shows, and a workflow carries over continue-as-new: the last ones. */
export const TIMELINE_LENGTH = 100;
