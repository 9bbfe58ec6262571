import { orderWorkflowId, type OrderRow } from '../../src/contracts/orders.ts';
import { openOrder } from '../../src/domain/order.ts';
import { uniqueId } from './servers.ts';

/** The row of an order of one mug that was received just now, unless it is changed. */
export function orderRow(change: Partial<OrderRow> = {}): OrderRow {
  const key = {
    channel: change.channel ?? 'web',
    orderId: change.orderId ?? uniqueId('order'),
  };
  return {
    ...openOrder({ amount: 1_999, currency: 'EUR' }, 'pm_card_visa'),
    ...key,
    workflowId: orderWorkflowId(key),
    version: 1,
    revision: 1,
    claimedBy: 'run-1',
    reason: null,
    customerId: 'c-1',
    placedAt: '2026-03-01T12:00:00.000Z',
    lines: [{ sku: 'mug', quantity: 1, amount: 1_999, sellerId: 's-1' }],
    timeline: [],
    ...change,
  };
}
