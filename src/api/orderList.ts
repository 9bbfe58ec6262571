import { BatchGetCommand, QueryCommand, type DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { ORDER_INDEXES, ORDER_SUMMARY, type OrderSummary } from '../contracts/indexes.ts';
import type { OrderRow } from '../contracts/orders.ts';
import type { OrderState } from '../domain/order.ts';
import { InvalidCursorError, readCursor, writeCursor, type Position } from './cursor.ts';

/** Which orders are listed: those of which all of this is true. */
export interface OrderFilters {
  readonly customerId?: string | undefined;
  /** Orders with at least one line of this seller. */
  readonly sellerId?: string | undefined;
  readonly state?: OrderState | undefined;
  /**
   * ISO 8601 in UTC with milliseconds: placed then or later. Default: ever; where neither customer, seller nor
   * state is given, 31 days before `to`.
   */
  readonly from?: string | undefined;
  /** ISO 8601 in UTC with milliseconds: placed then or earlier. Default: now. */
  readonly to?: string | undefined;
}

export interface OrderList extends OrderFilters {
  /** The most that one page holds, 1 to 100. It may hold fewer, or none, and yet not be the last. */
  readonly limit: number;
  /** Where the page before this one ended, as that said. */
  readonly cursor?: string | undefined;
}

export interface OrderPage {
  /** Newest first. */
  readonly orders: readonly OrderSummary[];
  /** Null after the last page. */
  readonly cursor: string | null;
}

export interface OrderListTables {
  readonly table: DynamoDBDocumentClient;
  readonly ordersTable: string;
  readonly sellersTable: string;
  /** How long one read may take, in milliseconds. */
  readonly timeoutMs: number;
}

/** How many reads of an index one page costs at the most: a month of days, where each is read by itself. */
const READS_PER_PAGE = 31;
const DEFAULT_DAYS = 31;
/** What one BatchGet takes. */
const READ_SIZE = 100;
const BATCH_ROUNDS = 5;
const DAY = 86_400_000;
/** By how much the clocks of those who take orders may be ahead, in milliseconds. */
const CLOCK_DIFFERENCE = 3_600_000;
const EVER = { from: '1970-01-01T00:00:00.000Z', to: '9999-12-31T23:59:59.999Z' };

/** Lists orders by the indexes alone. @throws InvalidCursorError when the cursor is none, or of another list. */
export async function listOrders(tables: OrderListTables, list: OrderList): Promise<OrderPage> {
  const { limit, cursor, ...filters } = list;
  // The keys that are read come from the filters alone, never from the cursor.
  const name = [list.customerId, list.sellerId, list.state, list.from, list.to];
  const start = cursor === undefined ? null : readCursor(name, cursor);
  const range = rangeOf(filters, start);
  const orders: OrderSummary[] = [];
  let position = start;
  const pageTo = (end: Position | null): OrderPage => ({
    orders,
    cursor: end && writeCursor(name, end),
  });
  if (range.from > range.to) return pageTo(null);
  let reads = 0;
  for (const partition of partitionsOf(tables, filters, range, start)) {
    let more = true;
    while (more) {
      if (orders.length === limit || reads === READS_PER_PAGE) return pageTo(position);
      reads += 1;
      const size = isNarrowed(filters) ? READ_SIZE : limit - orders.length;
      const read = await readPartition(tables, partition, range, position, size);
      more = read.more;
      const rows = await rowsOf(tables, filters, read.items);
      for (const [index, item] of read.items.entries()) {
        if (orders.length === limit) return pageTo(position);
        position = { ...placeOf(item), from: range.from };
        const row = rows[index];
        if (row && isMeant(row, filters)) orders.push(summaryOf(row));
      }
    }
    if (partition.startsAt !== undefined) {
      position = { placedAt: before(partition.startsAt), from: range.from };
    }
  }
  return pageTo(null);
}

interface Range {
  readonly from: string;
  readonly to: string;
}

/** The orders under one key of an index, sorted by when they were placed. */
interface Partition {
  readonly where: { readonly TableName: string; readonly IndexName?: string };
  readonly key: string;
  readonly value: string;
  readonly sortKey: 'placedAt' | 'placed';
  /** ISO 8601: nothing in it is older. Absent where it is not known. */
  readonly startsAt?: string;
}

/** What every index has of an order: `placedAt`, or, by seller, `placed`, which is `{placedAt}#{orderKey}`. */
type Item = { readonly orderKey: string } & Partial<Record<Partition['sortKey'], string>>;

/** What the indexes have of an order, and, where its row was read, its lines. */
type Row = OrderSummary & Partial<Pick<OrderRow, 'lines'>>;

/** The customer's orders are the fewest, then the seller's; an order has one state at a time. */
function* partitionsOf(
  { ordersTable, sellersTable }: OrderListTables,
  { customerId, sellerId, state }: OrderFilters,
  range: Range,
  start: Position | null,
): Generator<Partition> {
  if (customerId !== undefined) {
    yield indexed(ordersTable, 'byCustomer', customerId);
  } else if (sellerId !== undefined) {
    const where = { TableName: sellersTable };
    yield { where, key: 'sellerId', value: sellerId, sortKey: 'placed' };
  } else if (state !== undefined) {
    yield indexed(ordersTable, 'byState', state);
  } else {
    const newest = new Date(Date.now() + CLOCK_DIFFERENCE).toISOString();
    const latest = [start?.placedAt ?? range.to, newest].toSorted()[0] as string;
    for (let day = latest.slice(0, 10); day >= range.from.slice(0, 10);) {
      const startsAt = `${day}T00:00:00.000Z`;
      yield { ...indexed(ordersTable, 'byDay', day), startsAt };
      day = before(startsAt).slice(0, 10);
    }
  }
}

function indexed(
  TableName: string,
  IndexName: keyof typeof ORDER_INDEXES,
  value: string,
): Partition {
  const where = { TableName, IndexName };
  return { where, key: ORDER_INDEXES[IndexName], value, sortKey: 'placedAt' };
}

/** @throws InvalidCursorError when the cursor's position is outside of what the filters allow. */
function rangeOf(filters: OrderFilters, start: Position | null): Range {
  const { customerId, sellerId, state, from, to = EVER.to } = filters;
  const byDay = [customerId, sellerId, state].every((filter) => filter === undefined);
  const recent = () => {
    const newest = Math.min(Date.parse(to), Date.now());
    return new Date(newest - DEFAULT_DAYS * DAY).toISOString();
  };
  const wanted = from ?? start?.from ?? (byDay ? recent() : EVER.from);
  const range = { from: wanted < EVER.from ? EVER.from : wanted, to };
  if (start && (start.placedAt < range.from || start.placedAt > to)) {
    throw new InvalidCursorError('expected a cursor of the same list, received another position');
  }
  return range;
}

/** Whether the index that is read holds more than what is meant. */
function isNarrowed({ customerId, sellerId, state }: OrderFilters): boolean {
  return [customerId, sellerId, state].filter((filter) => filter !== undefined).length > 1;
}

function isMeant(row: Row, { customerId, sellerId, state }: OrderFilters): boolean {
  return (
    (customerId === undefined || row.customerId === customerId) &&
    (state === undefined || row.state === state) &&
    (sellerId === undefined || (row.lines ?? []).some((line) => line.sellerId === sellerId))
  );
}

/** Reads on in one partition, newest first, after this position. */
async function readPartition(
  { table, timeoutMs }: OrderListTables,
  { where, key, value, sortKey }: Partition,
  { from, to }: Range,
  position: Position | null,
  size: number,
): Promise<{ readonly items: readonly Item[]; readonly more: boolean }> {
  const latest = position?.placedAt ?? to;
  const { Items = [], LastEvaluatedKey } = await table.send(
    new QueryCommand({
      ...where,
      KeyConditionExpression: '#key = :value AND #sort BETWEEN :from AND :to',
      ExpressionAttributeNames: { '#key': key, '#sort': sortKey },
      ExpressionAttributeValues: {
        ':value': value,
        ':from': from,
        // `$` comes right after `#`: what was placed at that very moment is in.
        ':to': sortKey === 'placed' ? `${latest}$` : latest,
      },
      ScanIndexForward: false,
      Limit: size,
      ...(position?.orderKey !== undefined && {
        ExclusiveStartKey: {
          [key]: value,
          ...(sortKey === 'placed'
            ? { placed: `${position.placedAt}#${position.orderKey}` }
            : { placedAt: position.placedAt, orderKey: position.orderKey }),
        },
      }),
    }),
    { abortSignal: AbortSignal.timeout(timeoutMs) },
  );
  return { items: Items as Item[], more: LastEvaluatedKey !== undefined };
}

/** What is known of each; the rows themselves only where the index does not tell enough. */
async function rowsOf(
  tables: OrderListTables,
  { sellerId }: OrderFilters,
  items: readonly Item[],
): Promise<readonly (Row | undefined)[]> {
  // An index holds what ORDER_SUMMARY says.
  if (sellerId === undefined) return items as readonly unknown[] as readonly Row[];
  const rows = await readRows(tables, items);
  return items.map(({ orderKey }) => rows.get(orderKey));
}

async function readRows(
  { table, ordersTable, timeoutMs }: OrderListTables,
  items: readonly Item[],
): Promise<ReadonlyMap<string, Row>> {
  const attributes = [...ORDER_SUMMARY, 'placedAt', 'lines'].map((name, index) => [
    `#${index}`,
    name,
  ]);
  const rows = new Map<string, Row>();
  let open: Record<string, string>[] = items.map(({ orderKey }) => ({ orderKey }));
  for (let round = 1; open.length > 0; round += 1) {
    if (round > BATCH_ROUNDS) throw new Error(`${open.length} orders could not be read`);
    const { Responses, UnprocessedKeys } = await table.send(
      new BatchGetCommand({
        RequestItems: {
          [ordersTable]: {
            Keys: open,
            ProjectionExpression: attributes.map(([alias]) => alias).join(', '),
            ExpressionAttributeNames: Object.fromEntries(attributes),
          },
        },
      }),
      { abortSignal: AbortSignal.timeout(timeoutMs) },
    );
    for (const row of (Responses?.[ordersTable] ?? []) as Row[]) rows.set(row.workflowId, row);
    open = (UnprocessedKeys?.[ordersTable]?.Keys ?? []) as typeof open;
  }
  return rows;
}

function placeOf({ orderKey, placedAt, placed = '' }: Item): Omit<Position, 'from'> {
  return { placedAt: placedAt ?? placed.slice(0, placed.indexOf('#')), orderKey };
}

function summaryOf(row: Row): OrderSummary {
  const { workflowId, channel, orderId, customerId, placedAt } = row;
  const { state, waitingFor, reason, total } = row;
  return { workflowId, channel, orderId, customerId, placedAt, state, waitingFor, reason, total };
}

/** The moment right before. */
function before(moment: string): string {
  return new Date(Date.parse(moment) - 1).toISOString();
}
