import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

/** What is copied into a release, or run in its folder. */
export type Step = { readonly copy: readonly string[] } | { readonly run: string };

/** How a release is made, in this order. The Dockerfile does the same, and a test holds it to that. */
export const STEPS: readonly Step[] = [
  { copy: ['package.json', 'package-lock.json', 'LICENSE'] },
  { copy: ['deploy'] },
  { run: 'deploy/install.ts' },
  { copy: ['src'] },
  { run: 'deploy/bundle.ts' },
  { run: 'deploy/sbom.ts' },
];

const PROJECT = resolve(import.meta.dirname, '..');

/** Makes what an image or an instance runs, in a folder that is empty or does not exist. @throws Error when it is not. */
export function makeRelease(folder: string): void {
  mkdirSync(folder, { recursive: true });
  if (readdirSync(folder).length > 0) throw new Error(`${folder} is not empty`);
  for (const step of STEPS) {
    if ('run' in step) {
      execFileSync(process.execPath, [step.run], { cwd: folder, stdio: ['ignore', 2, 2] });
    } else {
      for (const part of step.copy) {
        cpSync(join(PROJECT, part), join(folder, part), { recursive: true });
      }
    }
  }
}

const USAGE = 'usage: npm run release -- <empty folder> [--archive <file.tgz>]';

if (import.meta.main) {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: { archive: { type: 'string' } },
  });
  const [folder] = positionals;
  if (folder === undefined || positionals.length > 1) {
    console.error(USAGE);
    process.exit(2);
  }
  makeRelease(folder);
  if (values.archive !== undefined) {
    execFileSync('tar', ['-czf', values.archive, '-C', folder, '.'], { stdio: 'inherit' });
    const hash = createHash('sha256').update(readFileSync(values.archive)).digest('hex');
    console.log(`${hash}  ${values.archive}`);
  }
}
