/** The forms in which a built file names what it imports. */
const STATEMENTS = [
  /^(?:import|export)\b[^;'"]*?\bfrom ['"](?<specifier>[^'"]+)['"]/gm,
  /^import ['"](?<specifier>[^'"]+)['"]/gm,
  /\bimport\(['"](?<specifier>[^'"]+)['"]\)/g,
];

/** Every specifier of a built file, JavaScript or declarations; of declarations the types' too. */
export function specifiersOf(code: string): readonly string[] {
  return STATEMENTS.flatMap((statement) =>
    [...code.matchAll(statement)].map(({ groups }) => groups?.['specifier'] ?? ''),
  );
}

/** The package that a specifier is of; undefined for a file of our own, or a part of Node. */
export function packageOf(specifier: string): string | undefined {
  if (/^(\.|node:)/.test(specifier)) return undefined;
  const [first = '', second = ''] = specifier.split('/');
  return first.startsWith('@') ? `${first}/${second}` : first;
}

/**
 * The compiler rewrites `./file.ts` to `./file.js` in JavaScript, but leaves it in declarations, where it names a file
 * that is not published.
 */
export function withBuiltPaths(declarations: string): string {
  return declarations.replaceAll(
    /(?<before>\b(?:from |import\()['"]\.{1,2}\/[^'"]+)\.ts(?=['"])/g,
    '$<before>.js',
  );
}
