/** The numbers of so many rounds. */
export function roundsUpTo(count: number): readonly number[] {
  return Array.from({ length: count }, (_, round) => round);
}

/**
 * What several rounds have measured, as if one had measured it all: their lists one behind the other, wherever they
 * are; what is no list is the same in each.
 *
 * @throws RangeError when there is none.
 */
export function joinRounds<Measured>(rounds: readonly Measured[]): Measured {
  const [first] = rounds;
  if (first === undefined) throw new RangeError('no rounds');
  return joined(first, rounds) as Measured;
}

function joined(first: unknown, all: readonly unknown[]): unknown {
  if (Array.isArray(first)) return all.flat();
  if (typeof first !== 'object' || first === null) return first;
  const of = (name: string) => all.map((one) => (one as Readonly<Record<string, unknown>>)[name]);
  return Object.fromEntries(
    Object.entries(first).map(([name, value]) => [name, joined(value, of(name))]),
  );
}
