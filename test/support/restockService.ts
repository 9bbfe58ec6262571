import { activityInfo } from '@temporalio/activity';
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { Client, type WorkflowHandle } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { Worker } from '@temporalio/worker';
import { createBackOrderActivities } from '../../src/activities/backOrders.ts';
import { createRestockActivities } from '../../src/activities/restocking.ts';
import type { RestockActivities } from '../../src/contracts/activities.ts';
import { inboxQuery, inboxSignal, type InboxEvent } from '../../src/contracts/inbox.ts';
import { PARTNERS_TASK_QUEUE } from '../../src/contracts/taskQueues.ts';
import {
  restockQuery,
  restockWorkflow,
  restockWorkflowId,
  type RestockInput,
  type RestockStanding,
} from '../../src/contracts/restock.ts';
import { DEFAULT_RESTOCK_POLICY, type RestockPolicy } from '../../src/domain/policy.ts';
import { createTelemetry } from '../../src/platform/telemetry.ts';
import { bundleWorkflows } from '../../src/platform/workflowBundle.ts';
import { IDENTITY } from './history.ts';
import { eventually, temporalAddress, uniqueId } from './servers.ts';
import { startStock } from './stock.ts';

export type RestockHandle = WorkflowHandle<(input: RestockInput) => Promise<void>>;

/** What was ordered from the supplier. */
export interface SupplierOrder {
  readonly reference: string;
  readonly sku: string;
  readonly quantity: number;
  readonly supplierOrderId: string;
}

/**
 * The restocking of SKUs with the activities as they are, on an account of their own, a supplier that takes every
 * order once, and orders that only take events. One at a time: all have the same task queue.
 */
export async function startRestockService() {
  const stock = await startStock();
  const { table, lowStock, outputs } = stock;
  const names = { stockTable: outputs.StockTable, backOrdersTable: outputs.BackOrdersTable };
  const backOrders = createBackOrderActivities({ table, lowStock, ...names });
  const restocking = createRestockActivities({ table, lowStock, ...names });

  const ordered: SupplierOrder[] = [];
  let refusals = 0;
  let silence: Promise<void> | undefined;
  const servingRuns: string[] = [];
  let beforeServing: (() => Promise<void>) | undefined;
  const serveBackOrders: RestockActivities['serveBackOrders'] = async (request) => {
    const work = beforeServing;
    beforeServing = undefined;
    await work?.();
    servingRuns.push(activityInfo().workflowExecution?.runId ?? '');
    return await restocking.serveBackOrders(request);
  };
  async function orderFromSupplier(
    request: Parameters<RestockActivities['orderFromSupplier']>[0],
  ): ReturnType<RestockActivities['orderFromSupplier']> {
    await silence;
    if (refusals > 0) {
      refusals -= 1;
      throw ApplicationFailure.nonRetryable('not sold any more', 'SupplierRefused');
    }
    const known = ordered.find(({ reference }) => reference === request.reference);
    if (known) return known;
    const order = { ...request, supplierOrderId: uniqueId('supply') };
    ordered.push(order);
    return order;
  }

  const namespace = 'default';
  const environment = await TestWorkflowEnvironment.createFromExistingServer({
    address: temporalAddress(),
    namespace,
  });
  const client = new Client({ connection: environment.connection, namespace, identity: IDENTITY });
  const shared = {
    connection: environment.nativeConnection,
    namespace,
    plugins: [createTelemetry()],
    identity: IDENTITY,
  };
  const workflowBundle = await bundleWorkflows();
  const startWorker = async () => {
    const workers = await Promise.all([
      Worker.create({
        ...shared,
        taskQueue: restockWorkflow.taskQueue,
        workflowBundle,
        activities: { ...restocking, serveBackOrders },
      }),
      Worker.create({
        ...shared,
        taskQueue: PARTNERS_TASK_QUEUE,
        activities: { orderFromSupplier },
      }),
    ]);
    const running = workers.map((worker) => worker.run());
    return async () => {
      for (const worker of workers) worker.shutdown();
      await Promise.all(running);
    };
  };
  const ordersQueue = uniqueId('orders-that-take-events');
  const orders = await Worker.create({
    ...shared,
    taskQueue: ordersQueue,
    workflowBundle: await bundleWorkflows(join(import.meta.dirname, 'inboxWorkflow.ts')),
  });
  const ordersRunning = orders.run();
  let stopWorker: (() => Promise<void>) | undefined = await startWorker();

  return {
    ...stock,
    client,
    backOrders,
    /** What the supplier was asked for, in all. */
    ordered,

    /** The supplier takes none of so many orders that come next. */
    refuse(count: number): void {
      refusals = count;
    },

    /** The supplier does not answer, until what this returns is called. */
    silence(): () => void {
      const { promise, resolve } = Promise.withResolvers<void>();
      silence = promise;
      return resolve;
    },

    /** Which run of a restocking served those who wait, each time. */
    servingRuns,

    /** Has something happen while those who wait are about to be served next, once. */
    whileServing(work: () => Promise<void>): void {
      beforeServing = work;
    },

    /** Has the worker stopped, does something, and starts another. */
    async withoutWorker(meanwhile: () => Promise<void>): Promise<void> {
      await stopWorker?.();
      stopWorker = undefined;
      await meanwhile();
      stopWorker = await startWorker();
    },

    /** Sends events as the bridge does: to the SKU's restocking, which they start where there is none. */
    async send(
      sku: string,
      events: readonly InboxEvent[],
      policy: Partial<RestockPolicy> = {},
    ): Promise<RestockHandle> {
      const workflowId = restockWorkflowId(sku);
      await client.workflow.signalWithStart(restockWorkflow.workflowType, {
        taskQueue: restockWorkflow.taskQueue,
        workflowId,
        args: [{ sku, policy: { ...DEFAULT_RESTOCK_POLICY, ...policy } }],
        signal: inboxSignal,
        signalArgs: [events],
      });
      return client.workflow.getHandle(workflowId);
    },

    /** Waits until the restocking says that it is there. */
    async until(
      handle: RestockHandle,
      is: (standing: RestockStanding) => boolean,
    ): Promise<RestockStanding> {
      return await eventually(
        async () => {
          const standing = await handle.query(restockQuery);
          return is(standing) ? standing : false;
        },
        // A workflow task that the server gave to a worker which was just stopped is given again after 10 s.
        { within: 25_000 },
      );
    },

    /** An order that waits for pieces, which takes what it is told. */
    async waiting(wants: Readonly<Record<string, number>>): Promise<string> {
      const orderKey = `order:web:${uniqueId('order')}`;
      await client.workflow.start('inboxWorkflow', {
        workflowId: orderKey,
        taskQueue: ordersQueue,
      });
      const pieces = Object.entries(wants).map(([sku, quantity]) => ({ sku, quantity }));
      await backOrders.joinBackOrders({ orderKey, pieces, skus: Object.keys(wants) });
      return orderKey;
    },

    /** What an order was told, and how often that came again. */
    async toldTo(orderKey: string) {
      const { records, repeats } = await client.workflow.getHandle(orderKey).query(inboxQuery);
      return { told: records.map(({ id, type }) => `${type} ${id}`), repeats };
    },

    async stop(): Promise<void> {
      await stopWorker?.();
      orders.shutdown();
      await ordersRunning;
      await environment.teardown();
      stock.stop();
    },
  };
}

export type RestockService = Awaited<ReturnType<typeof startRestockService>>;

/** The news that a SKU is low. */
export function stockLow(sku: string): InboxEvent {
  return { id: uniqueId('low'), type: 'StockLow', data: { version: 1, sku } };
}

/** The news that so many pieces of an order came. */
export function stockReceived(order: SupplierOrder | undefined, quantity: number): InboxEvent {
  assert.ok(order, 'nothing was ordered');
  const { sku, supplierOrderId } = order;
  const data = { version: 1, sku, supplierOrderId, quantity };
  return { id: uniqueId('received'), type: 'StockReceived', data };
}
