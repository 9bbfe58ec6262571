import assert from 'node:assert/strict';
import { orderRoutes } from '../../src/bridges/orderRoutes.ts';
import { EVENTS } from '../../src/contracts/events.ts';
import {
  DEFAULT_POLICY,
  DEFAULT_RESTOCK_POLICY,
  DEFAULT_RETURN_POLICY,
} from '../../src/domain/policy.ts';

describe("the order service's routes", () => {
  const routes = orderRoutes({
    orderPolicy: DEFAULT_POLICY,
    returnPolicy: DEFAULT_RETURN_POLICY,
    restockPolicy: DEFAULT_RESTOCK_POLICY,
    earlySeconds: 900,
  });

  it('take every canonical event', () => {
    const taken = routes.map(({ source, type }) => `${source} ${type}`);
    const canonical = Object.entries(EVENTS).map(([type, { source }]) => `${source} ${type}`);
    assert.deepEqual(taken.toSorted(), canonical.toSorted());
  });

  it('start the workflow of an order that is placed, with the policy in force', async () => {
    const data = {
      version: 1,
      channel: 'web',
      orderId: '42',
      customerId: 'c-1',
      currency: 'USD',
      lines: [{ sku: 'record', quantity: 1, amount: 0, sellerId: 's-1' }],
    };
    const route = routes.find(({ type }) => type === 'OrderPlaced');
    const source = EVENTS.OrderPlaced.source;
    const event = { id: `${source}:1`, source, type: 'OrderPlaced', data, trace: {} };
    const planned = await route?.plan(event);
    assert.deepEqual(planned?.plan, {
      operation: 'start',
      workflowId: 'order:web:42',
      workflowType: 'orderWorkflow',
      taskQueue: 'orders',
      args: [{ placed: data, policy: DEFAULT_POLICY, edition: 2 }],
      priority: { fairnessKey: 's-1' },
    });
  });

  it('put the news of goods that came back into the inbox of their return', async () => {
    const data = { version: 1, returnId: 'r-1' };
    const route = routes.find(({ type }) => type === 'GoodsReceived');
    const { source } = EVENTS.GoodsReceived;
    const event = { id: `${source}:1`, source, type: 'GoodsReceived', data, trace: {} };
    const planned = await route?.plan(event);
    assert.deepEqual(planned?.plan, {
      operation: 'inbox',
      workflowId: 'return:r-1',
      earlySeconds: 900,
      late: 'acknowledge',
    });
  });
});
