import assert from 'node:assert/strict';
import { QueryCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import type { Reservation } from '../../src/contracts/activities.ts';
import { inboxQuery, inboxSignal, type InboxEvent } from '../../src/contracts/inbox.ts';
import { cancelOrder, type OrderRow } from '../../src/contracts/orders.ts';
import { restockQuery, restockWorkflow, restockWorkflowId } from '../../src/contracts/restock.ts';
import { DEFAULT_RESTOCK_POLICY } from '../../src/domain/policy.ts';
import { advance } from '../support/clock.ts';
import type { OrderHandle, OrderService } from '../support/orderService.ts';
import { CUSTOMER, fulfilling, withOrderService } from '../support/orders.ts';
import { eventually, uniqueId } from '../support/servers.ts';

const DAY = 86_400;

const waiting = ({ waitingFor }: OrderRow) => waitingFor === 'stock';

describe('an order that is short of stock', () => {
  let service: OrderService;
  withOrderService((started) => (service = started));

  /** A SKU of which nothing is there. */
  async function newSku(): Promise<string> {
    const sku = uniqueId('sku');
    await service.table.send(
      new UpdateCommand({
        TableName: service.outputs.StockTable,
        Key: { key: `SKU#${sku}` },
        UpdateExpression: 'SET available = :none, initial = :none',
        ExpressionAttributeValues: { ':none': 0 },
      }),
    );
    return sku;
  }

  const place = (sku: string, quantity: number, policy = {}) =>
    service.place(
      { backOrder: true, lines: [{ sku, quantity, amount: 2_999, sellerId: 'seller-1' }] },
      policy,
    );

  /** As the bridge does with the events of a SKU. */
  async function tellRestock(sku: string, type: string, data: object = {}) {
    const event: InboxEvent = { id: uniqueId(type), type, data: { version: 1, sku, ...data } };
    return await service.client.workflow.signalWithStart(restockWorkflow.workflowType, {
      taskQueue: restockWorkflow.taskQueue,
      workflowId: restockWorkflowId(sku),
      args: [{ sku, policy: DEFAULT_RESTOCK_POLICY }],
      signal: inboxSignal,
      signalArgs: [[event]],
    });
  }

  /** Has the SKU restocked, as far as the supplier delivers. */
  async function deliverPieces(sku: string, quantity: number): Promise<void> {
    const restock = await tellRestock(sku, 'StockLow');
    const supplierOrderId = await eventually(async () => {
      const { expected } = await restock.query(restockQuery);
      return expected?.supplierOrderId;
    });
    await tellRestock(sku, 'StockReceived', { supplierOrderId, quantity });
  }

  async function closed(handle: OrderHandle): Promise<void> {
    await service.until(handle, fulfilling);
    await service.deliver(handle);
    assert.equal((await handle.result()).state, 'closed');
  }

  it('waits for it where it may, and is served in its turn', async () => {
    const sku = await newSku();
    const first = await place(sku, 2);
    const row = await service.until(first, waiting);
    assert.deepEqual([row.state, row.reason], ['reserving', 'out-of-stock']);
    const second = await place(sku, 1);
    await service.until(second, waiting);
    await deliverPieces(sku, 1);
    // One piece is there, and it is not for whoever came later.
    const restock = service.client.workflow.getHandle(restockWorkflowId(sku));
    await eventually(async () => (await restock.query(restockQuery)).expected?.received === 1);
    assert.ok(waiting(await service.until(second, () => true)));
    await deliverPieces(sku, 2);
    await closed(first);
    await closed(second);
    await service.assertStock();
    await service.record(first, 'back-order-served');
    await restock.terminate();
  });

  it('gives up its place when it is cancelled', async () => {
    const sku = await newSku();
    const first = await place(sku, 1);
    await service.until(first, waiting);
    const second = await place(sku, 1);
    await service.until(second, waiting);
    await first.executeUpdate(cancelOrder, { args: [CUSTOMER] });
    assert.equal((await first.result()).state, 'cancelled');
    await deliverPieces(sku, 1);
    await closed(second);
    await service.assertStock();
    await service.record(first, 'back-order-cancelled');
    await service.client.workflow.getHandle(restockWorkflowId(sku)).terminate();
  });

  it('releases what was given up while it waited', async () => {
    const sku = await newSku();
    const handle = await service.place({
      backOrder: true,
      lines: [
        { sku, quantity: 1, amount: 2_000, sellerId: 'seller-1' },
        { sku: 'sleeve', quantity: 3, amount: 500, sellerId: 'seller-1' },
      ],
    });
    await service.until(handle, waiting);
    await handle.executeUpdate(cancelOrder, { args: [{ ...CUSTOMER, lines: [2] }] });
    await deliverPieces(sku, 1);
    await service.until(handle, fulfilling);
    const { captured, pieces } = await service.look(handle);
    assert.deepEqual([captured, pieces], [2_000, { [sku]: 1 }]);
    await service.deliver(handle);
    assert.equal((await handle.result()).state, 'closed');
    await service.assertStock();
    await service.client.workflow.getHandle(restockWorkflowId(sku)).terminate();
  });

  it('waits no longer for a line that is given up', async () => {
    const sku = await newSku();
    const handle = await service.place({
      backOrder: true,
      lines: [
        { sku: 'sleeve', quantity: 3, amount: 500, sellerId: 'seller-1' },
        { sku, quantity: 1, amount: 2_000, sellerId: 'seller-1' },
      ],
    });
    await service.until(handle, waiting);
    await handle.executeUpdate(cancelOrder, { args: [{ ...CUSTOMER, lines: [2] }] });
    const row = await service.until(handle, fulfilling);
    assert.ok(row.cancelledLines.every(({ settled }) => settled));
    const { captured, pieces } = await service.look(handle);
    assert.deepEqual([captured, pieces], [500, { sleeve: 3 }]);
    await service.deliver(handle);
    assert.equal((await handle.result()).state, 'closed');
    await service.assertStock();
    await service.record(handle, 'back-order-line-given-up');
  });

  it('hears of it when it is served while it asks for less', async () => {
    const sku = await newSku();
    const handle = await service.place({
      backOrder: true,
      lines: [
        { sku, quantity: 1, amount: 2_000, sellerId: 'seller-1' },
        { sku: 'sleeve', quantity: 3, amount: 500, sellerId: 'seller-1' },
      ],
    });
    await service.until(handle, waiting);
    const letGo = service.hold('joinBackOrders');
    await handle.executeUpdate(cancelOrder, { args: [{ ...CUSTOMER, lines: [2] }] });
    await eventually(async () => {
      const { pendingActivities } = (await handle.describe()).raw;
      return pendingActivities?.some((one) => one.activityType?.name?.startsWith('joinBackOrders'));
    });
    await deliverPieces(sku, 1);
    await eventually(async () => (await service.look(handle)).reservation === 'reserved');
    const isTold = ({ type }: { readonly type: string }) => type === 'StockReserved';
    await eventually(async () => (await handle.query(inboxQuery)).records.some(isTold));
    letGo();
    await closed(handle);
    const { captured, pieces } = await service.look(handle);
    assert.deepEqual([captured, pieces], [2_000, { [sku]: 1 }]);
    await service.assertStock();
    await service.client.workflow.getHandle(restockWorkflowId(sku)).terminate();
  });

  it('waits for what is left of it, in the place that it has, when one of its short lines is given up', async () => {
    const [sku, other] = [await newSku(), await newSku()];
    const handle = await service.place({
      backOrder: true,
      lines: [
        { sku, quantity: 2, amount: 2_000, sellerId: 'seller-1' },
        { sku: other, quantity: 1, amount: 500, sellerId: 'seller-1' },
        { sku: 'sleeve', quantity: 1, amount: 100, sellerId: 'seller-1' },
      ],
    });
    await service.until(handle, waiting);
    assert.deepEqual(await wantedIn(other), [{ [sku]: 2, [other]: 1, sleeve: 1 }]);
    await handle.executeUpdate(cancelOrder, { args: [{ ...CUSTOMER, lines: [2] }] });
    await eventually(async () => (await wantedIn(other)).length === 0);
    await eventually(async () => (await wantedIn(sku)).every((pieces) => !(other in pieces)));
    await deliverPieces(sku, 2);
    await service.until(handle, fulfilling);
    const { captured, pieces } = await service.look(handle);
    assert.deepEqual([captured, pieces], [2_100, { [sku]: 2, sleeve: 1 }]);
    await service.deliver(handle);
    assert.equal((await handle.result()).state, 'closed');
    await service.assertStock();
    await service.record(handle, 'back-order-waits-for-less');
    await service.client.workflow.getHandle(restockWorkflowId(sku)).terminate();
  });

  /** What those want who wait for a SKU, first come first. */
  async function wantedIn(sku: string): Promise<readonly Record<string, number>[]> {
    const { Items = [] } = await service.table.send(
      new QueryCommand({
        TableName: service.outputs.BackOrdersTable,
        KeyConditionExpression: 'sku = :sku AND begins_with(place, :waiting)',
        ExpressionAttributeValues: { ':sku': sku, ':waiting': 'WAITING#' },
        ConsistentRead: true,
      }),
    );
    return Items.map(({ pieces }) =>
      Object.fromEntries(
        (pieces as Reservation['pieces']).map((piece) => [piece.sku, piece.quantity]),
      ),
    );
  }

  it('waits no longer than the policy allows', async () => {
    const sku = await newSku();
    const handle = await place(sku, 1);
    await service.until(handle, waiting);
    await advance(handle, 14 * DAY - 60);
    await service.until(handle, waiting);
    await advance(handle, 61);
    assert.equal((await handle.result()).state, 'cancelled');
    const { row, reservation, captured } = await service.look(handle);
    assert.deepEqual([row?.reason, reservation, captured], ['back-order-expired', 'released', 0]);
    await service.record(handle, 'back-order-expired');
  });
});
