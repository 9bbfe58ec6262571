import { paginateScan, type DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import type { Reservation } from '../contracts/activities.ts';
import type { OrderRow } from '../contracts/orders.ts';

export interface StockRow {
  readonly sku: string;
  readonly available: number;
  /** What there was before the first order. */
  readonly initial: number;
}

export interface ReservationRow {
  readonly orderKey: string;
  readonly status: 'reserved' | 'released';
  readonly pieces: Reservation['pieces'];
}

export interface PaymentRow {
  readonly orderKey: string;
  readonly intentId?: string;
  readonly status: string;
  readonly captured?: number;
  readonly refundable?: number;
}

/** What the tables hold, whole: for audits, not for serving requests. */
export interface Stored {
  readonly orders: readonly OrderRow[];
  readonly stock: readonly StockRow[];
  readonly reservations: readonly ReservationRow[];
  readonly payments: readonly PaymentRow[];
}

export interface TableNames {
  readonly ordersTable: string;
  readonly stockTable: string;
  readonly paymentsTable: string;
}

const RESERVATION = 'RESERVATION#';
const SKU = 'SKU#';

/** Scans the three tables. */
export async function readTables(
  table: DynamoDBDocumentClient,
  names: TableNames,
): Promise<Stored> {
  const stock: StockRow[] = [];
  const reservations: ReservationRow[] = [];
  for (const item of await scan(table, names.stockTable)) {
    const key = String(item['key']);
    if (key.startsWith(SKU)) {
      stock.push({ ...(item as unknown as StockRow), sku: key.slice(SKU.length) });
    } else if (key.startsWith(RESERVATION)) {
      const orderKey = key.slice(RESERVATION.length);
      reservations.push({ ...(item as unknown as ReservationRow), orderKey });
    }
  }
  return {
    orders: (await scan(table, names.ordersTable)) as unknown as OrderRow[],
    stock,
    reservations,
    payments: (await scan(table, names.paymentsTable)).filter(
      (item) => item['entry'] === 'PAYMENT',
    ) as unknown as PaymentRow[],
  };
}

async function scan(
  client: DynamoDBDocumentClient,
  TableName: string,
): Promise<readonly Record<string, unknown>[]> {
  const items: Record<string, unknown>[] = [];
  for await (const page of paginateScan({ client }, { TableName, ConsistentRead: true })) {
    items.push(...(page.Items ?? []));
  }
  return items;
}
