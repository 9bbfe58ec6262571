import type { Defect } from './defect.ts';

/** What came of one defect. `unclear`: the tests did not end, or did not begin. */
export interface Trial {
  readonly kind: 'caught' | 'survived' | 'unclear';
  readonly defect: Defect;
  readonly seconds: number;
  /** The full title of the first test that failed; else what is known. */
  readonly by: string;
}

const WIDEST_ID = 28;

/** A trial as one line of a table. */
export function lineOf({ kind, defect, seconds, by }: Trial): string {
  const time = `${seconds.toFixed(1)} s`.padStart(7);
  return `${kind.padEnd(8)} ${defect.id.padEnd(WIDEST_ID)} ${time}  ${defect.caughtBy.file}: ${by}`;
}
