import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { SQSClient } from '@aws-sdk/client-sqs';
import { describeQueue, type Queue } from '../src/bridges/queue.ts';
import { audit, type Audit } from '../src/console/audit.ts';
import { readAcknowledged, readNotifications, readSent } from '../src/console/evidence.ts';
import { readLedger } from '../src/console/ledger.ts';
import { listParked, readParked, type ParkedMessage } from '../src/console/parked.ts';
import { countMessages } from '../src/console/queues.ts';
import { sweep } from '../src/console/sweep.ts';
import { readTables } from '../src/console/tables.ts';
import { SOURCES } from '../src/contracts/events.ts';
import type { OrderNotification } from '../src/contracts/orders.ts';
import { connectTo, type StackClients } from './clients.ts';
import { unmet } from './feed/expectations.ts';
import { createFeed, MALFORMED } from './feed/feed.ts';
import { collectNotifications } from './feed/notifications.ts';
import { misSent, readParcels } from './feed/parcels.ts';
import { createSender, type Sender, type SenderOptions } from './feed/sender.ts';
import type { Scenario } from './feed/scenarios.ts';
import { seedStock } from './feed/stock.ts';
import { createTokenSource } from './issuer/tokens.ts';
import type { Stack } from './stack.ts';

export interface RehearsalOptions {
  readonly stack: Stack;
  /** Where the stack keeps its state; the feed's notes go there too. */
  readonly stateDir: string;
  readonly scenarios: readonly Scenario[];
  /** The first stock, by SKU. */
  readonly stock: Readonly<Record<string, number>>;
  /** How long the orders may take to their ends, in milliseconds. */
  readonly within: number;
  readonly onNotification?: (notification: OrderNotification) => void;
  /** What disturbs the stack meanwhile; the service is not looked at before it is over. */
  readonly disturbance?: Promise<void>;
  /** Puts something between the feed and the service. */
  readonly between?: (sender: Sender) => Between;
}

/** What stands between the feed and the service. */
export interface Between {
  readonly sender: Sender;
  /** Resolves once everything that it was given has been sent; rejects where something could not be. */
  settled(): Promise<void>;
  /** What it has sent that nobody can read: event IDs, or whole bodies where no ID can be read either. */
  readonly unfit: ReadonlySet<string>;
}

/** What a feed came to. */
export interface Outcome {
  /** Which orders are not where they must be, and what else is not as the feed meant it; empty when all is well. */
  readonly unmet: readonly string[];
  /** Which orders have other pieces with the carrier than they sold; empty when all is well. */
  readonly misSent: readonly string[];
  readonly audit: Audit;
}

/** Where a feed notes what it sends and what it is told. */
export function notesOf(stateDir: string) {
  return {
    sent: join(stateDir, 'sent.jsonl'),
    notifications: join(stateDir, 'notifications.jsonl'),
  };
}

/** Feeds a running stack, waits until every order is where its scenario ends, and audits it from the outside. */
export async function rehearse(options: RehearsalOptions): Promise<Outcome> {
  const { stack, scenarios, stateDir } = options;
  const clients = await connectTo(stack);
  const notes = notesOf(stateDir);
  await seedStock(clients.table, clients.stockTable, options.stock);
  const sender = openSender(stack, clients, { manifest: notes.sent, patience: options.within });
  const between = (options.between ?? nothingBetween)(sender);
  const feed = createFeed({ scenarios, sender: between.sender, readOrder: clients.readOrder });
  const collector = collectNotifications({
    sqs: clients.sqs,
    queueUrl: stack.outputs.AuditQueueUrl,
    file: notes.notifications,
    onNotification(notification) {
      options.onNotification?.(notification);
      feed.notice(notification);
    },
  });
  // A disturbance that fails early is told when it is awaited below.
  options.disturbance?.catch(() => undefined);
  try {
    const deadline = Date.now() + options.within;
    await feed.place();
    await options.disturbance;
    const open = () => readUnmet(clients, scenarios);
    await until(async () => (await open()).length === 0, deadline);
    // In this order: with no notification in the queue, none is told after its answers have been waited for.
    const isOver = async () => (await countAll(clients, stack)) === 0 && !(await feed.answered());
    await until(isOver, deadline);
    await between.settled();
    const account = await audit({
      ...clients,
      sent: readSent(notes.sent),
      acknowledged: readAcknowledged([join(stateDir, 'logs', 'bridge.log')]),
      notifications: readNotifications(notes.notifications),
    });
    const { orders } = await readTables(clients.table, clients);
    return {
      unmet: [...(await open()), ...wronglyParked(await allParked(clients), between.unfit)],
      misSent: misSent(orders, await readParcels(stack.urls.provider)),
      audit: account,
    };
  } finally {
    await collector.stop();
    await clients.close();
  }
}

/** Sends events to a running stack, each its own way, noting them in a file. */
export function openSender(
  stack: Stack,
  clients: StackClients,
  notes: Pick<SenderOptions, 'manifest' | 'patience'>,
): Sender {
  const { outputs, urls } = stack;
  return createSender({
    eventBridge: clients.eventBridge,
    sqs: clients.sqs,
    ...notes,
    token: createTokenSource(urls.issuer, { role: 'staff', name: 'feed' }),
    destinations: {
      eventBusName: outputs.EventBusName,
      fifoQueueUrl: outputs.PaymentsFifoQueueUrl,
      apiUrl: urls.api,
      queueUrls: {
        [SOURCES.storefront]: outputs.OrdersQueueUrl,
        [SOURCES.payments]: outputs.PaymentsQueueUrl,
        [SOURCES.fulfilment]: outputs.FulfilmentQueueUrl,
        [SOURCES.returns]: outputs.ReturnsQueueUrl,
        [SOURCES.inventory]: outputs.InventoryQueueUrl,
      },
    },
  });
}

function nothingBetween(sender: Sender): Between {
  return { sender, settled: () => Promise.resolve(), unfit: new Set() };
}

/** Asks until it is so, or the deadline is past. Where an answer takes long, the service is left alone for longer. */
async function until(isSo: () => Promise<boolean>, deadline: number): Promise<void> {
  for (;;) {
    const began = Date.now();
    if ((await isSo()) || Date.now() > deadline) return;
    await delay(Math.max(250, 2 * (Date.now() - began)));
  }
}

async function readUnmet(clients: StackClients, scenarios: readonly Scenario[]) {
  const [{ orders }, ledger] = await Promise.all([
    readTables(clients.table, clients),
    readLedger(clients.stripe),
  ]);
  return unmet(scenarios, orders, ledger);
}

/** What is still on its way: to the bridge, or to the feed. */
async function countAll({ sqs, queues }: StackClients, { outputs }: Stack): Promise<number> {
  const counts = await Promise.all(
    [...queues.map(({ url }) => url), outputs.AuditQueueUrl].map((url) => countMessages(sqs, url)),
  );
  return counts.reduce((total, count) => total + count, 0);
}

async function allParked({ sqs, queues }: StackClients): Promise<readonly ParkedMessage[]> {
  const lists = await Promise.all(
    queues.map(async ({ url }) => {
      const queue = await describeQueue(sqs, url);
      return queue.fifo ? await takeParked(sqs, queue) : await listParked(sqs, queue.deadLetterUrl);
    }),
  );
  return lists.flat();
}

/** What a FIFO queue's messages of a group hide is seen once those are gone: this takes all of them out. */
export async function takeParked(sqs: SQSClient, queue: Queue): Promise<readonly ParkedMessage[]> {
  const taken: ParkedMessage[] = [];
  await sweep({
    sqs,
    queue,
    isMeant: () => true,
    act(messages) {
      taken.push(...messages.map(readParked));
      return Promise.resolve(new Map());
    },
  });
  return taken;
}

/** Exactly what nobody can read has to be parked, as what it is. */
function wronglyParked(
  parked: readonly ParkedMessage[],
  unfit: ReadonlySet<string>,
): readonly string[] {
  const meant = new Set([`${MALFORMED.source}:${MALFORMED.eventId}`, ...unfit]);
  const found = parked.map(({ code, eventId, body }) => ({ code, id: eventId ?? body }));
  const others = found.filter(({ code, id }) => !meant.has(id) || code !== 'malformed');
  const missing = [...meant].filter((id) => !found.some((one) => one.id === id));
  return [
    ...missing.map((id) => `${id} is not in its dead-letter queue`),
    ...others.map(({ code, id }) => `${id} is parked as ${code}`),
  ];
}
