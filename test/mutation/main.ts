import { Command, CommanderError, Option } from 'commander';
import { UserError } from '../../src/platform/errors.ts';
import { startServers } from '../support/servers.ts';
import { copyProject, type Copy } from './copy.ts';
import type { Defect } from './defect.ts';
import { DEFECTS } from './defects.ts';
import { tableOf, textOf, type Trial } from './report.ts';
import { runTests } from './suite.ts';

// Servers and copy go with whatever ends this process by `exit`.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => process.exit(1));
}

const program = new Command('mutate')
  .description('Plants known defects one by one, and shows that the tests notice each.')
  .addOption(
    new Option('--only <ids...>', 'plant these alone').choices(DEFECTS.map(({ id }) => id)),
  )
  .exitOverride()
  .action(mutate);

async function mutate({ only }: { readonly only?: readonly string[] }): Promise<void> {
  const defects = DEFECTS.filter(({ id }) => only === undefined || only.includes(id));
  const stop = await startServers();
  try {
    const copy = await copyProject();
    await assertSound(copy, defects);
    const trials: Trial[] = [];
    for (const defect of defects) {
      const trial = await tryDefect(copy, defect);
      trials.push(trial);
      console.error(textOf(trial));
    }
    const caught = trials.filter(({ kind }) => kind === 'caught').length;
    console.log(tableOf(trials));
    console.log(`${caught} of ${trials.length} defects are noticed`);
    process.exitCode = caught === trials.length ? 0 : 1;
  } finally {
    await stop();
  }
}

/** @throws UserError where tests fail, or are not there, without any defect: then their failing would say nothing. */
async function assertSound(copy: Copy, defects: readonly Defect[]): Promise<void> {
  const byFile = Map.groupBy(defects, ({ caughtBy }) => caughtBy.file);
  for (const [file, some] of byFile) {
    const { passed, failed, trouble } = await runTests(
      copy.folder,
      some.map(({ caughtBy }) => caughtBy),
      false,
    );
    console.error(`${file}: ${passed.length} pass without a defect`);
    const missing = some.filter(({ caughtBy }) =>
      passed.every((title) => !title.includes(caughtBy.title)),
    );
    const complaints = [
      ...(trouble === undefined ? [] : [trouble]),
      ...failed.map(({ title, reason }) => `${title}: ${reason}`),
      ...missing.map(({ caughtBy }) => `"${caughtBy.title}" did not pass`),
    ];
    if (complaints.length === 0) continue;
    throw new UserError(
      `${file} does not pass as it is: ${complaints.join('; ')}`,
      'mend that first: a test that fails anyway notices nothing',
    );
  }
}

async function tryDefect(copy: Copy, defect: Defect): Promise<Trial> {
  const { failed, seconds, trouble } = await copy.withDefect(defect, () =>
    runTests(copy.folder, [defect.caughtBy], true),
  );
  const trial = { defect, seconds };
  if (trouble !== undefined) return { ...trial, kind: 'unclear', by: '', reason: trouble };
  const [first] = failed;
  if (!first) return { ...trial, kind: 'survived', by: '', reason: '' };
  // A hook that fails says that something could not be set up or taken down, not that a test noticed.
  const kind = first.title.includes('" hook') ? 'unclear' : 'caught';
  return { ...trial, kind, by: first.title, reason: first.reason };
}

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    // Commander has said what it is about.
    process.exitCode = error.code === 'commander.helpDisplayed' ? 0 : 2;
  } else {
    console.error(error instanceof UserError ? `mutate: ${error.message}\n  ${error.hint}` : error);
    // Takes along what still runs.
    process.exit(2);
  }
}
