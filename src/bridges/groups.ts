/** Work of one message of a FIFO group. */
export interface GroupWork {
  /**
   * What the message is delivered to, where it can be delivered together with those behind it for the same; null where
   * they have to wait for it.
   */
  readonly shared: string | null | Promise<string | null>;
  /** Delivers it, and answers how it is settled in its turn. */
  readonly run: (group: Group) => Promise<() => Promise<void>>;
}

export interface Group {
  /** A message of it comes again: what is in hand behind that must not be settled before. */
  stopped: boolean;
  /** Nothing more of it is to be delivered: one on its way is known to come again, but not settled yet. */
  closing: boolean;
}

/**
 * Runs the messages of a FIFO group in their order, and groups beside each other. Those for the same inbox may be
 * delivered together; they are settled one after another all the same.
 */
export class Groups {
  readonly #groups = new Map<string, GroupQueue>();

  run(key: string, work: GroupWork): Promise<void> {
    const group = this.#groups.get(key) ?? new GroupQueue(() => this.#groups.delete(key));
    this.#groups.set(key, group);
    return group.add(work);
  }
}

class GroupQueue implements Group {
  stopped = false;
  closing = false;
  readonly #waiting: {
    readonly work: GroupWork;
    readonly resolve: (done: Promise<void>) => void;
  }[] = [];
  readonly #onIdle: () => void;
  #running = 0;
  #shared: string | null = null;
  #settled: Promise<void> = Promise.resolve();
  #isPumping = false;

  constructor(onIdle: () => void) {
    this.#onIdle = onIdle;
  }

  add(work: GroupWork): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push({ work, resolve });
      void this.#pump();
    });
  }

  async #pump(): Promise<void> {
    if (this.#isPumping) return;
    this.#isPumping = true;
    for (let next = this.#waiting[0]; next; next = this.#waiting[0]) {
      const shared = await next.work.shared;
      if (this.#running > 0 && (this.closing || shared === null || shared !== this.#shared)) break;
      this.#waiting.shift();
      this.#shared = shared;
      next.resolve(this.#run(next.work));
    }
    this.#isPumping = false;
    if (this.#running === 0 && this.#waiting.length === 0) this.#onIdle();
  }

  async #run(work: GroupWork): Promise<void> {
    this.#running += 1;
    const delivered = work.run(this);
    const before = this.#settled;
    const settling = (async () => {
      const settle = await delivered;
      await before;
      await settle();
    })();
    this.#settled = settling.catch(() => undefined);
    try {
      await settling;
    } finally {
      this.#running -= 1;
      void this.#pump();
    }
  }
}
