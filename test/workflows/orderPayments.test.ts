import assert from 'node:assert/strict';
import {
  cancelOrder,
  changePaymentMethod,
  decideReview,
  orderQuery,
  resolveOrder,
  resumeOrder,
  type OrderRow,
} from '../../src/contracts/orders.ts';
import { advance } from '../support/clock.ts';
import { event, type OrderHandle, type OrderService } from '../support/orderService.ts';
import { eventually, uniqueId } from '../support/servers.ts';
import {
  CUSTOMER,
  declined,
  fulfilling,
  OPERATOR,
  SOFT_DECLINE,
  stuck,
  VISA,
  withOrderService,
} from '../support/orders.ts';

const HOUR = 3_600;
const THREE_D_SECURE = 'pm_card_authenticationRequired';

const authenticating = ({ waitingFor }: OrderRow) => waitingFor === 'authentication';

describe("an order's payment", () => {
  let service: OrderService;
  withOrderService((started) => (service = started));

  async function authenticate(handle: OrderHandle, outcome: 'succeeded' | 'failed') {
    const { payment, total } = await service.until(handle, authenticating);
    await service.provider.ask('authentications', { intentId: payment.intentId, outcome });
    const type = outcome === 'succeeded' ? 'PaymentAuthorised' : 'PaymentFailed';
    const data = { paymentIntentId: payment.intentId, declineCode: 'late', ...total };
    await service.send(handle, event(handle, type, data));
  }

  /** Orders that are paid while this is awaited have their authorisation expire before it is captured. */
  async function expireOnce(): Promise<void> {
    const { provider } = service;
    const { promise: after, resolve: goOn } = Promise.withResolvers<void>();
    const capture = /^POST .*\/(pi_\w+)\/capture/;
    const asked = provider.requests.length;
    provider.failOnce({ on: capture, after });
    const captures = () =>
      provider.requests.slice(asked).flatMap((line) => capture.exec(line) ?? []);
    await eventually(() => captures().length > 0);
    await provider.ask('expirations', { intentId: captures()[1] });
    goOn();
  }

  /** It waits for its review, so that nothing is captured before the fault is in place. */
  async function approveAndExpire(handle: OrderHandle): Promise<void> {
    await service.until(handle, ({ waitingFor }) => waitingFor === 'review');
    const approval = { ...OPERATOR, decision: 'approve', reason: 'known' } as const;
    const expired = expireOnce();
    await handle.executeUpdate(decideReview, { args: [approval] });
    await expired;
  }

  async function delivered(handle: OrderHandle): Promise<OrderRow | undefined> {
    await service.until(handle, fulfilling);
    await service.deliver(handle);
    assert.equal((await handle.result()).state, 'closed');
    const { row, captured, refunded } = await service.look(handle);
    assert.deepEqual([captured, refunded], [2_999, 0]);
    return row;
  }

  it('is reminded of after 1 h and 12 h, and given up after 24 h', async () => {
    const handle = await service.place({ paymentMethod: SOFT_DECLINE });
    const { version } = await service.until(handle, declined);
    const told = async () => {
      const row = await handle.query(orderQuery);
      return [row.payment.reminders ?? 0, row.version - version];
    };
    await advance(handle, HOUR - 60);
    assert.deepEqual(await told(), [0, 0]);
    await advance(handle, 61);
    assert.deepEqual(await told(), [1, 1]);
    await advance(handle, 11 * HOUR - 60);
    assert.deepEqual(await told(), [1, 1]);
    await advance(handle, 61);
    assert.deepEqual(await told(), [2, 2]);
    await advance(handle, 12 * HOUR);
    assert.equal((await handle.result()).state, 'cancelled');
    assert.equal((await service.look(handle)).row?.reason, 'payment-not-completed');
    await service.record(handle, 'reminded-and-never-paid');
  });

  it('is not reminded of once another method was given', async () => {
    const handle = await service.place({ paymentMethod: SOFT_DECLINE });
    await service.until(handle, declined);
    await advance(handle, HOUR + 1);
    await handle.executeUpdate(changePaymentMethod, { args: [VISA] });
    const row = await delivered(handle);
    assert.equal(row?.payment.reminders, 1);
    await service.record(handle, 'reminded-and-paid');
  });

  it('waits for the customer to authenticate it, and goes on by the provider’s event', async () => {
    const handle = await service.place({ paymentMethod: THREE_D_SECURE });
    const row = await service.until(handle, authenticating);
    assert.deepEqual([row.state, row.reason], ['awaiting-payment', null]);
    await authenticate(handle, 'succeeded');
    const { payment } = (await delivered(handle)) ?? assert.fail();
    assert.equal(payment.attempt, 1);
    await service.record(handle, 'authenticated');
  });

  it('takes another method where the authentication fails', async () => {
    const handle = await service.place({ paymentMethod: THREE_D_SECURE });
    await authenticate(handle, 'failed');
    await service.until(handle, declined);
    await handle.executeUpdate(changePaymentMethod, { args: [VISA] });
    await delivered(handle);
    await service.record(handle, 'authentication-failed');
  });

  it('takes another method in place of the authentication', async () => {
    const handle = await service.place({ paymentMethod: THREE_D_SECURE });
    await service.until(handle, authenticating);
    await handle.executeUpdate(changePaymentMethod, { args: [VISA] });
    const { payment } = (await delivered(handle)) ?? assert.fail();
    assert.deepEqual([payment.attempt, payment.method], [2, VISA.paymentMethod]);
  });

  it('is not taken where an event says so before the provider does', async () => {
    const handle = await service.place({ paymentMethod: THREE_D_SECURE });
    const { payment, total } = await service.until(handle, authenticating);
    const early = { paymentIntentId: payment.intentId, ...total };
    await service.send(handle, event(handle, 'PaymentAuthorised', early));
    const asks = ({ timeline, waitingFor }: OrderRow) =>
      timeline.filter(({ name }) => name === 'authorise-payment').length === 2 &&
      waitingFor === 'authentication';
    await service.until(handle, asks);
    await authenticate(handle, 'succeeded');
    await delivered(handle);
  });

  for (const winner of ['the customer', 'the limit'] as const) {
    it(`has one winner where an authentication meets the limit of 24 h: ${winner} (FAULTS 23)`, async () => {
      const handle = await service.place({ paymentMethod: THREE_D_SECURE });
      await service.until(handle, authenticating);
      if (winner === 'the customer') {
        await advance(handle, 24 * HOUR - 60);
        await authenticate(handle, 'succeeded');
        await delivered(handle);
      } else {
        await advance(handle, 24 * HOUR + 1);
        assert.equal((await handle.result()).state, 'cancelled');
        const { captured, intents } = await service.look(handle);
        assert.deepEqual([captured, intents[0]?.status], [0, 'canceled']);
      }
    });
  }

  it('is authorised anew where the authorisation has expired, once', async () => {
    const handle = await service.place({ customerId: 'doubtful-1' });
    await approveAndExpire(handle);
    const row = await delivered(handle);
    assert.equal(row?.payment.renewals, 1);
    const { intents } = await service.look(handle);
    assert.deepEqual(intents.map(({ status }) => status).toSorted(), ['canceled', 'succeeded']);
    await service.record(handle, 'authorisation-renewed-at-once');
  });

  it('is given up where the authorisation expires once more', async () => {
    const handle = await service.place({ customerId: 'doubtful-1' });
    await approveAndExpire(handle);
    await expireOnce();
    assert.equal((await handle.result()).state, 'cancelled');
    const { row, captured, reservation } = await service.look(handle);
    assert.deepEqual([row?.reason, captured, reservation], ['authorisation-lapsed', 0, 'released']);
  });

  for (const [operation, held, end] of [
    ['confirm', 'requires_capture', { state: 'cancelled', money: [0, 0] }],
    ['capture', 'succeeded', { state: 'refunded', money: [2_999, 2_999] }],
  ] as const) {
    it(`is given back where the order was cancelled before it was known: ${operation} (FAULTS 22, 23)`, async () => {
      const orderId = uniqueId('order');
      const orderKey = `order:web:${orderId}`;
      const fault = { operation, how: 'hang', takesEffect: true, orderKey };
      await service.provider.ask('faults', fault);
      const handle = await service.place({ orderId });
      await eventually(async () => {
        const { intents } = await service.look(handle);
        return intents.some(({ status }) => status === held);
      });
      const row = await handle.query(orderQuery);
      assert.equal(row.payment.status, 'in-flight');
      const { accepted } = await handle.executeUpdate(cancelOrder, { args: [CUSTOMER] });
      assert.equal(accepted, true);
      assert.equal((await handle.result()).state, end.state);
      const { captured, refunded, intents, reservation } = await service.look(handle);
      assert.deepEqual([captured, refunded], end.money);
      assert.ok(intents.every(({ status }) => status !== 'requires_capture'));
      assert.equal(reservation, 'released');
      await service.provider.endFaults();
    });
  }

  for (const [winner, during, end] of [
    ['the cancellation, just before', 'confirm/1', { state: 'cancelled', money: [0, 0] }],
    ['the cancellation, just after', 'capture', { state: 'cancelled', money: [0, 0] }],
    ['the capture', 'capture', { state: 'refunded', money: [2_999, 2_999] }],
  ] as const) {
    it(`has one winner where a cancellation meets the capture: ${winner} (FAULTS 23)`, async () => {
      const { provider } = service;
      const orderId = uniqueId('order');
      const key = `order:web:${orderId}/${during}`;
      const wasAsked = (of: string) => provider.requests.some((line) => line.endsWith(` ${of}`));
      const isDone = () => Promise.resolve(provider.ledger.answers.has(key));
      const { promise: after, resolve: goOn } = Promise.withResolvers<void>();
      // Where it takes effect first, its answer is lost.
      // This order's request alone: one of those before may still try.
      const fault = { on: /^POST /, key, after };
      provider.failOnce({ ...fault, ...(winner === 'the capture' && { answer: 'cut' }) });
      const handle = await service.place({ orderId });
      await eventually(() => Promise.resolve(wasAsked(key)));
      if (winner === 'the capture') {
        goOn();
        await eventually(isDone);
      }
      const { accepted } = await handle.executeUpdate(cancelOrder, { args: [CUSTOMER] });
      assert.equal(accepted, true);
      // It waits for no answer.
      await service.until(handle, ({ state }) => state === end.state);
      await handle.result();
      goOn();
      await eventually(isDone);
      assert.equal(wasAsked(`order:web:${orderId}/capture`), during === 'capture');
      const { row, captured, refunded, intents, reservation } = await service.look(handle);
      assert.deepEqual([captured, refunded], end.money);
      assert.deepEqual([row?.payment.captured, row?.payment.refunded], end.money);
      assert.ok(intents.every(({ status }) => status !== 'requires_capture'));
      assert.equal(reservation, 'released');
      await service.assertStock();
    });
  }

  it('is not given back while the bank disputes it: an operator is asked (FAULTS 21)', async () => {
    const handle = await service.place({}, { compensationRetrySeconds: 2 });
    await service.until(handle, fulfilling);
    const dispute = { orderKey: handle.workflowId, disputeId: 'dp_1' };
    await service.payments.holdRefunds(dispute);
    await handle.executeUpdate(cancelOrder, { args: [CUSTOMER] });
    const row = await service.until(handle, stuck);
    assert.equal(row.reason, 'return-payment-failed');
    assert.equal((await service.look(handle)).refunded, 0);
    await service.payments.closeDispute({ ...dispute, lost: 0 });
    await handle.executeUpdate(resumeOrder, { args: [OPERATOR] });
    assert.equal((await handle.result()).state, 'refunded');
    assert.equal((await service.look(handle)).refunded, 2_999);
  });

  it('is refunded where an operator has done that by hand, and no more is given back', async () => {
    const handle = await service.place({}, { compensationRetrySeconds: 2 });
    await service.until(handle, fulfilling);
    await service.payments.holdRefunds({ orderKey: handle.workflowId, disputeId: 'dp_hand' });
    await handle.executeUpdate(cancelOrder, { args: [CUSTOMER] });
    await service.until(handle, stuck);
    const reason = 'refunded at the till';
    await handle.executeUpdate(resolveOrder, { args: [{ ...OPERATOR, reason }] });
    assert.equal((await handle.result()).state, 'refunded');
    const { row, refunded } = await service.look(handle);
    assert.deepEqual(
      [row?.payment.status, row?.payment.refunded, refunded],
      ['returned', 2_999, 0],
    );
    await service.record(handle, 'order-returned-by-hand');
  });

  for (const [lost, end] of [
    [2_999, { state: 'cancelled', refunded: 0 }],
    [1_000, { state: 'refunded', refunded: 1_999 }],
  ] as const) {
    it(`is given back as far as the bank has not done so: ${lost} of 2999 (FAULTS 24)`, async () => {
      const handle = await service.place({}, { compensationRetrySeconds: 2 });
      const { payment } = await service.until(handle, fulfilling);
      const orderKey = handle.workflowId;
      const opening = { intentId: payment.intentId, amount: lost };
      const { id: disputeId } = (await service.provider.ask('disputes', opening)) as { id: string };
      await service.payments.holdRefunds({ orderKey, disputeId });
      await handle.executeUpdate(cancelOrder, { args: [CUSTOMER] });
      await service.until(handle, stuck);
      await service.provider.ask(`disputes/${disputeId}/close`, { status: 'lost' });
      await service.payments.closeDispute({ orderKey, disputeId, lost });
      await handle.executeUpdate(resumeOrder, { args: [OPERATOR] });
      assert.equal((await handle.result()).state, end.state);
      const { row, refunded } = await service.look(handle);
      assert.equal(refunded, end.refunded);
      assert.deepEqual([row?.payment.captured, row?.payment.refunded], [2_999, end.refunded]);
    });
  }
});
