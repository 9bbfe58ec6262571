import { InvalidArgumentError, Option, type Command } from 'commander';
import { msToNumber, type StringValue } from '@temporalio/common/lib/time.js';
import type { ExpectedAttribute } from '../console/namespaceChecks.ts';
import type { ParkedFilter } from '../console/parked.ts';
import { UserError } from '../platform/errors.ts';
import type { LoadRoutes } from './routes.ts';

/** What the program around the tools brings along. */
export interface ToolsOptions {
  /** Its routes, where `--routes` names no others. Absent: `--routes` has to be given. */
  readonly loadRoutes?: LoadRoutes;
  /** The queues that are meant where `--queue` names none. Absent: `--queue` has to be given. */
  readonly loadQueueUrls?: () => Promise<readonly string[]>;
  /** The search attributes that its workflows set. Default: none. */
  readonly searchAttributes?: readonly ExpectedAttribute[];
}

/** Adds the commands `explain`, `doctor` and `parked` to a program. */
export function registerTools(
  program: Command,
  { loadRoutes, loadQueueUrls, searchAttributes = [] }: ToolsOptions,
): void {
  const queueOption = () =>
    new Option(
      '--queue <url...>',
      loadQueueUrls ? 'source queues, in place of those in WAYBILL_QUEUE_URLS' : 'source queues',
    ).argParser(queueUrls);
  const withFilters = (command: Command) => addFilters(command.addOption(queueOption()));
  const queuesOf = async ({ queue }: QueueOption): Promise<readonly string[]> => {
    const urls = queue ?? (await loadQueueUrls?.());
    if (urls) return urls;
    throw new UserError('no queue is named', 'give --queue <url>');
  };

  program
    .command('explain <target>')
    .description('say what would become of events, and why; nothing is delivered')
    .addOption(routesOption())
    .option('--offline', 'do not ask Temporal for the state of their workflows')
    .option('--json', 'print JSON')
    .addHelpText('after', EXPLAIN_HELP)
    .action(async (target, options) =>
      (await import('./explain.ts')).runExplain(target, options, loadRoutes),
    );

  program
    .command('doctor')
    .description('check queues, dead-letter queues and Temporal, and say what to change')
    .addOption(queueOption())
    .option('--json', 'print JSON')
    .addHelpText('after', DOCTOR_HELP)
    .action(async (options) =>
      (await import('./doctor.ts')).runDoctor(await queuesOf(options), options, searchAttributes),
    );

  const parked = program
    .command('parked')
    .description('look at parked messages, send them again or delete them')
    .addHelpText('after', PARKED_HELP);

  withFilters(parked.command('list'))
    .description('list what is parked, and why')
    .option('--json', 'print JSON')
    .addHelpText('after', LIST_HELP)
    .action(async (options) =>
      (await import('./parked.ts')).runList(await queuesOf(options), filterOf(options), options),
    );

  parked
    .command('show <id>')
    .description('show one parked message, by its own ID or its event ID')
    .addOption(queueOption())
    .option('--json', 'print JSON')
    .addHelpText('after', SHOW_HELP)
    .action(async (id, options) =>
      (await import('./parked.ts')).runShow(await queuesOf(options), id, options),
    );

  withFilters(parked.command('redrive'))
    .description('send parked messages to their queues again')
    .option('--all', 'all of them, in place of a filter')
    .addOption(routesOption())
    .option('--rate <number>', 'how many messages a second, 1 to 10000', rate, 50)
    .option('--dry-run', 'only say what would become of them')
    .option('--json', 'print JSON lines: the preview of each queue, then what was done')
    .addHelpText('after', REDRIVE_HELP)
    .action(async (options) =>
      (await import('./redrive.ts')).runRedrive(
        await queuesOf(options),
        filterOf(options),
        options,
        loadRoutes,
      ),
    );

  withFilters(parked.command('discard'))
    .description('delete parked messages, each after it was saved to a file')
    .option('--all', 'all of them, in place of a filter')
    .requiredOption('--save <file>', 'append them to this file, one JSON object a line')
    .option('--dry-run', 'only say what would be deleted')
    .option('--json', 'print JSON lines: the preview of each queue, then what was done')
    .addHelpText('after', DISCARD_HELP)
    .action(async (options) =>
      (await import('./redrive.ts')).runDiscard(
        await queuesOf(options),
        filterOf(options),
        options,
      ),
    );
}

interface QueueOption {
  readonly queue?: readonly string[];
}

interface FilterOptions {
  readonly code?: string;
  readonly route?: string;
  readonly workflow?: string;
  /** Milliseconds. */
  readonly olderThan?: number;
}

function addFilters(command: Command): Command {
  return command
    .option('--code <code>', 'those parked for this reason, such as unknown-type')
    .option('--route <route>', 'those of this route, "{source} {type}"')
    .option('--workflow <id>', 'those for this workflow')
    .option(
      '--older-than <duration>',
      'those first received longer ago, such as 2d or 12h',
      duration,
    );
}

function filterOf({ code, route, workflow, olderThan }: FilterOptions): ParkedFilter {
  return {
    ...(code !== undefined && { code }),
    ...(route !== undefined && { route }),
    ...(workflow !== undefined && { workflowId: workflow }),
    ...(olderThan !== undefined && { olderThan }),
  };
}

function queueUrls(text: string, before: readonly string[] | undefined): readonly string[] {
  if (!URL.canParse(text)) throw new InvalidArgumentError('Expected the URL of a queue.');
  return [...(before ?? []), text];
}

function routesOption(): Option {
  return new Option(
    '--routes <module>',
    'the table of routes: the default export of a module, or its export `routes`',
  );
}

function duration(text: string): number {
  let milliseconds: number;
  try {
    milliseconds = msToNumber(text as StringValue);
  } catch {
    milliseconds = Number.NaN;
  }
  if (!(milliseconds >= 0))
    throw new InvalidArgumentError('Expected a duration such as 2d or 12h.');
  return milliseconds;
}

function rate(text: string): number {
  const value = Number(text);
  if (!(value >= 1 && value <= 10_000)) throw new InvalidArgumentError('Expected 1 to 10000.');
  return value;
}

const EXPLAIN_HELP = `
The target is a file, a folder of files (*.json, *.jsonl), or the URL of a queue. A file holds one event body, an
array of bodies, or one body a line. Of a queue up to 200 messages are looked at; the bridge does not see them
meanwhile, they are visible again afterwards, and their receive counts rise by one.

Exit code: 0 all would be delivered or acknowledged, 1 one would be parked or its route fails, 2 it could not be told.

Examples:
  $ waybill explain event.json
  $ waybill explain samples/ --offline --routes ./routes.ts
  $ waybill explain https://sqs.eu-central-1.amazonaws.com/123456789012/orders-dlq --json`;

const DOCTOR_HELP = `
Exit code: 0 nothing failed (there may be warnings), 1 a check failed, 2 it could not be told.

Examples:
  $ waybill doctor --queue "$QUEUE_URL" --json`;

const PARKED_HELP = `
Examples:
  $ waybill parked list --queue "$QUEUE_URL" --older-than 2d
  $ waybill parked redrive --queue "$QUEUE_URL" --code unknown-type --dry-run`;

const LIST_HELP = `
Codes are the bridge's own, receives-exhausted (SQS moved it by itself), undelivered (EventBridge could not bring it to
the queue) and unnoted (nothing says why). The messages are hidden from others while they are looked at. On FIFO only the
first ones of each group can be.

Examples:
  $ waybill parked list --queue "$QUEUE_URL" --code early --workflow order:web:42
  $ waybill parked list --queue "$QUEUE_URL" --route "shop.storefront OrderPlaced" --json`;

const SHOW_HELP = `
Examples:
  $ waybill parked show --queue "$QUEUE_URL" shop.storefront:4711
  $ waybill parked show --queue "$QUEUE_URL" 5fea7756-0ea4-451a-a703-a558b933e274 --json`;

const REDRIVE_HELP = `
It says first what would become of the messages (of more than 200, of a sample), then it sends each to its source
queue as it is, and only then deletes it from the dead-letter queue. Stopped at any point nothing is lost: run it
again, and it goes on. On FIFO order is kept within each group.

Exit code: 0 all that match were sent, 1 some had to stay or could not be looked at, 2 it could not do its work.

Examples:
  $ waybill parked redrive --queue "$QUEUE_URL" --code unknown-type --dry-run
  $ waybill parked redrive --queue "$QUEUE_URL" --all --rate 10`;

const DISCARD_HELP = `
Each message is on disk before it is deleted. Stopped at any point nothing is lost: at worst a message is in the
file twice.

Exit code: 0 all that match were deleted, 1 some had to stay or could not be looked at, 2 it could not do its work.

Examples:
  $ waybill parked discard --queue "$QUEUE_URL" --code malformed --save malformed.jsonl
  $ waybill parked discard --queue "$QUEUE_URL" --older-than 10d --save old.jsonl --dry-run`;
