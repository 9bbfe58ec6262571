import { TIMELINE_LENGTH, type TimelineEntry } from '../contracts/timeline.ts';

/** What is told of one thing that happened; what is left out is null. */
export type Happening = Pick<TimelineEntry, 'kind' | 'name'> &
  Partial<Omit<TimelineEntry, 'n' | 'at' | 'kind' | 'name'>>;

/** What happened to a workflow's subject, by the workflow's clock: all of it is counted, the last entries are kept. */
export class Timeline {
  #entries: readonly TimelineEntry[];

  /** @param carried - the entries of the run before this one, where the workflow continued as new. */
  constructor(carried: readonly TimelineEntry[] = []) {
    this.#entries = carried;
  }

  /** The last 100, oldest first. */
  get entries(): readonly TimelineEntry[] {
    return this.#entries;
  }

  /** How many there have been in all: the number of the last one. */
  get length(): number {
    return this.#entries.at(-1)?.n ?? 0;
  }

  add({ kind, name, ...rest }: Happening): void {
    const entry: TimelineEntry = {
      n: this.length + 1,
      at: new Date().toISOString(),
      kind,
      name,
      outcome: null,
      reason: null,
      by: null,
      took: null,
      ...rest,
    };
    this.#entries = [...this.#entries, entry].slice(-TIMELINE_LENGTH);
  }
}
