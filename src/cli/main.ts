import { ORDER_STATE_ATTRIBUTE } from '../contracts/orders.ts';
import { createProgram, runProgram } from './program.ts';
import { registerTools } from './tools.ts';

// Each command loads only what it needs: the bridge must not pay for the worker's native core.

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
  .action(async (options) => (await import('./dev.ts')).runDev(options));

program
  .command('replay <folder>')
  .description('replay the histories (*.json) of a folder against the workflows at hand')
  .action(async (folder) => (await import('./replay.ts')).runReplay(folder));

program
  .command('config')
  .description('print the configuration in force, secrets masked')
  .action(async () => (await import('./config.ts')).runConfig());

const orders = program.command('orders').description('look at orders');

orders
  .command('audit')
  .description('check from the outside that stores, ledger, stock, histories and events agree')
  .option('--sent <file>', 'the events that were sent, one JSON object a line')
  .option('--log <file...>', 'logs of bridges, as evidence of what they acknowledged')
  .option('--notifications <file>', 'the notifications that were published, one JSON object a line')
  .option('--support-queue <url>', "the queue of the support team's subscription")
  .option('--json', 'print the account as JSON')
  .action(async (options) => (await import('./audit.ts')).runAudit(options));

registerTools(program, {
  loadRoutes: async () => (await import('./orderTools.ts')).readRoutes(),
  loadQueueUrls: async () => (await import('./orderTools.ts')).readQueueUrls(),
  searchAttributes: [{ name: ORDER_STATE_ATTRIBUTE, type: 'Keyword' }],
});

await runProgram(program);
