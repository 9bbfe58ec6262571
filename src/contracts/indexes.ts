import type { OrderRow } from './orders.ts';

/**
 * The indexes of the orders table, each sorted by `placedAt`, with the attribute that each is partitioned by.
 * `placedOn` is the day of `placedAt`, as YYYY-MM-DD in UTC.
 *
 * One partition takes 1,000 writes a second (DynamoDB's limit), and an index that is throttled holds up its table: a
 * state or a day as the key is good for some hundred orders a second.
 */
export const ORDER_INDEXES = {
  byCustomer: 'customerId',
  byState: 'state',
  byDay: 'placedOn',
} as const;

/** What the indexes hold of an order, besides its keys: what a list shows. */
export const ORDER_SUMMARY = [
  'workflowId',
  'channel',
  'orderId',
  'customerId',
  'state',
  'waitingFor',
  'reason',
  'total',
] as const satisfies readonly (keyof OrderRow)[];

/** One order in a list. */
export type OrderSummary = Pick<OrderRow, (typeof ORDER_SUMMARY)[number] | 'placedAt'>;

/** The index of the returns table: by `orderKey`, sorted by `requestedAt`. */
export const RETURNS_BY_ORDER = 'byOrder';
