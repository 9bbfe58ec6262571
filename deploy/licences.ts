import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Licences under which a package may be deployed: permissive, asking for no more than to name the authors. */
const ALLOWED = new Set([
  '0BSD',
  'Apache-2.0',
  'BlueOak-1.0.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'ISC',
  'MIT',
  'Unlicense',
]);

/** Looked at one by one, by name and licence. */
const EXCEPTIONS: Readonly<Record<string, string>> = {
  // A table of browsers, for the bundler: data, which names its authors.
  'caniuse-lite': 'CC-BY-4.0',
  // Neither lockfile nor package.json says; its file LICENSE is the Unlicense.
  unionfs: 'none',
};

/** A package that is deployed. */
export interface Package {
  readonly name: string;
  readonly version: string;
  /** An identifier of SPDX or an expression of them; `none` where the lockfile does not say. */
  readonly licence: string;
}

interface Lock {
  readonly packages: Readonly<
    Record<string, { readonly version: string; readonly dev?: boolean; readonly license?: string }>
  >;
}

/** Every package of production that a folder's lockfile names, for whatever platform. */
export function readPackages(folder: string): readonly Package[] {
  const lock = JSON.parse(readFileSync(join(folder, 'package-lock.json'), 'utf8')) as Lock;
  return Object.entries(lock.packages)
    .filter(([path, { dev }]) => path !== '' && !dev)
    .map(([path, { version, license = 'none' }]) => ({
      name: path.split('node_modules/').at(-1) ?? path,
      version,
      licence: license,
    }));
}

/** One line for each package whose licence nobody has allowed. */
export function licenceProblems(packages: readonly Package[]): readonly string[] {
  return packages
    .filter(({ name, licence }) => EXCEPTIONS[name] !== licence && !isAllowed(licence))
    .map(
      ({ name, version, licence }) => `${name}@${version}: nobody has allowed licence ${licence}`,
    );
}

/** Of alternatives one has to be allowed, else all. What is nested is for somebody to look at. */
function isAllowed(licence: string): boolean {
  const bare = licence.replaceAll(/^\(|\)$/g, '');
  if (/[()]/.test(bare)) return false;
  if (bare.includes(' AND ')) return bare.split(' AND ').every(isAllowed);
  return bare.split(' OR ').some((each) => ALLOWED.has(each));
}

if (import.meta.main) {
  const packages = readPackages('.');
  for (const [licence, some] of Map.groupBy(packages, (each) => each.licence)) {
    console.log(`${licence} (${some.length}): ${some.map(({ name }) => name).join(', ')}`);
  }
  const problems = licenceProblems(packages);
  for (const problem of problems) console.error(problem);
  if (problems.length > 0) process.exitCode = 1;
}
