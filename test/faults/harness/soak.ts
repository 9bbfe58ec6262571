import { setTimeout as delay } from 'node:timers/promises';
import { connectTo } from '../../../dev/clients.ts';
import { SAMPLE_STOCK } from '../../../dev/feed/purchases.ts';
import { isEnd } from '../../../src/domain/order.ts';
import { DEEPEST, watchDepths, type Depths } from './depths.ts';
import { JUDGED, KEEPING, watchMemory } from './memory.ts';
import { putThrough } from './ordeal.ts';
import { purchasesToFeed } from './orders.ts';
import { planFaults } from './plan.ts';
import { hasFailed, type Report, type Row } from './report.ts';
import { startStage } from './stage.ts';
import { rowsOf } from './verdicts.ts';

export interface SoakOptions {
  /** Purchases of the sample. 1 to 6,919. */
  readonly orders: number;
  readonly seed: number;
  /** For how long there are faults; processes are killed in the first half of it. */
  readonly minutes: number;
  readonly onProgress: (message: string) => void;
}

/** So many orders come at once. The next wave comes when no more than these are open. */
const WAVE = 1_000;
const MOST_OPEN = 1_000;
/** It also waits until no queue is deeper: a wave brings several messages an order. */
const SHALLOW = DEEPEST / 5;
const PIECES = 100_000;
/** Per order, in milliseconds, beside the time of the faults; and at least. */
const SETTLED_WITHIN = 1_500;
const LEAST_WITHIN = 300_000;
/** By how much a process that holds nothing may grow in the last half of its life, as a share. */
const MOST_GROWTH = 0.25;
/** Who has lived shorter is still warming up, in minutes. */
const LEAST_LIVED = 8;

/** Feeds all purchases in waves, faster than they can be carried out, under faults; watches queues and memory. */
export async function runSoak(options: SoakOptions): Promise<Report> {
  const { orders, seed, minutes, onProgress } = options;
  const again = `npm run faults -- soak --orders ${orders} --seed ${seed} --minutes ${minutes}`;
  onProgress(again);
  const lasts = minutes * 60_000;
  const plan = planFaults({ seed, lasts, killsUntil: lasts / 2 });
  const stage = await startStage(seed, Math.ceil(lasts / 1_000) * 2);
  const clients = await connectTo(stage.stack);
  const depths = watchDepths(clients, stage.stack);
  const memory = watchMemory(stage.stack);
  const ended = new Set<string>();
  const within = lasts + Math.max(LEAST_WITHIN, orders * SETTLED_WITHIN);
  let held = false;
  try {
    const deadline = Date.now() + within;
    const ordeal = await putThrough(stage, {
      seed,
      scenarios: purchasesToFeed(orders),
      stock: Object.fromEntries(Object.keys(SAMPLE_STOCK).map((sku) => [sku, PIECES])),
      plan,
      within,
      async pace(placed) {
        if (placed === 0 || placed % WAVE !== 0) return;
        onProgress(`${placed} orders are placed, ${ended.size} have ended`);
        while (placed - ended.size > MOST_OPEN || depths.latest > SHALLOW) {
          if (Date.now() > deadline) {
            const left = `${placed - ended.size} orders of ${placed} are open`;
            throw new Error(
              `${left}, ${depths.latest} messages in the deepest queue: no more come`,
            );
          }
          await delay(500);
        }
      },
      onNotification({ workflowId, state }) {
        if (isEnd(state)) ended.add(workflowId);
      },
      onProgress,
    });
    const report = {
      rows: [...rowsOf(ordeal, plan), depthRow(depths), ...memoryRows(memory)],
      again,
    };
    held = !hasFailed(report);
    return report;
  } finally {
    memory.stop();
    try {
      await depths.stop();
    } finally {
      await clients.close();
      await stage.stop({ keep: !held });
    }
  }
}

function depthRow({ most }: Depths): Row {
  return {
    scenario: 'messages in the deepest queue',
    injected: most,
    wrong: most > DEEPEST ? [`expected at most ${DEEPEST}`] : [],
  };
}

function memoryRows(memory: ReturnType<typeof watchMemory>): readonly Row[] {
  return [...JUDGED, ...KEEPING].map((part) => {
    const trend = memory.trend(part);
    const scenario = `memory of ${part}, MiB`;
    if (!trend) return { scenario, injected: 0, wrong: [], open: 'too few samples to judge' };
    const { last, slope, growth, lived } = trend;
    const percent = `${(growth * 100).toFixed(0)} %`;
    const isJudged = (JUDGED as readonly string[]).includes(part) && lived >= LEAST_LIVED;
    return {
      scenario,
      injected: Math.round(last),
      wrong:
        isJudged && growth > MOST_GROWTH ? [`grew by ${percent} in the last half of its life`] : [],
      ...(!isJudged && { open: 'not judged' }),
      note: `${slope.toFixed(1)} MiB a minute, ${percent} over the last half of ${lived.toFixed(1)} minutes`,
    };
  });
}
