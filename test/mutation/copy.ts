import { rmSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readFile, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { type Defect, plant } from './defect.ts';

const PROJECT = join(import.meta.dirname, '../..');
/** What is not the project's own, or is linked instead. */
const LEFT_OUT: ReadonlySet<string> = new Set(['node_modules', '.git', '.waybill', 'dist']);

/** A copy of the project, to plant defects in: nothing of the project itself is touched. */
export interface Copy {
  readonly folder: string;
  /** Runs something while the defect is there. */
  withDefect<Answer>(defect: Defect, run: () => Promise<Answer>): Promise<Answer>;
}

/** Makes a copy in a temporary folder, with the project's own packages and tools. It goes when this process ends. */
export async function copyProject(): Promise<Copy> {
  const folder = await mkdtemp(join(tmpdir(), 'waybill-mutation-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  await cp(PROJECT, folder, {
    recursive: true,
    filter: (source) => source === PROJECT || !LEFT_OUT.has(basename(source)),
  });
  await symlink(join(PROJECT, 'node_modules'), join(folder, 'node_modules'));
  // Tests with servers of their own find the tools here, instead of installing them once more.
  const tools = join(PROJECT, '.waybill/tools');
  await mkdir(tools, { recursive: true });
  await mkdir(join(folder, '.waybill'));
  await symlink(tools, join(folder, '.waybill/tools'));

  return {
    folder,
    async withDefect(defect, run) {
      const file = join(folder, defect.file);
      const source = await readFile(file, 'utf8');
      await writeFile(file, plant(defect, source));
      try {
        return await run();
      } finally {
        await writeFile(file, source);
      }
    },
  };
}
