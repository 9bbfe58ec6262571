import { CancellationScope } from '@temporalio/workflow';
import { enter, strike, youngest, type Ledger } from '../domain/saga.ts';

/** A compensation failed for as long as it was retried; it is still in the ledger, and can be tried again. */
export class CompensationFailed extends Error {
  override readonly name = 'CompensationFailed';
  readonly undo: string;

  constructor(undo: string, cause: unknown) {
    super(`compensation ${undo} failed`, { cause });
    this.undo = undo;
  }
}

/**
 * What has been done and how to undo it. Enter the compensation, then try the step:
 *
 *     saga.before('release-stock');
 *     await reserveStock(...);
 *
 * so that a step which took effect without answering is undone too. Compensations are idempotent, and undoing
 * nothing is a no-op.
 */
export class Saga<Undo extends string> {
  readonly #compensations: Readonly<Record<Undo, () => Promise<void>>>;
  #ledger: Ledger<Undo>;

  /** @param ledger - what was entered before the workflow continued as new. */
  constructor(
    compensations: Readonly<Record<Undo, () => Promise<void>>>,
    ledger: Ledger<Undo> = [],
  ) {
    this.#compensations = compensations;
    this.#ledger = ledger;
  }

  get ledger(): Ledger<Undo> {
    return this.#ledger;
  }

  /** What is undone next; undefined: nothing is left. */
  get next(): Undo | undefined {
    return youngest(this.#ledger);
  }

  /** Enters the compensation of the step that comes next. */
  before(undo: Undo): void {
    this.#ledger = enter(this.#ledger, undo);
  }

  /** Strikes a compensation that an operator has carried out by hand. */
  takeAsDone(undo: Undo): void {
    this.#ledger = strike(this.#ledger, undo);
  }

  /**
   * Undoes everything entered, youngest first, shielded from cancellation. Called again after a failure it
   * goes on where it stopped.
   *
   * @throws CompensationFailed when one keeps failing.
   */
  async compensate(): Promise<void> {
    await CancellationScope.nonCancellable(async () => {
      for (let undo = youngest(this.#ledger); undo; undo = youngest(this.#ledger)) {
        try {
          await this.#compensations[undo]();
        } catch (error) {
          throw new CompensationFailed(undo, error);
        }
        this.#ledger = strike(this.#ledger, undo);
      }
    });
  }
}
