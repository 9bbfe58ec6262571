import { UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { inboxSignal } from '../../src/contracts/inbox.ts';
import { restockQuery, restockWorkflow, restockWorkflowId } from '../../src/contracts/restock.ts';
import { DEFAULT_RESTOCK_POLICY } from '../../src/domain/policy.ts';
import { ignoreEnded } from './helpAlong.ts';
import type { OrderService } from './orderService.ts';
import { eventually, uniqueId } from './servers.ts';

/** The pieces of one SKU, and its restocking, which is told as the bridge does. */
export function supplyOf({ client, table, outputs }: OrderService, sku: string) {
  async function tell(type: string, data: object) {
    return await client.workflow.signalWithStart(restockWorkflow.workflowType, {
      taskQueue: restockWorkflow.taskQueue,
      workflowId: restockWorkflowId(sku),
      args: [{ sku, policy: DEFAULT_RESTOCK_POLICY }],
      signal: inboxSignal,
      signalArgs: [[{ id: uniqueId(type), type, data: { version: 1, sku, ...data } }]],
    });
  }

  return {
    /** Puts the SKU there, with so many pieces. */
    async add(available: number): Promise<void> {
      await table.send(
        new UpdateCommand({
          TableName: outputs.StockTable,
          Key: { key: `SKU#${sku}` },
          UpdateExpression: 'SET available = :all, initial = :all',
          ExpressionAttributeValues: { ':all': available },
        }),
      );
    },

    /** Tells the restocking that the SKU is low, and that pieces came, whether or not they were ordered. */
    async deliver(quantity: number): Promise<void> {
      const restock = await tell('StockLow', {});
      const { expected } = await restock.query(restockQuery);
      const supplierOrderId = expected?.supplierOrderId ?? 'SO-unknown';
      await tell('StockReceived', { supplierOrderId, quantity });
    },

    /** Ends the restocking, which runs for ever, once it is not at work. */
    async end(): Promise<void> {
      const restock = client.workflow.getHandle(restockWorkflowId(sku));
      try {
        await eventually(async () => {
          // A SKU that was not delivered has none.
          if (!(await restock.describe().catch(ignoreEnded))) return true;
          const { state } = await restock.query(restockQuery);
          return state !== 'serving' && state !== 'ordering';
        });
        await restock.terminate();
      } catch (error) {
        ignoreEnded(error);
      }
    },
  };
}

export type SkuSupply = ReturnType<typeof supplyOf>;
