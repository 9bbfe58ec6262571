/** What every command says of itself, whatever it asks for. */
export interface Command {
  /** Who asks: `customer:c-1`, `seller:s-1`, `staff:ana`. */
  readonly requestedBy: string;
  /**
   * Fingerprint of the request. The answer carries it back: an update ID that was used for another request is
   * answered with that one's, and is recognised by it. Absent: nobody compares.
   */
  readonly request?: string;
}

/** Who was first, where two cannot both have their way. */
export interface Winner {
  /** The event's type or the command's name: `ShipmentDispatched`, `cancel`. */
  readonly what: string;
  /** The event's ID, or who gave the command. */
  readonly by: string | null;
  /** ISO 8601. */
  readonly at: string;
}

/** The answer to a command, from the workflow's state at that moment. */
export type CommandAnswer<State extends string = string> = {
  readonly state: State;
  /** The `request` of the command that was decided under this update ID. */
  readonly request?: string;
} & (
  | { readonly accepted: true }
  | {
      readonly accepted: false;
      /** A code: `already-dispatched`. */
      readonly reason: string;
      /** Present where somebody else was first. */
      readonly wonBy?: Winner;
    }
);
