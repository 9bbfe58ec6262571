/** `npm run pack`: builds the bridge's package, without the order service, and packs it for npm. */
import { execFile } from 'node:child_process';
import { copyFile, cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { UserError } from '../src/platform/errors.ts';
import { packageOf, specifiersOf, withBuiltPaths } from './package/imports.ts';
import { COMMAND, describePackage, ENTRIES, type RootManifest } from './package/manifest.ts';

const PROJECT = path.resolve(import.meta.dirname, '..');
const DIST = path.join(PROJECT, 'dist');
const README = path.join(PROJECT, 'docs/bridge.md');
/** What is of the order service alone: its code, its contracts, and what reads its configuration. */
const FOREIGN =
  /^(activities|api|domain)\/|^contracts\/(activities|events|orders|taskQueues)|^platform\/config|^workflows\/(announcer|index|saga)|order/i;

const run = promisify(execFile);

/** Answers the path of the tarball. */
async function pack(into: string): Promise<string> {
  await rm(DIST, { recursive: true, force: true });
  await compile();
  const files = await builtFiles();
  const foreign = files.filter((file) => FOREIGN.test(file));
  if (foreign.length > 0) {
    throw new UserError(
      `the package would hold code of the order service: ${foreign.join(', ')}`,
      'do not import it from what the package holds',
    );
  }
  const missing = [...Object.values(ENTRIES), COMMAND]
    .flatMap((entry) => [`${entry}.js`, `${entry}.d.ts`])
    .filter((file) => !files.includes(file));
  if (missing.length > 0) {
    throw new UserError(
      `the package lacks ${missing.join(', ')}`,
      'name their sources in tsconfig.build.json',
    );
  }
  await describe(files);
  await mkdir(into, { recursive: true });
  const { stdout } = await run('npm', ['pack', '--silent', '--pack-destination', into], {
    cwd: DIST,
  });
  return path.join(into, stdout.trim());
}

async function compile(): Promise<void> {
  const tsc = path.join(PROJECT, 'node_modules/.bin/tsc');
  try {
    await run(tsc, ['-p', 'tsconfig.build.json', '--pretty', 'false'], { cwd: PROJECT });
  } catch (error) {
    const { stdout } = error as { readonly stdout?: string };
    throw new UserError('the sources do not compile', stdout?.trim() ?? String(error), {
      cause: error,
    });
  }
  for (const file of await builtFiles()) {
    if (!file.endsWith('.d.ts')) continue;
    const declarations = await readFile(path.join(DIST, file), 'utf8');
    await writeFile(path.join(DIST, file), withBuiltPaths(declarations));
  }
}

/** Their paths, as from the package. */
async function builtFiles(): Promise<readonly string[]> {
  const entries = await readdir(DIST, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) =>
      path.relative(DIST, path.join(parentPath, name)).replaceAll(path.sep, '/'),
    );
}

/** Adds to the built files what describes them: package.json, licence, readme. */
async function describe(files: readonly string[]): Promise<void> {
  const root = JSON.parse(
    await readFile(path.join(PROJECT, 'package.json'), 'utf8'),
  ) as RootManifest;
  const imported = new Set<string>();
  for (const file of files) {
    const code = await readFile(path.join(DIST, file), 'utf8');
    for (const specifier of specifiersOf(code)) {
      const name = packageOf(specifier);
      if (name !== undefined) imported.add(name);
    }
  }
  const folders = [...new Set(files.map((file) => file.split('/', 1).join()))].toSorted();
  const manifest = describePackage(root, imported, folders);
  await writeFile(path.join(DIST, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  await copyFile(path.join(PROJECT, 'LICENSE'), path.join(DIST, 'LICENSE'));
  await cp(README, path.join(DIST, 'README.md')).catch(ignoreMissing);
}

function ignoreMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error;
}

const { values } = parseArgs({ options: { into: { type: 'string', default: DIST } } });
try {
  console.log(await pack(path.resolve(values.into)));
} catch (error) {
  if (!(error instanceof UserError)) throw error;
  console.error(`pack: ${error.message}\n  ${error.hint}`);
  process.exitCode = 1;
}
