import assert from 'node:assert/strict';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { SNSClient } from '@aws-sdk/client-sns';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import {
  Client,
  type ClientOptions,
  type WorkflowHandle,
  type WorkflowHandleWithStartDetails,
} from '@temporalio/client';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { Worker, type WorkerOptions } from '@temporalio/worker';
import { deploy } from '../../dev/deploy.ts';
import { seedStock } from '../../dev/feed/stock.ts';
import { synthesise } from '../../infra/app.ts';
import { createActivities } from '../../src/activities/byTaskQueue.ts';
import { bundleWorkflows } from '../../src/platform/workflowBundle.ts';
import { checkStock } from '../../src/console/checks.ts';
import { readLedger } from '../../src/console/ledger.ts';
import { readTables } from '../../src/console/tables.ts';
import type { Announcement } from '../../src/contracts/activities.ts';
import type { InboxEvent } from '../../src/contracts/inbox.ts';
import { inboxSignal } from '../../src/contracts/inbox.ts';
import {
  newOrder,
  orderQuery,
  orderWorkflow,
  orderWorkflowId,
  type CarriedOrder,
  type OrderResult,
  type OrderRow,
  type PlacedOrder,
} from '../../src/contracts/orders.ts';
import { DEFAULT_POLICY, type OrderPolicy } from '../../src/domain/policy.ts';
import { createStripe } from '../../src/platform/stripe.ts';
import { createTelemetry } from '../../src/platform/telemetry.ts';
import { IDENTITY, recordHistory } from './history.ts';
import { startTestProvider } from './provider.ts';
import { awsAccount, eventually, temporalAddress, uniqueId } from './servers.ts';

export type OrderHandle = WorkflowHandleWithStartDetails<
  (...args: [unknown]) => Promise<OrderResult>
>;

export interface OrderServiceOptions {
  readonly isScreeningUp?: boolean;
  /** How long it waits for an answer of the payment provider, in milliseconds. Default 10,000. */
  readonly stripeTimeoutMs?: number;
  /** What its client and its workers have beside what they need. */
  readonly client?: Pick<ClientOptions, 'dataConverter'>;
  readonly worker?: Pick<WorkerOptions, 'dataConverter' | 'maxCachedWorkflows'>;
}

/**
 * The order service's workflows and activities as they are, on an account of their own. One at a time: all have the
 * same task queues.
 */
export async function startOrderService({
  isScreeningUp = true,
  stripeTimeoutMs = 10_000,
  client: clientOptions,
  worker: workerOptions,
}: OrderServiceOptions = {}) {
  const account = awsAccount();
  const outputs = await deploy(account, synthesise());
  const table = DynamoDBDocumentClient.from(new DynamoDBClient(account));
  const sns = new SNSClient(account);
  await seedStock(table, outputs.StockTable, { record: 100_000, sleeve: 100_000, scarce: 0 });

  const provider = await startTestProvider();
  const stripe = createStripe({
    apiKey: 'sk_test_local',
    baseUrl: provider.url,
    timeoutMs: stripeTimeoutMs,
  });

  const namespace = 'default';
  const environment = await TestWorkflowEnvironment.createFromExistingServer({
    address: temporalAddress(),
    namespace,
  });
  const { nativeConnection: connection } = environment;
  const client = new Client({
    connection: environment.connection,
    namespace,
    identity: IDENTITY,
    ...clientOptions,
  });

  const names = {
    ordersTable: outputs.OrdersTable,
    stockTable: outputs.StockTable,
    paymentsTable: outputs.PaymentsTable,
    returnsTable: outputs.ReturnsTable,
  };
  const shared = {
    connection,
    namespace,
    plugins: [createTelemetry()],
    identity: IDENTITY,
    ...workerOptions,
  };
  const activities = createActivities({
    table,
    ...names,
    sellersTable: outputs.SellersTable,
    sns,
    eventBridge: new EventBridgeClient(account),
    eventBusName: outputs.EventBusName,
    audit: () => Promise.reject(new Error('nobody sweeps here')),
    notificationsTopicArn: outputs.NotificationsTopicArn,
    stripe,
    screeningUrl: isScreeningUp ? `${provider.url}/screening` : 'http://127.0.0.1:1',
    carrierUrl: `${provider.url}/carrier`,
    supplierUrl: `${provider.url}/supplier`,
    backOrdersTable: outputs.BackOrdersTable,
  });
  const held = new Map<'announceOrder' | 'joinBackOrders', Promise<void>>();
  const announceOrder = async (due: Announcement) => {
    await held.get('announceOrder');
    await activities.orders.announceOrder(due);
  };
  const joinBackOrders: typeof activities.orders.joinBackOrders = async (...all) => {
    await held.get('joinBackOrders');
    return await activities.orders.joinBackOrders(...all);
  };
  const orders = await Worker.create({
    ...shared,
    taskQueue: 'orders',
    workflowBundle: await bundleWorkflows(),
    activities: { ...activities.orders, announceOrder, joinBackOrders },
  });
  const partners = await Worker.create({
    ...shared,
    taskQueue: 'partners',
    activities: activities.partners,
  });
  const workers = [orders, partners];
  const running = workers.map((worker) => worker.run());
  let arePaymentsUp = false;

  return {
    client,
    /** Where its tables are, for processes of their own. */
    account,
    table,
    outputs,
    provider,
    /** The payment activities themselves, for money that no order's workflow has taken. */
    payments: activities.payments,

    /** Until this is called, no payment gets an answer. */
    async startPayments(): Promise<void> {
      if (arePaymentsUp) return;
      arePaymentsUp = true;
      const worker = await Worker.create({
        ...shared,
        taskQueue: 'payments',
        activities: activities.payments,
      });
      workers.push(worker);
      running.push(worker.run());
    },

    async place(
      change: Partial<PlacedOrder> = {},
      policy: Partial<OrderPolicy> = {},
      carried?: CarriedOrder,
    ) {
      const placed = order(change);
      const handle = await client.workflow.start(orderWorkflow.workflowType, {
        taskQueue: orderWorkflow.taskQueue,
        workflowId: orderWorkflowId(placed),
        args: [
          { ...newOrder(placed, { ...DEFAULT_POLICY, ...policy }), ...(carried && { carried }) },
        ],
      });
      return handle as OrderHandle;
    },

    /** Waits until the order says it is there. */
    async until(handle: OrderHandle, is: (row: OrderRow) => boolean): Promise<OrderRow> {
      return await eventually(
        async () => {
          const row = await handle.query(orderQuery);
          return is(row) ? row : false;
        },
        // A workflow task that the server gave to a worker which was just stopped is given again after 10 s.
        { within: 25_000 },
      );
    },

    async send(handle: OrderHandle, ...events: readonly InboxEvent[]): Promise<void> {
      await handle.signal(inboxSignal, events);
    },

    /** Has all parcels of the order leave and arrive; where none is planned yet, its first. */
    async deliver(handle: OrderHandle): Promise<void> {
      const { shipments } = await handle.query(orderQuery);
      for (const { shipmentId } of shipments.length > 0 ? shipments : [PARCEL]) {
        const parcel = { ...PARCEL, shipmentId };
        await handle.signal(inboxSignal, [event(handle, 'ShipmentDispatched', parcel)]);
        await handle.signal(inboxSignal, [event(handle, 'ShipmentDelivered', parcel)]);
      }
    },

    /** Holds an activity of all orders, so that it is under way until it is let go. @returns how to let go. */
    hold(activity: 'announceOrder' | 'joinBackOrders'): () => void {
      const { promise, resolve } = Promise.withResolvers<void>();
      held.set(activity, promise);
      return () => {
        held.delete(activity);
        resolve();
      };
    },

    /** Has the workflow's history grow until the server asks for a new run: past 4 MB. */
    async outgrow(handle: WorkflowHandle): Promise<void> {
      const data = 'x'.repeat(1_000_000);
      const { runId } = await handle.describe();
      const run = client.workflow.getHandle(handle.workflowId, runId);
      // A signal that nobody knows is recorded, and what it says forgotten.
      for (let sent = 0; sent < 5; sent += 1) await handle.signal('no-such-signal', data);
      // The task that takes the last of them may have begun before it: one more is told how long the history is.
      await eventually(async () => {
        const { raw, historySize = 0, status } = await run.describe();
        const isLong = historySize > 4 * 1_024 * 1_024 && !raw.pendingWorkflowTask;
        return isLong || status.name !== 'RUNNING';
      });
      await handle.signal('no-such-signal', '');
    },

    /** What tables and ledger hold of one order. */
    async look(handle: Pick<OrderHandle, 'workflowId'>) {
      const stored = await readTables(table, names);
      const key = handle.workflowId;
      const intents = (await readLedger(stripe)).filter(({ orderKey }) => orderKey === key);
      const reservation = stored.reservations.find(({ orderKey }) => orderKey === key);
      return {
        row: stored.orders.find(({ workflowId }) => workflowId === key),
        reservation: reservation?.status,
        /** What is still reserved, by SKU. */
        pieces: Object.fromEntries(
          reservation?.status === 'reserved'
            ? reservation.pieces.map(({ sku, quantity }) => [sku, quantity])
            : [],
        ) as Readonly<Record<string, number>>,
        intents,
        captured: intents.reduce((sum, { captured }) => sum + captured, 0),
        refunded: intents.reduce((sum, { refunded }) => sum + refunded, 0),
      };
    },

    /** What tables and ledger hold, whole. */
    async lookAtAll() {
      const [stored, ledger] = await Promise.all([readTables(table, names), readLedger(stripe)]);
      return { stored, ledger };
    },

    /** Whether every piece is on sale or reserved for an order, once. For when no order is at work. */
    async assertStock(): Promise<void> {
      assert.deepEqual(checkStock(await readTables(table, names)), []);
    },

    /**
     * Keeps an order's or a return's history for the replay test, when histories are recorded
     * (`WAYBILL_RECORD_HISTORIES=1 npm test`).
     */
    async record(handle: WorkflowHandle, name: string): Promise<void> {
      // Those of orders that were placed before are kept as they are.
      const isOrder = handle.workflowId.startsWith('order:');
      await recordHistory(handle, isOrder ? `edition-2-${name}` : name);
    },

    async stop(): Promise<void> {
      workers.forEach((worker) => worker.shutdown());
      await Promise.all(running);
      await environment.teardown();
      await provider.close();
      table.destroy();
      sns.destroy();
    },
  };
}

export type OrderService = Awaited<ReturnType<typeof startOrderService>>;

/** An order of one record, unless it is changed. */
export function order(change: Partial<PlacedOrder> = {}): PlacedOrder {
  return {
    version: 1,
    channel: 'web',
    orderId: uniqueId('order'),
    customerId: 'customer-1',
    currency: 'USD',
    lines: [{ sku: 'record', quantity: 1, amount: 2_999, sellerId: 'seller-1' }],
    paymentMethod: 'pm_card_visa',
    ...change,
  };
}

/** The first parcel of an order, as the carrier's events name it. */
export const PARCEL = { shipmentId: '1', carrier: 'post' };

/** An event for an order's inbox. */
export function event(handle: OrderHandle, type: string, data: object = {}): InboxEvent {
  const [, channel, orderId] = handle.workflowId.split(':');
  return { id: uniqueId(type), type, data: { version: 1, channel, orderId, ...data } };
}
