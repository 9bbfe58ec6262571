/** Why a message is parked: every code there is, and what it says to an operator. */
export const PARKING_CODES = {
  malformed:
    'The body is not what its envelope or its schema says; sending it again will not help.',
  'unknown-type': 'No route takes this source and type. Add the route, then redrive.',
  'unknown-version':
    'The route does not know this version of the event. Deploy what does, then redrive.',
  'too-large': 'The event is larger than a workflow can take.',
  conflict: 'The workflow was started already, with other content under the same workflow ID.',
  early: 'The workflow did not exist, and did not come to exist within the limit of the route.',
  late: 'The workflow is closed, and the route asks for its late events to be parked.',
} as const;

export type ParkingCode = keyof typeof PARKING_CODES;

/** Why a message is given back to its queue, to come again after a delay. */
export type ReleaseCode =
  /** The workflow does not exist yet. */
  | 'early'
  /** The workflow is busy or at one of its limits, or Temporal asks for fewer requests. */
  | 'busy'
  /** Temporal does not answer. */
  | 'unavailable'
  /** Temporal refuses the bridge itself: credentials, permission or namespace. */
  | 'denied'
  /** A message before it in its FIFO group was released. */
  | 'group-stopped'
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
