/**
 * What has to be undone, oldest first. A step's compensation is entered before the step is tried, so that
 * a step which took effect without answering is undone too; undoing nothing is a no-op at the far side.
 *
 * Plain data, so that it survives continue-as-new.
 */
export type Ledger<Undo extends string> = readonly Undo[];

/** Enters a compensation; entering it twice (a step tried again) changes nothing. */
export function enter<Undo extends string>(ledger: Ledger<Undo>, undo: Undo): Ledger<Undo> {
  return ledger.includes(undo) ? ledger : [...ledger, undo];
}

/** The compensation that is due next: the youngest. */
export function youngest<Undo extends string>(ledger: Ledger<Undo>): Undo | undefined {
  return ledger.at(-1);
}

/** Strikes a compensation that has been carried out. */
export function strike<Undo extends string>(ledger: Ledger<Undo>, undo: Undo): Ledger<Undo> {
  return ledger.filter((entry) => entry !== undo);
}
