import assert from 'node:assert/strict';
import { WorkflowNotFoundError } from '@temporalio/client';
import {
  cancelOrder,
  changePaymentMethod,
  decideReview,
  type OrderRow,
} from '../../src/contracts/orders.ts';
import { amountOf, linesLeft } from '../../src/domain/lines.ts';
import { openOrder, piecesBySku } from '../../src/domain/order.ts';
import { seeded } from '../faults/random.ts';
import {
  event,
  startOrderService,
  type OrderHandle,
  type OrderService,
} from '../support/orderService.ts';

const CUSTOMER = { reason: 'changed-my-mind', requestedBy: 'customer:c-1' };
const VISA = { paymentMethod: 'pm_card_visa', requestedBy: 'customer:c-1' };
const APPROVAL = { decision: 'approve', reason: 'known', requestedBy: 'staff:ana' } as const;
const SOFT_DECLINE = 'pm_card_visa_chargeDeclinedInsufficientFunds';
const PARCEL = { shipmentId: 'parcel-1', carrier: 'post' };
const LINES = [
  { sku: 'record', quantity: 1, amount: 2_999, sellerId: 'seller-1' },
  { sku: 'sleeve', quantity: 3, amount: 500, sellerId: 'seller-2' },
  { sku: 'record', quantity: 2, amount: 5_001, sellerId: 'seller-1' },
];

describe('an order that much happens to at once', () => {
  let service: OrderService;

  before(async function () {
    this.timeout(60_000);
    service = await startOrderService();
    await service.startPayments();
  });
  after(() => service.stop());

  it('adds up to the cent and the piece, whatever comes when', async function () {
    this.timeout(120_000);
    const random = seeded(20_261_121);
    const pick = <T>(...from: readonly T[]) => from[Math.floor(random() * from.length)] as T;

    /** Sends one thing when the order has come so far; an order that has ended may refuse it, or be gone. */
    async function happen(handle: OrderHandle): Promise<void> {
      const state = pick('reserving', 'awaiting-payment', 'paid', 'fulfilling', 'shipped');
      const lines = [pick(1, 2, 3)];
      const deed = pick<() => Promise<unknown>>(
        () => handle.executeUpdate(cancelOrder, { args: [{ ...CUSTOMER, lines }] }),
        () => handle.executeUpdate(cancelOrder, { args: [{ ...CUSTOMER, lines }] }),
        () => handle.executeUpdate(cancelOrder, { args: [CUSTOMER] }),
        () => handle.executeUpdate(changePaymentMethod, { args: [VISA] }),
        () => service.send(handle, event(handle, 'ShipmentDispatched', PARCEL)),
        () => service.send(handle, event(handle, 'OrderCancelled', CUSTOMER)),
      );
      const isThere = ({ timeline, state: now }: OrderRow) =>
        timeline.some(({ name }) => name === state) || isOver(now) || isWaiting(now);
      await service.until(handle, isThere);
      await deed().catch(ignoreEnded);
    }

    async function one(): Promise<OrderHandle> {
      const handle = await service.place({
        lines: LINES,
        paymentMethod: pick('pm_card_visa', 'pm_card_visa', SOFT_DECLINE),
        customerId: pick('customer-1', 'customer-2', 'doubtful-1'),
      });
      await Promise.all(Array.from({ length: 4 }, () => happen(handle)));
      await handle.executeUpdate(decideReview, { args: [APPROVAL] }).catch(ignoreEnded);
      await service.until(
        handle,
        ({ state, waitingFor }) => isOver(state) || waitingFor !== 'review',
      );
      await handle.executeUpdate(changePaymentMethod, { args: [VISA] }).catch(ignoreEnded);
      await service.send(handle, event(handle, 'ShipmentDelivered', PARCEL)).catch(ignoreEnded);
      await handle.result();
      return handle;
    }

    for (let round = 0; round < 4; round += 1) {
      const handles = await Promise.all(Array.from({ length: 8 }, one));
      for (const handle of handles) await assertAddsUp(handle);
    }
    await service.assertStock();
  });

  async function assertAddsUp(handle: OrderHandle): Promise<void> {
    const { row, captured, refunded, pieces } = await service.look(handle);
    assert.ok(row);
    const told = JSON.stringify(row.timeline, null, 1);
    const left = row.state === 'closed' ? linesLeft(row.lines, row.cancelledLines) : [];
    assert.equal(captured - refunded, amountOf(left), told);
    assert.deepEqual([row.payment.captured, row.payment.refunded], [captured, refunded], told);
    assert.deepEqual(
      new Map(Object.entries(pieces)),
      new Map(piecesBySku(left).map(({ sku, quantity }) => [sku, quantity])),
      told,
    );
    assert.ok(row.cancelledLines.every((line) => line.settled));
    assert.equal(row.revision, row.timeline.length);
    assert.ok(row.timeline.every(({ n }, index) => n === index + 1));
  }

  it('is decided about in the order in which that came', async () => {
    for (let round = 0; round < 8; round += 1) {
      const handle = await service.place(
        {},
        {},
        {
          order: {
            ...openOrder({ amount: 0, currency: 'USD' }, null),
            state: 'fulfilling',
            waitingFor: 'dispatch',
          },
          ledger: [],
          reason: null,
          version: 7,
          inbox: { pending: [], records: [], repeats: 0 },
        },
      );
      const dispatched = event(handle, 'ShipmentDispatched', PARCEL);
      const [, answer] = await Promise.all([
        service.send(handle, dispatched),
        handle.executeUpdate(cancelOrder, { args: [CUSTOMER] }),
      ]);
      if (answer.accepted) assert.equal((await handle.result()).state, 'cancelled');
      else {
        await service.send(handle, event(handle, 'ShipmentDelivered', PARCEL));
        assert.equal((await handle.result()).state, 'closed');
      }
      const { events } = await handle.fetchHistory();
      const indexOf = (type: 'Signaled' | 'UpdateAccepted') =>
        (events ?? []).findIndex((each) => each[`workflowExecution${type}EventAttributes`]);
      const parcelWasFirst = indexOf('Signaled') < indexOf('UpdateAccepted');
      assert.equal(answer.accepted, !parcelWasFirst);
    }
  });
});

function isOver(state: OrderRow['state']): boolean {
  return ['closed', 'cancelled', 'refunded', 'rejected', 'delivered'].includes(state);
}

/** It stays there until something is done about it. */
function isWaiting(state: OrderRow['state']): boolean {
  return ['on-review', 'awaiting-payment', 'fulfilling'].includes(state);
}

function ignoreEnded(error: unknown): void {
  if (!(error instanceof WorkflowNotFoundError)) throw error;
}
