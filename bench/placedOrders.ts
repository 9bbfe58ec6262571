import { type DynamoDBDocumentClient, GetCommand } from '@aws-sdk/lib-dynamodb';
import { readLedger } from '../src/console/ledger.ts';
import type { OrderRow, PlacedOrder } from '../src/contracts/orders.ts';
import { createStripe } from '../src/platform/stripe.ts';
import { concurrently } from './concurrently.ts';

const AMOUNT = 2_999;
const LOOKS_AT_ONCE = 8;

/** An order of one record. */
export function placedOrder(orderId: string, sellerId = 'bench-seller'): PlacedOrder {
  return {
    version: 1,
    channel: 'bench',
    orderId,
    customerId: 'bench-customer',
    currency: 'USD',
    lines: [{ sku: 'record', quantity: 1, amount: AMOUNT, sellerId }],
    paymentMethod: 'pm_card_visa',
  };
}

/** Where it shows what became of orders. */
export interface OrderTraces {
  readonly table: DynamoDBDocumentClient;
  readonly ordersTable: string;
  /** The payment provider's. */
  readonly providerUrl: string;
}

/** @throws Error unless each of these orders is closed, and was charged once and whole. */
export async function assertPaidAndClosed(
  workflowIds: readonly string[],
  { table, ordersTable, providerUrl }: OrderTraces,
): Promise<void> {
  const stripe = createStripe({ apiKey: 'sk_test_bench', baseUrl: providerUrl });
  const ledger = Map.groupBy(await readLedger(stripe), ({ orderKey }) => orderKey);
  await concurrently(LOOKS_AT_ONCE, workflowIds.length, async (index) => {
    const orderKey = workflowIds[index] ?? '';
    const { Item } = await table.send(
      new GetCommand({ TableName: ordersTable, Key: { orderKey }, ConsistentRead: true }),
    );
    const { state } = (Item ?? {}) as Partial<OrderRow>;
    if (state !== 'closed') throw new Error(`${orderKey}: expected closed, found ${state}`);
    const charges = (ledger.get(orderKey) ?? []).map(({ captured }) => captured);
    if (charges.length !== 1 || charges[0] !== AMOUNT) {
      throw new Error(`${orderKey}: expected one charge of ${AMOUNT}, found [${charges.join()}]`);
    }
  });
}
