import { CancellationScope } from '@temporalio/workflow';

export interface TellerOptions {
  /** Whether there is something to tell. */
  readonly isDue: () => boolean;
  /** Tells all that is due by now. Its promise has to be that of the activity itself: see `Teller`. */
  readonly tell: () => Promise<unknown>;
}

/**
 * Has the outside told, one telling at a time: nobody waits for it, and what changes meanwhile goes together with the
 * next. It adds no turn of the microtasks to the telling's own, as in workflows that are under way the order of
 * commands rests on them.
 */
export class Teller {
  readonly #options: TellerOptions;
  #busy = false;

  constructor(options: TellerOptions) {
    this.#options = options;
  }

  /** Whether everything has been told. */
  get idle(): boolean {
    return !this.#busy && !this.#options.isDue();
  }

  /** Something is due. */
  begin(): void {
    // Commands are told too, and what their handlers do would be cancelled together with the workflow.
    if (!this.#busy) void CancellationScope.nonCancellable(() => this.#tellAll());
  }

  async #tellAll(): Promise<void> {
    const { isDue, tell } = this.#options;
    this.#busy = true;
    // One turn of the microtasks: changes that follow at once are told together.
    await Promise.resolve();
    while (isDue()) await tell();
    this.#busy = false;
  }
}

/** What the workflow's current details say: its state, and why. */
export function describeStanding({
  state,
  waitingFor,
  reason,
}: {
  readonly state: string;
  readonly waitingFor: string | null;
  readonly reason: string | null;
}): string {
  const parts = [`**${state}**`];
  if (waitingFor) parts.push(`waiting for ${waitingFor}`);
  if (reason) parts.push(`because of ${reason}`);
  return parts.join(', ');
}
