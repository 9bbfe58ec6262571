import type { ParkingCode } from '../contracts/parking.ts';

/** Why a message is given back to its queue, to come again after a delay. */
export type ReleaseCode =
  /** The workflow does not exist yet. */
  | 'early'
  /** The workflow is busy or at one of its limits. */
  | 'busy'
  /** Temporal asks for fewer requests. */
  | 'throttled'
  /** The workflow did not answer an update: it may have no worker. */
  | 'unanswered'
  /** Temporal does not answer. */
  | 'unavailable'
  /** Temporal refuses the bridge itself: credentials, permission or namespace. */
  | 'denied'
  /** A message before it in its FIFO group was released. */
  | 'group-stopped'
  /** An event before it, for the same workflow, was released. */
  | 'workflow-stopped'
  /** Its turn did not come while the bridge could hold it. */
  | 'held-too-long'
  /** The bridge is stopping. */
  | 'stopping'
  /** A function of the route threw. */
  | 'route-failed'
  /** An answer that has no rule of its own. */
  | 'unexpected';

/** Thrown while an event is read: it can never be delivered, so it is parked. The message is the reason. */
export class EventRejectedError extends Error {
  override readonly name = 'EventRejectedError';
  readonly code: ParkingCode;

  constructor(code: ParkingCode, reason: string) {
    super(reason);
    this.code = code;
  }
}
