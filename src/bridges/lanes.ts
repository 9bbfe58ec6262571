/** Runs work of the same key one after another, in the order it came; work of other keys goes on beside it. */
export class Lanes {
  readonly #tails = new Map<string, Promise<unknown>>();

  async run<Result>(key: string, work: () => Promise<Result>): Promise<Result> {
    const before = this.#tails.get(key);
    const mine = (before ?? Promise.resolve()).then(work, work);
    this.#tails.set(key, mine);
    try {
      return await mine;
    } finally {
      if (this.#tails.get(key) === mine) this.#tails.delete(key);
    }
  }

  /** Whether nothing of that key runs or waits. */
  isIdle(key: string): boolean {
    return !this.#tails.has(key);
  }
}
