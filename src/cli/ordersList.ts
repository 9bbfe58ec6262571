import type { OrderFilters } from '../api/orderList.ts';
import { createOrderStore } from '../api/orderStore.ts';
import { describeOrders } from '../console/orderView.ts';
import type { OrderSummary } from '../contracts/indexes.ts';
import type { OrderState } from '../domain/order.ts';
import { createTables } from '../platform/aws.ts';
import { loadConfig } from '../platform/config.ts';

export interface OrdersListOptions {
  readonly customer?: string;
  readonly seller?: string;
  readonly status?: OrderState;
  /** ISO 8601 in UTC. */
  readonly from?: string;
  readonly to?: string;
  readonly limit: number;
  readonly json?: true;
}

/** The most that one page holds. */
const PAGE = 100;

/** Prints the orders that all filters are true of, newest first. */
export async function runOrdersList(options: OrdersListOptions): Promise<void> {
  const { customer, seller, status, from, to, limit, json } = options;
  const store = createOrderStore({ table: createTables(), ...loadConfig('orders') });
  const filters: OrderFilters = {
    ...(customer !== undefined && { customerId: customer }),
    ...(seller !== undefined && { sellerId: seller }),
    ...(status !== undefined && { state: status }),
    ...(from !== undefined && { from }),
    ...(to !== undefined && { to }),
  };
  const orders: OrderSummary[] = [];
  let cursor: string | null | undefined;
  while (cursor !== null && orders.length < limit) {
    const size = Math.min(PAGE, limit - orders.length);
    const page = await store.list({
      ...filters,
      limit: size,
      ...(cursor !== undefined && { cursor }),
    });
    orders.push(...page.orders);
    cursor = page.cursor;
  }
  if (json) console.log(JSON.stringify(orders, null, 2));
  else console.log(orders.length === 0 ? 'no orders' : describeOrders(orders));
  if (cursor !== null) console.error(`there may be more: only ${limit} are listed (--limit)`);
}
