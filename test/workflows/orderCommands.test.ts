import assert from 'node:assert/strict';
import { PutCommand } from '@aws-sdk/lib-dynamodb';
import { WorkflowUpdateFailedError, WorkflowUpdateStage } from '@temporalio/client';
import {
  awaitPayment,
  cancelOrder,
  changePaymentMethod,
  orderQuery,
  resumeOrder,
} from '../../src/contracts/orders.ts';
import { openOrder } from '../../src/domain/order.ts';
import { advance } from '../support/clock.ts';
import { order, type OrderHandle, type OrderService } from '../support/orderService.ts';
import { eventually, uniqueId } from '../support/servers.ts';
import {
  SOFT_DECLINE,
  CUSTOMER,
  VISA,
  fulfilling,
  declined,
  withOrderService,
} from '../support/orders.ts';

const DAY = 86_400;
const FREE = [{ sku: 'record', quantity: 1, amount: 0, sellerId: 's' }];

describe("an order's commands", () => {
  let service: OrderService;
  withOrderService((started) => (service = started));

  it('are answered though the workflow is cancelled before the order is claimed', async () => {
    const { provider } = service;
    const { promise: after, resolve: goOn } = Promise.withResolvers<void>();
    const asked = provider.requests.length;
    const screening = /^POST \/screening/;
    provider.failOnce({ on: screening, after });
    const handle = await service.place();
    await eventually(() => provider.requests.slice(asked).some((line) => screening.test(line)));
    const update = await handle.startUpdate(cancelOrder, {
      args: [CUSTOMER],
      waitForStage: WorkflowUpdateStage.ACCEPTED,
    });
    await handle.cancel();
    goOn();
    assert.equal((await update.result()).accepted, true);
    assert.equal((await handle.result()).state, 'cancelled');
  });

  async function cancelled(handle: OrderHandle): Promise<void> {
    await handle.executeUpdate(cancelOrder, { args: [CUSTOMER] });
    await handle.result();
    await service.assertStock();
  }

  describe('another payment method', () => {
    it('is tried at once where the last was declined', async () => {
      const handle = await service.place({ paymentMethod: SOFT_DECLINE });
      await service.until(handle, declined);
      const answer = await handle.executeUpdate(changePaymentMethod, { args: [VISA] });
      assert.deepEqual(answer, { accepted: true, state: 'awaiting-payment' });
      const row = await service.until(handle, fulfilling);
      assert.deepEqual([row.payment.method, row.payment.attempt], ['pm_card_visa', 2]);
      const late = await handle.executeUpdate(changePaymentMethod, { args: [VISA] });
      assert.deepEqual(late, { accepted: false, state: 'fulfilling', reason: 'already-paid' });
      await cancelled(handle);
      const { captured, refunded } = await service.look(handle);
      assert.deepEqual([captured, refunded], [2_999, 2_999]);
      await service.record(handle, 'order-method-changed-captured-at-once');
    });

    it('comes too late for an order that is being cancelled', async () => {
      const handle = await service.place({ paymentMethod: SOFT_DECLINE });
      await service.until(handle, declined);
      const { promise: after, resolve: answer } = Promise.withResolvers<void>();
      service.provider.failOnce({ on: /POST .*cancel/, after });
      await handle.executeUpdate(cancelOrder, { args: [CUSTOMER] });
      const late = await handle.executeUpdate(changePaymentMethod, { args: [VISA] });
      assert.ok(!late.accepted);
      assert.deepEqual(
        [late.reason, late.wonBy?.what, late.wonBy?.by],
        ['order-cancelled', 'cancel', 'customer:c-1'],
      );
      // Cancelling what is cancelled is as good as done.
      const again = await handle.executeUpdate(cancelOrder, { args: [CUSTOMER] });
      assert.equal(again.accepted, true);
      answer();
      assert.equal((await handle.result()).state, 'cancelled');
      assert.equal((await service.look(handle)).captured, 0);
      await service.assertStock();
    });

    it('is of no use for an order that costs nothing', async () => {
      const handle = await service.place({ lines: FREE });
      await service.until(handle, fulfilling);
      const answer = await handle.executeUpdate(changePaymentMethod, { args: [VISA] });
      assert.deepEqual(answer, { accepted: false, state: 'fulfilling', reason: 'nothing-to-pay' });
      await cancelled(handle);
    });
  });

  describe('waiting for the payment', () => {
    const outcome = (handle: OrderHandle) => handle.executeUpdate(awaitPayment);

    it('ends when it is captured', async () => {
      const handle = await service.place();
      const paid = await outcome(handle);
      assert.deepEqual([paid.outcome, paid.reason], ['paid', null]);
      assert.equal((await service.look(handle)).captured, 2_999);
      await cancelled(handle);
      await service.record(handle, 'order-payment-awaited');
    });

    it('ends when another method is awaited, and again when its time is up', async () => {
      const handle = await service.place({ paymentMethod: SOFT_DECLINE });
      assert.deepEqual(await outcome(handle), {
        outcome: 'declined',
        state: 'awaiting-payment',
        reason: 'insufficient_funds',
      });
      await handle.executeUpdate(changePaymentMethod, {
        args: [{ ...VISA, paymentMethod: SOFT_DECLINE }],
      });
      assert.equal((await outcome(handle)).outcome, 'declined');
      await advance(handle, DAY + 1);
      assert.equal((await handle.result()).state, 'cancelled');
    });

    it('ends when the order goes no further', async () => {
      const lines = [{ sku: 'scarce', quantity: 1, amount: 100, sellerId: 's' }];
      const handle = await service.place({ lines });
      const { reason, outcome: stopped } = await outcome(handle);
      assert.deepEqual([stopped, reason], ['stopped', 'out-of-stock']);
      assert.equal((await handle.result()).state, 'cancelled');
    });

    it('ends for an order that costs nothing once it has its stock', async () => {
      const handle = await service.place({ lines: FREE });
      const paid = await outcome(handle);
      assert.deepEqual([paid.outcome, paid.state], ['paid', 'fulfilling']);
      await cancelled(handle);
    });

    it('ends where another start carries the order', async () => {
      const placed = order();
      const workflowId = `order:${placed.channel}:${placed.orderId}`;
      const row = {
        ...openOrder({ amount: 0, currency: 'USD' }, null),
        claimedBy: 'an-earlier-run',
      };
      await service.table.send(
        new PutCommand({
          TableName: service.outputs.OrdersTable,
          Item: { orderKey: workflowId, workflowId, ...row },
        }),
      );
      const handle = await service.place(placed);
      assert.equal((await outcome(handle)).outcome, 'duplicate');
      assert.equal((await handle.result()).state, 'duplicate');
    });

    it('ends when the workflow is cancelled', async () => {
      const { promise: after, resolve: answer } = Promise.withResolvers<void>();
      service.provider.failOnce({ on: /POST .*confirm/, after });
      const handle = await service.place();
      await service.until(handle, (row) => row.payment.status === 'in-flight');
      const waiting = outcome(handle);
      await handle.cancel();
      assert.deepEqual(await waiting, {
        outcome: 'stopped',
        state: 'awaiting-payment',
        reason: 'workflow-cancelled',
      });
      // It waits for no answer, and an answer might have the payment captured before the void.
      assert.equal((await handle.result()).state, 'cancelled');
      answer();
    });
  });

  it('are told apart by what they say of themselves', async () => {
    const handle = await service.place();
    await service.until(handle, fulfilling);
    const updateId = uniqueId('update');
    const change = (request: string) =>
      handle.executeUpdate(changePaymentMethod, { args: [{ ...VISA, request }], updateId });
    const first = await change('fingerprint-1');
    assert.equal(first.request, 'fingerprint-1');
    assert.equal((await change('fingerprint-2')).request, 'fingerprint-1');
    const { timeline } = await handle.query(orderQuery);
    assert.equal(timeline.filter(({ kind }) => kind === 'command').length, 1);
    await cancelled(handle);
  });

  it('are refused where nothing waits for them', async () => {
    const handle = await service.place();
    await service.until(handle, fulfilling);
    const answer = await handle.executeUpdate(resumeOrder, {
      args: [{ requestedBy: 'staff:ana' }],
    });
    assert.deepEqual(answer, {
      accepted: false,
      state: 'fulfilling',
      reason: 'not-waiting-for-operator',
    });
    await cancelled(handle);
  });

  it('that are none never get as far as the order', async () => {
    const handle = await service.place();
    await service.until(handle, fulfilling);
    for (const [name, request] of [
      [cancelOrder.name, null],
      [cancelOrder.name, { requestedBy: 'customer:c-1' }],
      [cancelOrder.name, { ...CUSTOMER, lines: [] }],
      [cancelOrder.name, { ...CUSTOMER, lines: [0] }],
      [cancelOrder.name, { ...CUSTOMER, lines: 'all' }],
      [cancelOrder.name, { ...CUSTOMER, request: 7 }],
      [changePaymentMethod.name, { requestedBy: 'customer:c-1' }],
      ['waybill.decide-review', { ...CUSTOMER, decision: 'perhaps' }],
      [resumeOrder.name, {}],
    ] as const) {
      await assert.rejects(handle.executeUpdate(name, { args: [request] }), (error) => {
        assert.ok(error instanceof WorkflowUpdateFailedError);
        assert.match(String(error.cause), /: expected /);
        return true;
      });
    }
    const { timeline } = await handle.query(orderQuery);
    assert.deepEqual(
      timeline.filter(({ kind }) => kind === 'command'),
      [],
    );
    await service.deliver(handle);
    assert.equal((await handle.result()).state, 'closed');
  });
});
