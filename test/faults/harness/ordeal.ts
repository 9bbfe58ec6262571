import { join } from 'node:path';
import { connectTo } from '../../../dev/clients.ts';
import type { Scenario } from '../../../dev/feed/scenarios.ts';
import type { Sender } from '../../../dev/feed/sender.ts';
import { rehearse, type Outcome } from '../../../dev/rehearsal.ts';
import { readOrderFacts } from '../../../src/console/workflowFacts.ts';
import type { OrderNotification } from '../../../src/contracts/orders.ts';
import { createDesk } from './desk.ts';
import { watchOrder, type OrderKept } from './fifo.ts';
import { inject, type Injected } from './injector.ts';
import { spoilMessages, type Spoiling } from './messages.ts';
import type { PlannedFault } from './plan.ts';
import type { Stage } from './stage.ts';

export interface OrdealOptions {
  readonly seed: number;
  readonly scenarios: readonly Scenario[];
  /** The first stock, by SKU. */
  readonly stock: Readonly<Record<string, number>>;
  /** Begins with the first order. */
  readonly plan: readonly PlannedFault[];
  /** How long all of it may take, in milliseconds. */
  readonly within: number;
  /** Resolves when the next order may be placed. @param placed - how many have been. */
  readonly pace: (placed: number) => Promise<void>;
  readonly onNotification?: (notification: OrderNotification) => void;
  readonly onProgress: (message: string) => void;
}

/** What a feed under faults came to. */
export interface Ordeal {
  readonly orders: number;
  readonly outcome: Outcome;
  readonly injected: Injected;
  readonly spoiled: Spoiling['counts'];
  /** How many orders people decided about. */
  readonly approved: number;
  readonly groups: OrderKept;
}

/** Feeds the service while a plan of faults is carried out, waits for every order, and looks from the outside. */
export async function putThrough(stage: Stage, options: OrdealOptions): Promise<Ordeal> {
  const { stack, stateDir, links } = stage;
  const { scenarios, seed, plan, onProgress } = options;
  const began = Promise.withResolvers<void>();
  const stopping = new AbortController();
  const start = Date.now();
  const tell = (message: string) =>
    onProgress(`${((Date.now() - start) / 1_000).toFixed(1).padStart(7)} s  ${message}`);
  const injecting = began.promise.then(() =>
    inject({
      stack,
      providerLog: join(stateDir, 'logs', 'provider.log'),
      stopping: stopping.signal,
      links,
      plan,
      onProgress: tell,
    }),
  );

  let desk: ReturnType<typeof createDesk> | undefined;
  let spoiling: Spoiling | undefined;
  let groups: ReturnType<typeof watchOrder> | undefined;
  let outcome: Outcome;
  try {
    outcome = await rehearse({
      stack,
      stateDir,
      scenarios,
      stock: options.stock,
      within: options.within,
      disturbance: injecting.then(() => tell('everything is mended')),
      onNotification(notification) {
        desk?.notice(notification);
        options.onNotification?.(notification);
      },
      between(sender) {
        desk = createDesk(sender.post);
        spoiling = spoilMessages(sender, seed);
        groups = watchOrder(spoiling.sender);
        const { sender: watched } = groups;
        return { ...spoiling, sender: paced(watched, options.pace, () => began.resolve()) };
      },
    });
  } finally {
    // Nothing is started again behind the back of a stop.
    stopping.abort();
    began.resolve();
    await injecting;
  }
  const clients = await connectTo(stack);
  try {
    const facts = await readOrderFacts(clients.temporal);
    return {
      orders: scenarios.length,
      outcome,
      injected: await injecting,
      spoiled: spoiling!.counts,
      approved: desk!.approved,
      groups: groups!.check(facts),
    };
  } finally {
    await clients.close();
  }
}

/** Lets each order wait for its turn. */
function paced(sender: Sender, pace: OrdealOptions['pace'], onFirst: () => void): Sender {
  const placed = new Set<string>();
  return {
    ...sender,
    async send(event) {
      if (event.type === 'OrderPlaced' && !placed.has(event.eventId)) {
        onFirst();
        await pace(placed.size);
        placed.add(event.eventId);
      }
      await sender.send(event);
    },
  };
}
