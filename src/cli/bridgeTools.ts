#!/usr/bin/env node
/** The published package's own command `waybill`: the bridge's tools, without the order service. */
import { Command } from 'commander';
import { explainAwsError, UserError } from '../platform/errors.ts';
import { registerTools } from './tools.ts';

const program = new Command('waybill')
  .description('Tools for the bridge that carries SQS messages into Temporal workflows.')
  .option('--stack-trace', 'show where an error came from')
  // 1 says that a command found something; what it cannot do, or was asked in a wrong way, is 2.
  .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2));

registerTools(program, {});

try {
  await program.parseAsync();
} catch (error) {
  const mendable = error instanceof UserError ? error : explainAwsError(error);
  if (mendable) console.error(`waybill: ${mendable.message}\n  ${mendable.hint}`);
  if (!mendable || program.opts()['stackTrace']) console.error(error);
  process.exitCode = 2;
}
