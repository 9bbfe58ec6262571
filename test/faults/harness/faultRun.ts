import { setTimeout as delay } from 'node:timers/promises';
import { SAMPLE_STOCK } from '../../../dev/feed/purchases.ts';
import { putThrough } from './ordeal.ts';
import { ordersToFeed } from './orders.ts';
import { planFaults } from './plan.ts';
import { hasFailed, type Report } from './report.ts';
import { startStage } from './stage.ts';
import { rowsOf } from './verdicts.ts';

export interface FaultRunOptions {
  /** Purchases, beside one order of each other kind. 1 to 6,919. */
  readonly orders: number;
  readonly seed: number;
  /** For how long there are faults. */
  readonly minutes: number;
  readonly onProgress: (message: string) => void;
}

/** The orders come during so much of the time in which there are faults. */
const SHARE_PLACED = 0.9;
/** How much longer a declined order waits for another card, in seconds: the one that is never paid ends with that. */
const CARD_AFTER_FAULTS = 30;
/** How long what was begun may take after the last fault, in milliseconds. */
const SETTLED_WITHIN = 300_000;

/** Feeds the service while everything fails that can, and checks what came of it from the outside. */
export async function runFaults(options: FaultRunOptions): Promise<Report> {
  const { orders, seed, minutes, onProgress } = options;
  const again = `npm run faults -- --orders ${orders} --seed ${seed} --minutes ${minutes}`;
  onProgress(again);
  const lasts = minutes * 60_000;
  const scenarios = ordersToFeed(orders);
  const plan = planFaults({ seed, lasts });
  const stage = await startStage(seed, Math.ceil(lasts / 1_000) + CARD_AFTER_FAULTS);
  let held = false;
  try {
    let began: number | undefined;
    const ordeal = await putThrough(stage, {
      seed,
      scenarios,
      stock: SAMPLE_STOCK,
      plan,
      within: lasts + SETTLED_WITHIN,
      async pace(placed) {
        began ??= Date.now();
        const due = began + (placed / scenarios.length) * lasts * SHARE_PLACED;
        await delay(Math.max(0, due - Date.now()));
      },
      onProgress,
    });
    const report = { rows: rowsOf(ordeal, plan), again };
    held = !hasFailed(report);
    return report;
  } finally {
    await stage.stop({ keep: !held });
  }
}
