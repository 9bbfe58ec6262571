import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { percentile } from '../../../bench/statistics.ts';
import { connectTo, type StackClients } from '../../../dev/clients.ts';
import type { SampleEvent } from '../../../dev/feed/scenarios.ts';
import type { Sender } from '../../../dev/feed/sender.ts';
import { seedStock } from '../../../dev/feed/stock.ts';
import { notesOf, openSender } from '../../../dev/rehearsal.ts';
import { audit } from '../../../src/console/audit.ts';
import { readAcknowledged, readSent } from '../../../src/console/evidence.ts';
import { readTables } from '../../../src/console/tables.ts';
import { orderWorkflowId, type OrderRow, type PlacedOrder } from '../../../src/contracts/orders.ts';
import { startTestStack } from '../../support/stack.ts';
import { hasFailed, type Report, type Row } from './report.ts';
import { watchStock } from './stockWatch.ts';

export interface FlashSaleOptions {
  /** Orders of one piece each: half of them through the API, half over the bus; half of each wait for pieces. */
  readonly orders: number;
  /** How many pieces there are. */
  readonly pieces: number;
  readonly onProgress: (message: string) => void;
}

const SKU = 'flash';
const AMOUNT = 1_999;
/** Callers at the same time, on each of the two ways. */
const CALLERS = 20;
/** Per order, in milliseconds, until it is decided; and at least. */
const DECIDED_WITHIN = 1_000;
const LEAST_WITHIN = 120_000;
const POLICY = { paymentMethodWithinSeconds: 3_600, compensationRetrySeconds: 3_600 };

/** Sells what there is to more who want it, from two sides at once, and checks that it is sold once. */
export async function runFlashSale(options: FlashSaleOptions): Promise<Report> {
  const { orders, pieces, onProgress } = options;
  const { stack, stateDir, stop } = await startTestStack(POLICY);
  const clients = await connectTo(stack);
  let held = false;
  try {
    await seedStock(clients.table, clients.stockTable, { [SKU]: pieces });
    const manifest = notesOf(stateDir).sent;
    const sender = openSender(stack, clients, { manifest, patience: LEAST_WITHIN });
    const placed = Array.from({ length: orders }, (_, index) => orderOf(index));
    const watch = watchStock(clients, SKU, pieces);
    const [answers] = await Promise.all([
      sendAll(sender, placed, 'api'),
      sendAll(sender, placed, 'bus'),
    ]);
    onProgress(`${orders} orders are placed`);
    const rows = await untilDecided(clients, orders);
    onProgress('every order is decided');
    await watch.stop();
    const account = await audit({
      ...clients,
      sent: readSent(manifest),
      acknowledged: readAcknowledged([join(stateDir, 'logs', 'bridge.log')]),
    });
    const { stock } = await readTables(clients.table, clients);
    const left = stock.find(({ sku }) => sku === SKU)?.available;
    const report = {
      rows: [
        {
          scenario: 'orders through the API',
          injected: answers.length,
          wrong: [],
          note: `answered within ${percentile(answers, 50).toFixed(0)} ms (p50), ${percentile(answers, 99).toFixed(0)} ms (p99)`,
        },
        { scenario: 'orders over the bus', injected: orders - answers.length, wrong: [] },
        ...outcomes(placed, rows, pieces),
        {
          scenario: 'looks at the stock',
          injected: watch.samples,
          wrong: [...watch.wrong, ...(left === expectedLeft(options) ? [] : [`${left} are left`])],
        },
        {
          scenario: 'workflows, money, stock, events',
          injected: orders,
          wrong: account.disagreements.map(({ subject, says }) => `${subject}: ${says}`),
        },
      ],
      again: `npm run faults -- flash-sale --orders ${orders} --pieces ${pieces}`,
    };
    held = !hasFailed(report);
    return report;
  } finally {
    await clients.close();
    await stop({ keep: !held });
  }
}

/** Every second one waits for pieces, on each of the ways. */
function orderOf(index: number): PlacedOrder {
  return {
    version: 1,
    channel: 'sale',
    orderId: String(index + 1).padStart(5, '0'),
    customerId: `customer-${index}`,
    currency: 'USD',
    lines: [{ sku: SKU, quantity: 1, amount: AMOUNT, sellerId: 'shop' }],
    paymentMethod: 'pm_card_visa',
    backOrder: Math.floor(index / 2) % 2 === 0,
  };
}

/** Sends those that go this way. @returns how long each took, in milliseconds. */
async function sendAll(
  sender: Sender,
  placed: readonly PlacedOrder[],
  way: 'api' | 'bus',
): Promise<readonly number[]> {
  const own = placed.filter((_, index) => (index % 2 === 0) === (way === 'api'));
  const took: number[] = [];
  const next = own.values();
  const call = async () => {
    for (const data of next) {
      const eventId = `${data.channel}-${data.orderId}`;
      const event: SampleEvent = { type: 'OrderPlaced', data, eventId, way };
      const began = performance.now();
      await sender.send(event);
      took.push(performance.now() - began);
    }
  };
  await Promise.all(Array.from({ length: CALLERS }, call));
  return took;
}

/** What became of an order: it got its piece, waits for one, was refused; null while that is open. */
function fateOf({ state, waitingFor, reason }: OrderRow): 'sold' | 'waits' | 'refused' | null {
  if (state === 'fulfilling') return 'sold';
  if (state === 'reserving' && waitingFor === 'stock') return 'waits';
  return state === 'cancelled' && reason === 'out-of-stock' ? 'refused' : null;
}

async function untilDecided(clients: StackClients, count: number): Promise<readonly OrderRow[]> {
  const deadline = Date.now() + Math.max(LEAST_WITHIN, count * DECIDED_WITHIN);
  for (;;) {
    const { orders } = await readTables(clients.table, clients);
    const open = count - orders.filter((row) => fateOf(row) !== null).length;
    if (open === 0 || Date.now() > deadline) return orders;
    await delay(1_000);
  }
}

function expectedLeft({ orders, pieces }: FlashSaleOptions): number {
  return Math.max(0, pieces - orders);
}

/** As many are sold as there are pieces; who gets none waits or is refused, as the order says. */
function outcomes(
  placed: readonly PlacedOrder[],
  rows: readonly OrderRow[],
  pieces: number,
): readonly Row[] {
  const byKey = new Map(rows.map((row) => [row.workflowId, row]));
  const fates = placed.map((order) => {
    const row = byKey.get(orderWorkflowId(order));
    return { order, fate: row ? fateOf(row) : null, state: row?.state ?? 'absent' };
  });
  const count = (fate: string) => fates.filter((one) => one.fate === fate).length;
  const sold = count('sold');
  const expected = Math.min(pieces, placed.length);
  const wrongly = (fate: 'waits' | 'refused', backOrder: boolean) =>
    fates.flatMap((one) =>
      one.fate === fate && one.order.backOrder !== backOrder
        ? [`${orderWorkflowId(one.order)} ${fate}, and was to do the other`]
        : [],
    );
  return [
    {
      scenario: 'pieces sold',
      injected: sold,
      wrong: sold === expected ? [] : [`${sold} of ${expected} were sold`],
    },
    { scenario: 'orders that wait', injected: count('waits'), wrong: wrongly('waits', true) },
    { scenario: 'orders refused', injected: count('refused'), wrong: wrongly('refused', false) },
    {
      scenario: 'orders that are undecided',
      injected: 0,
      wrong: fates.flatMap(({ order, fate, state }) =>
        fate === null ? [`${orderWorkflowId(order)} is ${state}`] : [],
      ),
    },
  ];
}
