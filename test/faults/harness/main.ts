import { randomInt } from 'node:crypto';
import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { UserError } from '../../../src/platform/errors.ts';
import { runFaults } from './faultRun.ts';
import { runFlashSale } from './flashSale.ts';
import { describeFault, planFaults } from './plan.ts';
import { describeReport, hasFailed, type Report } from './report.ts';
import { runSoak } from './soak.ts';

// What was started goes with whatever ends this process by `exit`.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => process.exit(130));
}

/** As many as the sample has. */
const MOST_ORDERS = 6_919;

const program = new Command('faults')
  .description('Proves that everything adds up, whatever fails.')
  .exitOverride();

program
  .command('run', { isDefault: true })
  .description('feeds orders while everything is killed, cut off, delayed and repeated')
  .option('--orders <count>', 'purchases to feed, 1 to 6919', orders, 300)
  .option(
    '--seed <number>',
    'decides what fails and when; default: a fresh one',
    whole,
    randomInt(1e9),
  )
  .option('--minutes <number>', 'for how long something fails', minutes, 3)
  .option('--plan', 'only print what would be done, and when')
  .option('--json', 'print the table as JSON')
  .action(async ({ plan, json, ...options }: RunFlags) => {
    if (plan) printPlan(options);
    else report(await runFaults({ ...options, onProgress }), json);
  });

program
  .command('soak')
  .description('feeds all purchases of the sample in waves, under faults, and watches the memory')
  .option('--orders <count>', 'purchases to feed, 1 to 6919', orders, MOST_ORDERS)
  .option(
    '--seed <number>',
    'decides what fails and when; default: a fresh one',
    whole,
    randomInt(1e9),
  )
  .option(
    '--minutes <number>',
    'for how long something fails; kills in the first half',
    minutes,
    20,
  )
  .option('--json', 'print the table as JSON')
  .action(async ({ json, ...options }: Omit<RunFlags, 'plan'>) => {
    report(await runSoak({ ...options, onProgress }), json);
  });

program
  .command('flash-sale')
  .description('sells to more than there are pieces for, from the API and the bus at once')
  .option('--orders <count>', 'orders of one piece each', several, 2_000)
  .option('--pieces <count>', 'how many pieces there are', several, 500)
  .option('--json', 'print the table as JSON')
  .action(async ({ json, ...sizes }: SaleFlags) => {
    report(await runFlashSale({ ...sizes, onProgress }), json);
  });

interface SaleFlags {
  readonly orders: number;
  readonly pieces: number;
  readonly json?: true;
}

interface RunFlags {
  readonly orders: number;
  readonly seed: number;
  readonly minutes: number;
  readonly plan?: true;
  readonly json?: true;
}

function printPlan({ seed, minutes: most }: RunFlags): void {
  console.log(`seed ${seed}`);
  for (const { at, fault } of planFaults({ seed, lasts: most * 60_000 })) {
    const { kind: _, ...details } = fault;
    console.log(
      `${(at / 1_000).toFixed(1).padStart(7)} s  ${describeFault(fault)}  ${JSON.stringify(details)}`,
    );
  }
}

function report(done: Report, json: true | undefined): void {
  console.log(json ? JSON.stringify(done, null, 2) : describeReport(done));
  process.exitCode = hasFailed(done) ? 1 : 0;
}

function onProgress(message: string): void {
  console.error(message);
}

function orders(text: string): number {
  const count = whole(text);
  if (count >= 1 && count <= MOST_ORDERS) return count;
  throw new InvalidArgumentError(`Expected 1 to ${MOST_ORDERS}, received ${text}.`);
}

function several(text: string): number {
  const count = whole(text);
  if (count >= 2 && count <= 100_000) return count;
  throw new InvalidArgumentError(`Expected 2 to 100000, received ${text}.`);
}

function whole(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new InvalidArgumentError(`Expected a whole number below 1e9, received ${text}.`);
}

function minutes(text: string): number {
  const value = Number(text);
  if (value >= 0.1 && value <= 1_440) return value;
  throw new InvalidArgumentError(`Expected 0.1 to 1440, received ${text}.`);
}

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    // Commander has said what it is about.
    process.exitCode = error.code === 'commander.helpDisplayed' ? 0 : 2;
  } else {
    console.error(error instanceof UserError ? `faults: ${error.message}\n  ${error.hint}` : error);
    // Takes along what still runs.
    process.exit(1);
  }
}
