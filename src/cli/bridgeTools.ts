#!/usr/bin/env node
/** The published package's own command `waybill`: the bridge's tools, without the order service. */
import { createProgram, runProgram } from './program.ts';
import { registerTools } from './tools.ts';

const program = createProgram(
  'Tools for the bridge that carries SQS messages into Temporal workflows.',
);
registerTools(program, {});
await runProgram(program);
