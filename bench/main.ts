import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { UserError } from '../src/platform/errors.ts';
import { API_SIZES, benchApi } from './api.ts';
import { API_ROWS, apiReportOf, type ApiRow } from './apiFigures.ts';
import { benchBridge } from './bridge.ts';
import { growthCharts, togetherCharts } from './charts.ts';
import { drawCharts } from './drawing.ts';
import { type Row, ROWS } from './figures.ts';
import { benchGrowth, GROWTH_LOAD } from './growth.ts';
import { growthReportOf } from './growthFigures.ts';
import { FIGURES_FOLDER, keepFigures, readFigures } from './keptFigures.ts';
import { SIZES } from './measurements.ts';
import { orderReportOf } from './orderFigures.ts';
import { benchOrders, ORDER_LOAD } from './orders.ts';
import { reportOf } from './report.ts';
import { roundsUpTo } from './rounds.ts';
import { benchSellers, SELLER_LOAD, sellerReportOf } from './sellers.ts';
import { summaryOf } from './summary.ts';
import { benchTogether, TOGETHER_LOAD } from './together.ts';

// The servers go with whatever ends this process by `exit`.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => process.exit(1));
}

const program = new Command('bench').description('Measures what Waybill costs.').exitOverride();

program
  .command('all', { isDefault: true })
  .description(
    'all of bridge, orders, api and sellers, and keeps their figures and charts for the guide',
  )
  .option('--json', 'print everything that was measured as JSON')
  .option(
    '--rounds <count>',
    'how often each part runs; a round takes some ten minutes on two cores',
    countOf,
    3,
  )
  .action(runAll);

program
  .command('growth')
  .description(
    'how figures grow with bridges, backlog, history and orders in flight, and keeps them, too',
  )
  .option('--json', 'print everything that was measured as JSON')
  .action(runGrowth);

program
  .command('charts')
  .description('draws the charts anew from the figures that are kept')
  .action(drawKept);

program
  .command('bridge')
  .description('what the bridge costs, beside the naive one and beside bare calls')
  .option('--json', 'print everything that was measured as JSON')
  .option('--rounds <count>', 'how often each side runs', countOf, 5)
  .addOption(new Option('--only <row>', 'measure one row alone').choices(Object.keys(ROWS)))
  .option(
    '--profile <folder>',
    'write CPU profiles of the bridge into a folder; they cost time and memory themselves',
  )
  .action(runBridgeBench);

program
  .command('api')
  .description('what the orders API costs, beside bare routes')
  .option('--json', 'print everything that was measured as JSON')
  .option('--rounds <count>', 'how often each side runs', countOf, 5)
  .addOption(new Option('--only <row>', 'measure one row alone').choices(API_ROWS))
  .action(runApiBench);

program
  .command('orders')
  .description('what an order costs, beside one that is written the obvious way')
  .option('--json', 'print everything that was measured as JSON')
  .option('--rounds <count>', 'how often each side runs', countOf, 5)
  .action(runOrderBench);

program
  .command('sellers')
  .description("how much one seller's burst of orders delays another seller's")
  .option('--json', 'print everything that was measured as JSON')
  .action(runSellerBench);

interface AllFlags {
  readonly json?: boolean;
  readonly rounds: number;
}

async function runAll({ json, rounds }: AllFlags): Promise<void> {
  const onProgress = (message: string) => console.error(message);
  const bench = await benchTogether({ rounds, load: TOGETHER_LOAD, onProgress });
  const { environment, figures } = bench;
  await keepFigures(FIGURES_FOLDER, 'together', { measuredOn: today(), environment, figures });
  await drawTogether();
  console.log(json ? JSON.stringify(bench) : summaryOf(figures));
}

async function runGrowth({ json }: { readonly json?: boolean }): Promise<void> {
  const bench = await benchGrowth(GROWTH_LOAD, (message) => console.error(message));
  const { environment, curves } = bench;
  const kept = { measuredOn: today(), environment, figures: curves };
  await keepFigures(FIGURES_FOLDER, 'growth', kept);
  await drawGrowth();
  console.log(json ? JSON.stringify(bench) : growthReportOf(curves));
}

async function drawKept(): Promise<void> {
  await drawTogether();
  await drawGrowth();
}

async function drawTogether(): Promise<void> {
  const { figures } = await readFigures(FIGURES_FOLDER, 'together');
  await drawCharts(FIGURES_FOLDER, togetherCharts(figures));
}

async function drawGrowth(): Promise<void> {
  const { figures } = await readFigures(FIGURES_FOLDER, 'growth');
  await drawCharts(FIGURES_FOLDER, growthCharts(figures));
}

function today(): string {
  return new Date().toISOString().slice(0, 10);
}

async function runSellerBench({ json }: { readonly json?: boolean }): Promise<void> {
  const bench = await benchSellers(SELLER_LOAD, (message) => console.error(message));
  console.log(json ? JSON.stringify(bench) : sellerReportOf(bench.delays));
}

interface OrderFlags {
  readonly json?: boolean;
  readonly rounds: number;
}

async function runOrderBench({ json, rounds }: OrderFlags): Promise<void> {
  const bench = await benchOrders({
    rounds: roundsUpTo(rounds),
    load: ORDER_LOAD,
    onProgress: (message) => console.error(message),
  });
  console.log(json ? JSON.stringify(bench) : orderReportOf(bench.figures, bench.measurements));
}

interface ApiFlags {
  readonly json?: boolean;
  readonly rounds: number;
  readonly only?: ApiRow;
}

async function runApiBench({ json, rounds, only }: ApiFlags): Promise<void> {
  const bench = await benchApi({
    rounds: roundsUpTo(rounds),
    only,
    ...API_SIZES,
    onProgress: (message) => console.error(message),
  });
  console.log(json ? JSON.stringify(bench) : apiReportOf(bench.figures));
}

interface BridgeFlags {
  readonly json?: boolean;
  readonly rounds: number;
  readonly only?: Row;
  readonly profile?: string;
}

async function runBridgeBench({ json, rounds, only, profile }: BridgeFlags): Promise<void> {
  const bench = await benchBridge({
    rounds: roundsUpTo(rounds),
    only,
    profile,
    sizes: SIZES,
    onProgress: (message) => console.error(message),
  });
  console.log(json ? JSON.stringify(bench) : reportOf(bench.figures));
}

function countOf(text: string): number {
  const count = Number(text);
  if (Number.isInteger(count) && count >= 1) return count;
  throw new InvalidArgumentError(`expected a whole number of at least 1, received ${text}`);
}

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    // Commander has said what it is about.
    process.exitCode = error.code === 'commander.helpDisplayed' ? 0 : 2;
  } else {
    console.error(error instanceof UserError ? `bench: ${error.message}\n  ${error.hint}` : error);
    // Takes along what still runs.
    process.exit(1);
  }
}
