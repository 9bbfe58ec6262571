import { SEARCH_ATTRIBUTES } from '../contracts/searchAttributes.ts';
import { registerOrders } from './orders.ts';
import { createProgram, runProgram } from './program.ts';
import { registerTools } from './tools.ts';

// Each command loads only what it needs: the bridge must not pay for the worker's native core.

const REPLAY_HELP = `
Histories are read one after the other, however many there are. Those of a query are of the runs that Temporal
retains, running ones too.

Exit code: 0 code and histories agree, 1 one diverges, 2 it could not be told (also where there is none).

Examples:
  $ waybill replay test/replay
  $ waybill replay --query "WorkflowType = 'orderWorkflow' AND ExecutionStatus = 'Running'"`;

const SETUP_HELP = `
The namespace has to be there. What is as it should be is left alone, and so are other schedules and attributes: it may run
with every deployment. A schedule that somebody has paused stays paused.

Exit code: 0 all is there now, 2 it could not be made.

Examples:
  $ waybill setup`;

const program = createProgram('A durable order service on Temporal that AWS events drive.');

program
  .command('worker')
  .description('run the workflows and activities of the task queues orders and payments')
  .action(async () => (await import('./worker.ts')).runWorker());

program
  .command('bridge')
  .description('carry what the queues deliver into workflows')
  .action(async () => (await import('./bridge.ts')).runBridge());

program
  .command('api')
  .description('serve the orders API')
  .action(async () => (await import('./api.ts')).runApi());

program
  .command('dev')
  .description(
    'run everything on this machine, feed the sample events and show what becomes of them',
  )
  .option('--exit', 'end by itself: 0 once every sample order is where it must be, 1 if one is not')
  .option('--port-base <port>', 'listen on six ports from this one on, beside another stack')
  .action(async (options) => (await import('./dev.ts')).runDev(options));

program
  .command('replay [folder]')
  .description(
    'replay histories, those (*.json) of a folder or those a query finds, against the workflows at hand',
  )
  .option('--query <query>', 'those of the workflows that this visibility query finds')
  .addHelpText('after', REPLAY_HELP)
  .action(async (folder, options) => (await import('./replay.ts')).runReplay(folder, options));

program
  .command('setup')
  .description(
    "make what the service needs in Temporal: the orders' search attribute, the schedule of the nightly sweep",
  )
  .addHelpText('after', SETUP_HELP)
  .action(async () => (await import('./setup.ts')).runSetup());

program
  .command('config')
  .description('print the configuration in force, secrets masked')
  .action(async () => (await import('./config.ts')).runConfig());

registerOrders(program);

registerTools(program, {
  loadRoutes: async () => (await import('./orderTools.ts')).readRoutes(),
  loadQueueUrls: async () => (await import('./orderTools.ts')).readQueueUrls(),
  searchAttributes: SEARCH_ATTRIBUTES.map((name) => ({ name, type: 'Keyword' })),
});

await runProgram(program);
