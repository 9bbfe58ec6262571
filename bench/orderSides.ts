import type { Client, WorkflowHandle } from '@temporalio/client';
import { inboxSignal } from '../src/contracts/inbox.ts';
import {
  newOrder,
  orderPriority,
  orderWorkflow,
  orderWorkflowId,
  type PlacedOrder,
} from '../src/contracts/orders.ts';
import { DEFAULT_POLICY } from '../src/domain/policy.ts';
import type { ParcelEvent } from './courier.ts';
import { OBVIOUS_SIGNALS, obviousOrderWorkflow } from './obviousContract.ts';

export type OrderSide = 'ours' | 'obvious';

/** How the orders of a side are run, seen from the outside. */
export interface OrderRunner {
  /** Of this folder. */
  readonly workerFile: string;
  /** @returns the first run's ID. */
  start(client: Client, placed: PlacedOrder): Promise<string>;
  send(handle: WorkflowHandle, placed: PlacedOrder, event: ParcelEvent): Promise<void>;
}

export const ORDER_SIDES: Readonly<Record<OrderSide, OrderRunner>> = {
  ours: {
    workerFile: 'orderWorkerProcess.ts',
    async start(client, placed) {
      const { workflowType, taskQueue } = orderWorkflow;
      const workflowId = orderWorkflowId(placed);
      const args = [newOrder(placed, DEFAULT_POLICY)];
      const options = { workflowId, taskQueue, args, priority: orderPriority(placed) };
      return (await client.workflow.start(workflowType, options)).firstExecutionRunId;
    },
    async send(handle, { channel, orderId }, type) {
      const parcel = { version: 1, channel, orderId, shipmentId: '1' };
      const data = type === 'ShipmentDispatched' ? { ...parcel, carrier: 'bench' } : parcel;
      await handle.signal(inboxSignal, [{ id: `bench:${orderId}-${type}`, type, data }]);
    },
  },
  obvious: {
    workerFile: 'obviousWorkerProcess.ts',
    async start(client, placed) {
      const { workflowType, taskQueue } = obviousOrderWorkflow;
      const options = { workflowId: orderWorkflowId(placed), taskQueue, args: [placed] };
      return (await client.workflow.start(workflowType, options)).firstExecutionRunId;
    },
    async send(handle, _placed, type) {
      await handle.signal(OBVIOUS_SIGNALS[type]);
    },
  },
};
