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

/** What came of all, one a line: defect, verdict, seconds, and the test that noticed it. */
export function tableOf(trials: readonly Trial[]): string {
  const widest = Math.max(...trials.map(({ defect }) => defect.id.length));
  const rows = trials.map(({ defect: { id, caughtBy }, kind, seconds, by }) => {
    const time = seconds.toFixed(1).padStart(6);
    return `${id.padEnd(widest)}  ${kind.padEnd(8)} ${time}  ${by || `(not by ${caughtBy.file})`}`;
  });
  return [`${'defect'.padEnd(widest)}  verdict  seconds caught by`, ...rows].join('\n');
}

/** One of them in full, with what is wrong and what the test said. */
export function textOf({ kind, defect, seconds, by, reason }: Trial): string {
  const { id, what, caughtBy } = defect;
  const lines = [
    `${kind.padEnd(INDENT.length)}${id}: ${what} (${seconds.toFixed(1)} s)`,
    `${INDENT}${caughtBy.file}: ${by || `none that has "${caughtBy.title}" in its title`}`,
    ...(reason === '' ? [] : [`${INDENT}${reason}`]),
  ];
  return lines.join('\n');
}
