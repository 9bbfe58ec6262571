/** One line of the table: what was done or looked at, how often, and what came of it. */
export interface Row {
  readonly scenario: string;
  readonly injected: number;
  /** What is wrong; empty where nothing is. */
  readonly wrong: readonly string[];
  /** Why it shows nothing, where it does not: it did not come to pass, or there was too little to judge by. */
  readonly open?: string;
  /** What else was seen. */
  readonly note?: string;
}

export interface Report {
  readonly rows: readonly Row[];
  /** The command that does the same again. */
  readonly again: string;
}

export function hasFailed({ rows }: Report): boolean {
  return rows.some(({ wrong }) => wrong.length > 0);
}

/** Of one row so many complaints are printed, and how many there are. */
const MOST_SHOWN = 10;

/** The table, what is wrong below it, and how to see it again. */
export function describeReport(report: Report): string {
  const { rows, again } = report;
  const cells = rows.map((row) => [
    row.scenario,
    String(row.injected),
    [verdictOf(row), row.note ?? ''].join('  ').trimEnd(),
  ]);
  const table = [['scenario', 'injected', 'verdict'], ...cells];
  const width = (column: number) => Math.max(...table.map((row) => row[column]?.length ?? 0));
  const [first, second] = [width(0), width(1)];
  return [
    ...table.map(([scenario = '', injected = '', verdict = '']) =>
      `${scenario.padEnd(first)}  ${injected.padStart(second)}  ${verdict}`.trimEnd(),
    ),
    ...rows.flatMap(complaints),
    hasFailed(report) ? `failed; run it again with: ${again}` : `everything holds: ${again}`,
  ].join('\n');
}

function verdictOf({ wrong, open }: Row): string {
  return wrong.length > 0 ? `WRONG (${wrong.length})` : (open ?? 'holds');
}

function complaints({ scenario, wrong }: Row): readonly string[] {
  const shown = wrong.slice(0, MOST_SHOWN).map((what) => `WRONG ${scenario}: ${what}`);
  const more = wrong.length - shown.length;
  return more > 0 ? [...shown, `WRONG ${scenario}: and ${more} more`] : shown;
}
