import { paginateScan, type DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import type { Reservation } from '../contracts/activities.ts';
import { storedRow } from '../contracts/orderItems.ts';
import type { OrderRow } from '../contracts/orders.ts';
import type { ReturnRow } from '../contracts/returns.ts';

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
  /** Of what was reserved, what is gone for good; absent where nothing is. */
  readonly lost?: Reservation['pieces'];
}

/** The pieces of a return that were put on sale again. */
export interface RestockRow {
  readonly returnKey: string;
  readonly pieces: Reservation['pieces'];
}

/** What was received from a supplier. */
export interface ReceiptRow {
  readonly sku: string;
  /** The event that told of it. */
  readonly receipt: string;
  readonly quantity: number;
}

export interface PaymentRow {
  readonly orderKey: string;
  readonly intentId?: string;
  readonly status: string;
  readonly captured?: number;
  readonly refundable?: number;
  /** Lost in disputes beyond what was refundable then; absent: nothing. */
  readonly overdrawn?: number;
  /** The disputes that were closed; absent: none. */
  readonly decided?: ReadonlySet<string>;
}

/** What the tables hold, whole: for audits, not for serving requests. */
export interface Stored {
  readonly orders: readonly OrderRow[];
  readonly stock: readonly StockRow[];
  readonly reservations: readonly ReservationRow[];
  readonly restocks: readonly RestockRow[];
  readonly receipts: readonly ReceiptRow[];
  readonly payments: readonly PaymentRow[];
  readonly returns: readonly ReturnRow[];
}

export interface TableNames {
  readonly ordersTable: string;
  readonly stockTable: string;
  readonly paymentsTable: string;
  readonly returnsTable: string;
}

const RESERVATION = 'RESERVATION#';
const RESTOCK = 'RESTOCK#';
const RECEIPT = 'RECEIPT#';
const SKU = 'SKU#';

/** Scans the four tables. */
export async function readTables(
  table: DynamoDBDocumentClient,
  names: TableNames,
): Promise<Stored> {
  const stock: StockRow[] = [];
  const reservations: ReservationRow[] = [];
  const restocks: RestockRow[] = [];
  const receipts: ReceiptRow[] = [];
  for (const item of await scan(table, names.stockTable)) {
    const key = String(item['key']);
    if (key.startsWith(SKU)) {
      // A SKU that nobody has put there, and that was received all the same, began with nothing.
      stock.push({
        initial: 0,
        ...(item as Omit<StockRow, 'initial'>),
        sku: key.slice(SKU.length),
      });
    } else if (key.startsWith(RESERVATION)) {
      const orderKey = key.slice(RESERVATION.length);
      reservations.push({ ...(item as unknown as ReservationRow), orderKey });
    } else if (key.startsWith(RESTOCK)) {
      const returnKey = key.slice(RESTOCK.length);
      restocks.push({ ...(item as unknown as RestockRow), returnKey });
    } else if (key.startsWith(RECEIPT)) {
      receipts.push(item as unknown as ReceiptRow);
    }
  }
  return {
    orders: (await scan(table, names.ordersTable)).map(orderRowOf),
    stock,
    reservations,
    restocks,
    receipts,
    payments: (await scan(table, names.paymentsTable)).filter(
      (item) => item['entry'] === 'PAYMENT',
    ) as unknown as PaymentRow[],
    returns: (await scan(table, names.returnsTable)) as unknown as ReturnRow[],
  };
}

/** An order's row as it is written today: one that ended before lines could be cancelled was captured whole. */
function orderRowOf(item: Record<string, unknown>): OrderRow {
  const row = storedRow(item);
  const { status, refunded } = row.payment;
  const captured = status === 'captured' ? row.total.amount : refunded;
  const payment = Object.assign({ captured }, row.payment);
  return Object.assign({ cancelledLines: [], review: null }, row, { payment });
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
