import type { Defect } from './defect.ts';

/** What came of one defect. `unclear`: the tests did not end, or did not begin. */
export interface Trial {
  readonly kind: 'caught' | 'survived' | 'unclear';
  readonly defect: Defect;
  readonly seconds: number;
  /** The full title of the first test that failed; empty where none did. */
  readonly by: string;
  /** Why it failed, or why nothing is known. */
  readonly reason: string;
}

const INDENT = ' '.repeat(9);

/** A trial as it is printed: what came of which defect in what time, the test that noticed it, and what that said. */
export function textOf({ kind, defect, seconds, by, reason }: Trial): string {
  const { id, what, caughtBy } = defect;
  const lines = [
    `${kind.padEnd(INDENT.length)}${id}: ${what} (${seconds.toFixed(1)} s)`,
    `${INDENT}${caughtBy.file}: ${by || `none that has "${caughtBy.title}" in its title`}`,
    ...(reason === '' ? [] : [`${INDENT}${reason}`]),
  ];
  return lines.join('\n');
}
