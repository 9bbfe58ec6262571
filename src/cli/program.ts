import { Command } from 'commander';
import { explainAwsError, UserError } from '../platform/errors.ts';

/** A program `waybill`. It exits 0 when all is well, 1 when a command found something, 2 when it could not do its work. */
export function createProgram(description: string): Command {
  return (
    new Command('waybill')
      .description(description)
      .option('--stack-trace', 'show where an error came from')
      // Commander's own complaints are about how it was asked.
      .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2))
  );
}

/** Runs what the command line asks for; says in one line what the user can mend. */
export async function runProgram(program: Command): Promise<void> {
  try {
    await program.parseAsync();
  } catch (error) {
    const mendable = error instanceof UserError ? error : explainAwsError(error);
    if (mendable) console.error(`waybill: ${mendable.message}\n  ${mendable.hint}`);
    if (!mendable || program.opts()['stackTrace']) console.error(error);
    process.exitCode = 2;
  }
}
