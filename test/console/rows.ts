import type { LedgerEntry } from '../../src/console/ledger.ts';
import type { Stored } from '../../src/console/tables.ts';
import type { OrderFacts } from '../../src/console/workflowFacts.ts';
import type { OrderRow } from '../../src/contracts/orders.ts';
import type { ReturnRow } from '../../src/contracts/returns.ts';
import { reportedShipment } from '../../src/domain/shipment.ts';

// One order that was paid and delivered, and one return of it, as the sources of an audit have them.

export const KEY = 'order:web:1';
export const AMOUNT = 2_999;

export function facts(change: Partial<OrderFacts> = {}): OrderFacts {
  return {
    workflowId: KEY,
    running: false,
    closedAt: 0,
    state: 'closed',
    startedBy: 's:1',
    inbox: { records: [], pending: [], repeats: 0 },
    signalled: [],
    ...change,
  };
}

export function row(change: Partial<OrderRow> = {}): OrderRow {
  return {
    channel: 'web',
    orderId: '1',
    workflowId: KEY,
    version: 3,
    revision: 9,
    claimedBy: 'run-1',
    state: 'closed',
    waitingFor: null,
    reason: null,
    customerId: 'customer-1',
    placedAt: '2027-03-09T12:00:00.000Z',
    total: { amount: AMOUNT, currency: 'USD' },
    lines: [
      { sku: 'record', quantity: 1, amount: 1_999, sellerId: 'seller-1' },
      { sku: 'sleeve', quantity: 2, amount: 1_000, sellerId: 'seller-2' },
    ],
    cancelledLines: [],
    review: null,
    payment: {
      status: 'captured',
      method: 'pm_card_visa',
      attempt: 1,
      nextMethod: null,
      intentId: 'pi_1',
      declineCode: null,
      methodUntil: null,
      confirmedByProvider: true,
      captured: AMOUNT,
      refunded: 0,
    },
    shipments: [reportedShipment('parcel', 'delivered')],
    cancellation: null,
    timeline: [],
    ...change,
  };
}

export function intent(change: Partial<LedgerEntry> = {}): LedgerEntry {
  return {
    intentId: 'pi_1',
    orderKey: KEY,
    status: 'succeeded',
    amount: AMOUNT,
    currency: 'USD',
    captured: AMOUNT,
    refunded: 0,
    lost: [],
    ...change,
  };
}

/** A return of one of the two sleeves. */
export function returnRow(change: Partial<ReturnRow> = {}): ReturnRow {
  return {
    channel: 'web',
    orderId: '1',
    returnId: 'r-1',
    workflowId: 'return:r-1',
    revision: 9,
    state: 'refunded',
    waitingFor: null,
    reason: null,
    customerId: 'customer-1',
    currency: 'USD',
    lines: [{ line: 2, quantity: 2, sku: 'sleeve', sellerId: 'seller-2', amount: 1_000 }],
    accepted: [{ line: 2, quantity: 1 }],
    refund: { amount: 500, currency: 'USD' },
    requestedAt: '2027-03-20T12:00:00.000Z',
    goodsUntil: '2027-04-20T12:00:00.000Z',
    timeline: [],
    ...change,
  };
}

/** Tables without a row. */
export const nothing: Stored = {
  orders: [],
  stock: [],
  reservations: [],
  restocks: [],
  receipts: [],
  payments: [],
  returns: [],
};
