import { InvalidArgumentError, Option, type Command } from 'commander';
import { STATE_TEXTS } from '../console/orderTexts.ts';

/** Adds the commands that look at orders, and decide about them, to a program. */
export function registerOrders(program: Command): void {
  const orders = program
    .command('orders')
    .description('look at orders, decide about them, check that all stores agree')
    .addHelpText('after', ORDERS_HELP);

  orders
    .command('list')
    .description('list orders, newest first')
    .option('--customer <id>', 'those of this customer')
    .option('--seller <id>', 'those with lines of this seller')
    .addOption(new Option('--status <state>', 'those in this state').choices(STATES))
    .option(
      '--from <time>',
      'those placed then or later: a date, or date and time',
      moment('start'),
    )
    .option('--to <time>', 'those placed then or earlier: a date, or date and time', moment('end'))
    .option('--limit <number>', 'at most so many, 1 to 10000', limit, 20)
    .option('--json', 'print JSON')
    .addHelpText('after', LIST_HELP)
    .action(async (options) => (await import('./ordersList.ts')).runOrdersList(options));

  orders
    .command('show <id>')
    .description('show an order, and what happened to it')
    .option('--json', 'print its row as JSON')
    .addHelpText('after', SHOW_HELP)
    .action(async (id, options) => (await import('./ordersShow.ts')).runOrdersShow(id, options));

  orders
    .command('cancel <id>')
    .description('cancel an order or some of its lines, if it still can be')
    .requiredOption('--reason <text>', 'why, 1 to 500 characters')
    .option('--line <number...>', 'only these lines, from 1', lineNumbers)
    .option('--json', 'print the answer as JSON')
    .addHelpText('after', CANCEL_HELP)
    .action(async (id, options) =>
      (await import('./ordersCommands.ts')).runOrdersCancel(id, options),
    );

  orders
    .command('resume <id>')
    .description('go on with an order or return that needs an operator')
    .option('--json', 'print the answer as JSON')
    .addHelpText('after', RESUME_HELP)
    .action(async (id, options) =>
      (await import('./ordersCommands.ts')).runOrdersResume(id, options),
    );

  orders
    .command('resolve <id>')
    .description('go on with an order or return that needs an operator, without what failed')
    .requiredOption('--reason <text>', 'how it was done by hand, 1 to 500 characters')
    .option('--json', 'print the answer as JSON')
    .addHelpText('after', RESOLVE_HELP)
    .action(async (id, options) =>
      (await import('./ordersCommands.ts')).runOrdersResolve(id, options),
    );

  orders
    .command('reproject [id...]')
    .description("rebuild orders' rows from their workflows, where they are missing or differ")
    .option('--query <query>', 'those that this visibility query finds, in place of IDs')
    .option('--dry-run', 'only say what would be changed')
    .option('--json', 'print JSON lines')
    .addHelpText('after', REPROJECT_HELP)
    .action(async (ids, options) =>
      (await import('./ordersReproject.ts')).runOrdersReproject(ids, options),
    );

  orders
    .command('audit')
    .description('check from the outside that stores, ledger, stock, histories and events agree')
    .option('--sent <file>', 'the events that were sent, one JSON object a line')
    .option('--log <file...>', 'logs of bridges, as evidence of what they acknowledged')
    .option(
      '--notifications <file>',
      'the notifications that were published, one JSON object a line',
    )
    .option('--support-queue <url>', "the queue of the support team's subscription")
    .option('--json', 'print the account as JSON')
    .action(async (options) => (await import('./audit.ts')).runAudit(options));
}

const STATES = Object.keys(STATE_TEXTS);

function limit(text: string): number {
  const value = /^\d+$/.test(text) ? Number(text) : 0;
  if (value >= 1 && value <= 10_000) return value;
  throw new InvalidArgumentError('Expected 1 to 10000.');
}

function lineNumbers(text: string, before: readonly number[] | undefined): readonly number[] {
  const value = /^\d+$/.test(text) ? Number(text) : 0;
  if (value >= 1 && value <= 50) return [...(before ?? []), value];
  throw new InvalidArgumentError('Expected the number of a line, 1 to 50.');
}

/** A date means its start or its end, by the clock on the wall. @returns ISO 8601 in UTC */
function moment(edge: 'start' | 'end') {
  return (text: string): string => {
    const isDate = /^\d{4}-\d{2}-\d{2}$/.test(text);
    const isTime = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}/.test(text);
    const time = new Date(isDate ? `${text}T00:00` : isTime ? text : Number.NaN);
    if (Number.isNaN(time.getTime())) {
      throw new InvalidArgumentError('Expected a time such as 2026-11-21 or 2026-11-21T16:45.');
    }
    if (isDate && edge === 'end') {
      time.setDate(time.getDate() + 1);
      time.setMilliseconds(-1);
    }
    return time.toISOString();
  };
}

const IDS = `
An order is named {channel}:{orderId}, or by its workflow ID, order:{channel}:{orderId}.`;

const ORDERS_HELP = `${IDS}

Examples:
  $ waybill orders list --status needs-operator
  $ waybill orders show web:42
  $ waybill orders cancel web:42 --reason "customer called"`;

const LIST_HELP = `
Where neither customer, seller nor state is given, the last 31 days are looked at, or those before --to. A date is by
the clock of this machine.

Exit code: 0 listed (there may be none), 2 it could not be told.

Examples:
  $ waybill orders list --customer c-1 --limit 100
  $ waybill orders list --status needs-operator --json
  $ waybill orders list --seller s-1 --from 2026-11-01 --to 2026-11-30`;

const SHOW_HELP = `${IDS}

It is read from the orders table alone, in one read. What is missing there, or differs from the workflow, is mended by
\`waybill orders reproject\`.

Exit code: 0 shown, 2 there is no such row, or it could not be read.

Examples:
  $ waybill orders show web:42
  $ waybill orders show order:web:42 --json`;

const CANCEL_HELP = `${IDS}

The order's workflow decides, as for every other caller; cancelling what is cancelled is accepted again. Money and
stock are given back by the workflow, after the answer.

Exit code: 0 accepted, 1 refused, 2 there is no such order, or nobody answered (the request may apply all the same).

Examples:
  $ waybill orders cancel web:42 --reason "customer called"
  $ waybill orders cancel web:42 --line 2 3 --reason "no longer made" --json`;

const RESUME_HELP = `${IDS} A return is named by its workflow ID, return:{returnId}.

What failed is tried again: mend first what made it fail.

Exit code: 0 it goes on, 1 refused, 2 there is no such workflow, or nobody answered.

Examples:
  $ waybill orders resume web:42
  $ waybill orders resume return:r-7f3a --json`;

const RESOLVE_HELP = `${IDS}

What failed is taken for done, and is not tried again: a parcel that was sent by hand, money that was given back at the
provider, a parcel that never came back and is written off. The timeline keeps the reason.

Exit code: 0 it goes on, 1 refused, 2 there is no such workflow, or nobody answered.

Examples:
  $ waybill orders resolve web:42 --reason "sent with another carrier, 1Z999"
  $ waybill orders resolve return:r-7f3a --reason "refunded in the provider's dashboard"`;

const REPROJECT_HELP = `${IDS}

A workflow is asked for the row as it has it, which a worker answers for as long as Temporal retains the workflow, and
what differs is written: the row, and the sellers' entries of the order. A row is read before its workflow is asked, and
is replaced only if it is still what was read: what the workflow writes meanwhile stays. So a row that is ahead of its
workflow cannot be from it, and is replaced too. Nobody is notified.

Exit code: 0 all rows are as their workflows say, 1 some are not (with --dry-run: differ), 2 it could not do its work.

Examples:
  $ waybill orders reproject web:42 web:43
  $ waybill orders reproject --query "WorkflowType = 'orderWorkflow'" --dry-run --json`;
