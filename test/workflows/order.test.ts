import assert from 'node:assert/strict';
import { PutCommand } from '@aws-sdk/lib-dynamodb';
import { WorkflowNotFoundError } from '@temporalio/client';
import {
  cancelOrder,
  newOrder,
  orderQuery,
  orderWorkflow,
  orderWorkflowId,
  resumeOrder,
  type CarriedOrder,
  type OrderResult,
} from '../../src/contracts/orders.ts';
import { inboxQuery, inboxSignal } from '../../src/contracts/inbox.ts';
import { openOrder, type Order } from '../../src/domain/order.ts';
import { DEFAULT_POLICY } from '../../src/domain/policy.ts';
import { planShipments, withShipment } from '../../src/domain/shipment.ts';
import { advance } from '../support/clock.ts';
import {
  PARCEL,
  event,
  order,
  startOrderService,
  type OrderHandle,
  type OrderService,
} from '../support/orderService.ts';
import { eventually, uniqueId } from '../support/servers.ts';
import {
  SOFT_DECLINE,
  CUSTOMER,
  fulfilling,
  declined,
  withOrderService,
} from '../support/orders.ts';

const DAY = 86_400;

describe('the order workflow', () => {
  let service: OrderService;
  withOrderService((started) => (service = started));

  /** Until nothing is under way any more: all has been told. */
  async function untilIdle(handle: OrderHandle): Promise<void> {
    await eventually(async () => {
      const { raw } = await handle.describe();
      return !raw.pendingWorkflowTask && (raw.pendingActivities ?? []).length === 0;
    });
  }

  it('carries an order from its placing to its close', async () => {
    const handle = await service.place();
    await service.until(handle, fulfilling);
    await service.deliver(handle);
    const result = await handle.result();
    assert.equal(result.state, 'closed');
    assert.deepEqual(
      result.events.map(({ type, outcome }) => [type, outcome]),
      [
        ['ShipmentDispatched', 'applied'],
        ['ShipmentDelivered', 'applied'],
      ],
    );
    const { row, reservation, captured, refunded, intents } = await service.look(handle);
    assert.equal(row?.state, 'closed');
    assert.deepEqual([reservation, captured, refunded, intents.length], ['reserved', 2_999, 0, 1]);
    await service.record(handle, 'order-approved-and-delivered');
  });

  it('asks no provider about a free order', async () => {
    const handle = await service.place({
      lines: [{ sku: 'record', quantity: 1, amount: 0, sellerId: 's' }],
      paymentMethod: undefined as never,
    });
    await service.until(handle, fulfilling);
    await service.deliver(handle);
    assert.equal((await handle.result()).state, 'closed');
    assert.equal((await service.look(handle)).intents.length, 0);
  });

  it('takes another method after a soft decline', async () => {
    const handle = await service.place({ paymentMethod: SOFT_DECLINE });
    const row = await service.until(handle, declined);
    assert.equal(row.reason, 'insufficient_funds');
    const failed = { paymentIntentId: row.payment.intentId, declineCode: 'insufficient_funds' };
    await service.send(handle, event(handle, 'PaymentFailed', failed));
    await service.send(
      handle,
      event(handle, 'PaymentMethodUpdated', { paymentMethod: 'pm_card_visa' }),
    );
    await service.until(handle, fulfilling);
    await service.deliver(handle);
    assert.equal((await handle.result()).state, 'closed');
    const { captured, intents } = await service.look(handle);
    assert.deepEqual([captured, intents.length], [2_999, 1]);
  });

  it('takes another method just before its time is up, and cancels just after', async () => {
    const [early, late] = await Promise.all([
      service.place({ paymentMethod: SOFT_DECLINE }),
      service.place({ paymentMethod: SOFT_DECLINE }),
    ]);
    await Promise.all([service.until(early, declined), service.until(late, declined)]);

    await advance(early, DAY - 60);
    assert.equal((await early.query(orderQuery)).waitingFor, 'payment-method');
    await service.send(
      early,
      event(early, 'PaymentMethodUpdated', { paymentMethod: 'pm_card_visa' }),
    );
    await service.until(early, fulfilling);
    await service.deliver(early);
    assert.equal((await early.result()).state, 'closed');

    await advance(late, DAY + 1);
    assert.equal((await late.result()).state, 'cancelled');
    const { row, reservation, captured } = await service.look(late);
    assert.deepEqual(
      [row?.reason, reservation, captured],
      ['payment-not-completed', 'released', 0],
    );
  });

  it('cancels at once after a hard decline', async () => {
    const handle = await service.place({ paymentMethod: 'pm_card_visa_chargeDeclinedLostCard' });
    assert.equal((await handle.result()).state, 'cancelled');
    const { row, reservation, captured } = await service.look(handle);
    assert.deepEqual([row?.reason, reservation, captured], ['lost_card', 'released', 0]);
  });

  it('cancels an order that the stock is short of, and charges nothing', async () => {
    const handle = await service.place({
      lines: [{ sku: 'scarce', quantity: 1, amount: 100, sellerId: 's' }],
    });
    assert.equal((await handle.result()).state, 'cancelled');
    const { row, reservation, intents } = await service.look(handle);
    assert.deepEqual([row?.reason, reservation, intents], ['out-of-stock', 'released', []]);
  });

  it('refunds an order that is cancelled before its parcel leaves', async () => {
    const handle = await service.place();
    await service.until(handle, fulfilling);
    const answer = await handle.executeUpdate(cancelOrder, { args: [CUSTOMER] });
    assert.equal(answer.accepted, true);
    // Too late: the decision has been made.
    await service.deliver(handle);
    const result = await handle.result();
    assert.equal(result.state, 'refunded');
    const { row, reservation, captured, refunded } = await service.look(handle);
    assert.deepEqual([reservation, captured, refunded], ['released', 2_999, 2_999]);
    assert.equal(row?.payment.refunded, 2_999);
    // A worker that is killed in one try must not use up the time of all.
    const { events } = await handle.fetchHistory();
    const undone = (events ?? []).flatMap(({ activityTaskScheduledEventAttributes: scheduled }) =>
      ['releaseStock', 'returnPayment'].includes(scheduled?.activityType?.name ?? '')
        ? Number(scheduled?.startToCloseTimeout?.seconds)
        : [],
    );
    assert.deepEqual(undone, [40, 20]);
    await service.record(handle, 'order-cancelled-and-told');
  });

  it('does not cancel an order whose parcel has left', async () => {
    const handle = await service.place();
    await service.until(handle, fulfilling);
    await service.send(handle, event(handle, 'ShipmentDispatched', PARCEL));
    await service.until(handle, (row) => row.state === 'shipped');
    const answer = await handle.executeUpdate(cancelOrder, { args: [CUSTOMER] });
    assert.equal(answer.accepted, false);
    assert.deepEqual([answer.state, answer.reason], ['shipped', 'already-dispatched']);
    await service.send(handle, event(handle, 'OrderCancelled', CUSTOMER));
    await service.send(handle, event(handle, 'ShipmentDelivered', PARCEL));
    const { state, events } = await handle.result();
    assert.equal(state, 'closed');
    assert.deepEqual(
      events.map(({ outcome }) => outcome),
      ['applied', 'refused', 'applied'],
    );
  });

  it('is cancelled when its workflow is', async () => {
    const handle = await service.place();
    await service.until(handle, fulfilling);
    await handle.cancel();
    assert.equal((await handle.result()).state, 'refunded');
    await service.record(handle, 'order-workflow-cancelled-and-told');
  });

  it('is cancelled when its workflow is, also where all has been told', async () => {
    const handle = await service.place();
    await service.until(handle, fulfilling);
    await untilIdle(handle);
    await handle.cancel();
    assert.equal((await handle.result()).state, 'refunded');
    const { row } = await service.look(handle);
    assert.deepEqual(row?.cancellation, {
      reason: 'workflow-cancelled',
      requestedBy: 'temporal',
    });
  });

  it('goes on when its workflow is cancelled too late, and takes commands', async () => {
    const handle = await service.place();
    await service.until(handle, fulfilling);
    await service.send(handle, event(handle, 'ShipmentDispatched', PARCEL));
    await service.until(handle, (row) => row.state === 'shipped');
    await untilIdle(handle);
    await handle.cancel();
    await eventually(
      async () => (await service.look(handle)).row?.timeline.at(-1)?.name === 'cancel',
    );
    await untilIdle(handle);
    const answer = await handle.executeUpdate(cancelOrder, { args: [CUSTOMER] });
    assert.deepEqual([answer.accepted, answer.state], [false, 'shipped']);
    await service.send(handle, event(handle, 'ShipmentDelivered', PARCEL));
    assert.equal((await handle.result()).state, 'closed');
  });

  it('does nothing again where it is started again after it has closed (FAULTS 4)', async () => {
    const placed = order();
    const first = await service.place(placed);
    await service.until(first, fulfilling);
    await service.deliver(first);
    assert.equal((await first.result()).state, 'closed');
    const before = await service.look(first);

    const again = await service.place(placed);
    assert.equal((await again.result()).state, 'duplicate');
    const { row, intents, pieces, captured } = await service.look(first);
    assert.deepEqual([row, intents, pieces], [before.row, before.intents, before.pieces]);
    assert.equal(captured, 2_999);
    await assert.rejects(
      service.send(first, event(first, 'ShipmentDelivered', PARCEL)),
      WorkflowNotFoundError,
    );
  });

  it('leaves alone an order that another start has claimed', async () => {
    const placed = order();
    const workflowId = `order:${placed.channel}:${placed.orderId}`;
    await service.table.send(
      new PutCommand({
        TableName: service.outputs.OrdersTable,
        Item: {
          orderKey: workflowId,
          workflowId,
          ...openOrder({ amount: 0, currency: 'USD' }, null),
          claimedBy: 'an-earlier-run',
          state: 'closed',
        },
      }),
    );
    const handle = await service.place(placed);
    assert.equal((await handle.result()).state, 'duplicate');
    const { row, reservation, intents } = await service.look(handle);
    assert.deepEqual([row?.claimedBy, reservation, intents], ['an-earlier-run', undefined, []]);
  });

  it('asks for an operator when a compensation keeps failing, and goes on when resumed', async () => {
    const handle = await service.place({}, { compensationRetrySeconds: 2 });
    const { orderId } = await service.until(handle, fulfilling);
    await spoilReservation(orderId, 'broken');
    await handle.executeUpdate(cancelOrder, { args: [CUSTOMER] });
    const stuck = await service.until(handle, (row) => row.state === 'needs-operator');
    assert.equal(stuck.reason, 'release-stock-failed');
    assert.equal(stuck.waitingFor, 'operator');
    await spoilReservation(orderId, 'reserved');
    const answer = await handle.executeUpdate(resumeOrder, {
      args: [{ requestedBy: 'staff:ana' }],
    });
    assert.equal(answer.accepted, true);
    assert.equal((await handle.result()).state, 'refunded');
    assert.equal((await service.look(handle)).reservation, 'released');
    await service.record(handle, 'order-resumed-and-told');
  });

  /** A reservation in a state that it cannot be in makes its release fail. */
  async function spoilReservation(orderId: string, status: string): Promise<void> {
    await service.table.send(
      new PutCommand({
        TableName: service.outputs.StockTable,
        Item: {
          key: `RESERVATION#order:web:${orderId}`,
          status,
          pieces: [{ sku: 'record', quantity: 1 }],
        },
      }),
    );
  }

  it('applies once what comes several times at once (FAULTS 3)', async () => {
    const handle = await service.place({ paymentMethod: SOFT_DECLINE });
    await service.until(handle, declined);
    const method = event(handle, 'PaymentMethodUpdated', { paymentMethod: 'pm_card_visa' });
    await Promise.all(Array.from({ length: 5 }, () => service.send(handle, method, method)));
    const row = await service.until(handle, fulfilling);
    assert.equal(row.payment.attempt, 2);
    assert.equal((await handle.query(inboxQuery)).repeats, 9);
    const dispatched = event(handle, 'ShipmentDispatched', PARCEL);
    const delivered = event(handle, 'ShipmentDelivered', PARCEL);
    await Promise.all([1, 2, 3].map(() => service.send(handle, dispatched, delivered)));
    const { state, events } = await handle.result();
    assert.equal(state, 'closed');
    assert.deepEqual(
      events.map(({ type, outcome }) => `${type} ${outcome}`),
      ['PaymentMethodUpdated applied', 'ShipmentDispatched applied', 'ShipmentDelivered applied'],
    );
    const { captured, intents } = await service.look(handle);
    assert.deepEqual([captured, intents.length], [2_999, 1]);
  });

  it('drops nothing that is there before it begins (FAULTS 5)', async () => {
    const placed = order();
    const events = [
      {
        id: uniqueId('captured'),
        type: 'PaymentCaptured',
        data: { paymentIntentId: 'pi_early', amount: 2_999, currency: 'USD' },
      },
      { id: uniqueId('cancelled'), type: 'OrderCancelled', data: CUSTOMER },
    ];
    const handle = await service.client.workflow.signalWithStart(orderWorkflow.workflowType, {
      taskQueue: orderWorkflow.taskQueue,
      workflowId: orderWorkflowId(placed),
      args: [newOrder(placed, DEFAULT_POLICY)],
      signal: inboxSignal,
      signalArgs: [events],
    });
    const result: OrderResult = await handle.result();
    assert.equal(result.state, 'cancelled');
    assert.deepEqual(result.events.map(({ type, outcome }) => `${type} ${outcome}`).toSorted(), [
      'OrderCancelled applied',
      'PaymentCaptured refused',
    ]);
    const { row, captured, pieces } = await service.look(handle);
    assert.deepEqual([row?.state, captured, pieces], ['cancelled', 0, {}]);
  });

  it('applies what comes early when its time has come (FAULTS 5)', async () => {
    const handle = await service.place({ paymentMethod: SOFT_DECLINE });
    await service.until(handle, declined);
    // The carrier's news, the last of it first, before the order is paid.
    await service.send(handle, event(handle, 'ShipmentDelivered', PARCEL));
    await service.send(handle, event(handle, 'ShipmentDispatched', PARCEL));
    assert.equal((await handle.query(inboxQuery)).pending.length, 2);
    await service.send(
      handle,
      event(handle, 'PaymentMethodUpdated', { paymentMethod: 'pm_card_visa' }),
    );
    const { state, events } = await handle.result();
    assert.equal(state, 'closed');
    assert.deepEqual(
      events.map(({ type, outcome }) => `${type} ${outcome}`),
      ['PaymentMethodUpdated applied', 'ShipmentDelivered applied', 'ShipmentDispatched duplicate'],
    );
  });

  it('survives poison, unknown types, unknown signals and repeats', async () => {
    const handle = await service.place();
    await service.until(handle, fulfilling);
    const poison = { id: uniqueId('poison'), type: 'ShipmentDispatched', data: null };
    await service.send(handle, poison, event(handle, 'NoSuchEvent'));
    await handle.signal('no-such-signal', { any: 'thing' });
    await handle.signal(inboxSignal, [null, 'text', 7] as never);
    const dispatched = event(handle, 'ShipmentDispatched', PARCEL);
    await service.send(handle, dispatched, dispatched);
    await service.send(handle, dispatched);
    assert.equal((await handle.query(inboxQuery)).repeats, 2);
    await service.send(handle, event(handle, 'ShipmentDelivered', PARCEL));
    const { state, events } = await handle.result();
    assert.equal(state, 'closed');
    assert.deepEqual(
      events
        .map(({ outcome, reason }) => `${outcome} ${reason?.split(':')[0] ?? ''}`.trim())
        .toSorted(),
      [
        'applied',
        'applied',
        'refused handler-failed',
        'refused unknown-signal',
        'refused unknown-type',
        'refused unreadable',
        'refused unreadable',
        'refused unreadable',
      ],
    );
    await service.record(handle, 'order-poison-told');
  });

  /** What a free order carries into a new run. */
  function carriedOrder(known: Partial<Order>, ledger: CarriedOrder['ledger']): CarriedOrder {
    return {
      order: { ...openOrder({ amount: 0, currency: 'USD' }, null), ...known },
      ledger,
      reason: null,
      version: 7,
      inbox: {
        pending: [],
        records: [{ id: 'known', type: 'OrderCancelled', outcome: 'refused', reason: 'earlier' }],
        repeats: 0,
      },
    };
  }

  it('goes on in a new run where it was, and tells nothing twice', async () => {
    const shipments = withShipment(planShipments(order().lines, []), '1', { status: 'booked' });
    const carried = carriedOrder({ state: 'fulfilling', waitingFor: 'dispatch', shipments }, [
      'release-stock',
      'cancel-shipments',
    ]);
    const handle = await service.place({}, {}, carried);
    assert.equal((await handle.query(orderQuery)).version, 7);
    await service.send(handle, { ...event(handle, 'OrderCancelled', CUSTOMER), id: 'known' });
    await service.deliver(handle);
    const { state, events } = await handle.result();
    assert.equal(state, 'closed');
    assert.deepEqual(
      events.map(({ type, outcome }) => `${type} ${outcome}`),
      ['OrderCancelled refused', 'ShipmentDispatched applied', 'ShipmentDelivered applied'],
    );
    // 8 shipped, 9 delivered, 10 closed.
    assert.equal((await service.look(handle)).row?.version, 10);
  });

  it('goes on undoing in a new run what it was undoing', async () => {
    const undoing = { state: 'needs-operator', waitingFor: 'operator', cancellation: CUSTOMER };
    const handle = await service.place(
      {},
      {},
      carriedOrder(undoing as Partial<Order>, ['release-stock']),
    );
    assert.equal((await handle.result()).state, 'cancelled');
    const { row, reservation } = await service.look(handle);
    assert.deepEqual([row?.version, reservation], [8, 'released']);
  });

  it('goes on in a new run before its history grows too long (FAULTS 25, 26)', async function () {
    this.timeout(120_000);
    const handle = await service.place();
    const placed = await service.until(handle, fulfilling);
    const method = () => event(handle, 'PaymentMethodUpdated', { paymentMethod: 'pm_card_visa' });
    const latest = service.client.workflow.getHandle(handle.workflowId) as OrderHandle;
    const isFirst = async () => (await latest.describe()).runId === handle.firstExecutionRunId;
    let last = method();
    // The server ends no run while signals come, so each hundred is let sink in.
    for (let sent = 100; await isFirst(); sent += 100) {
      assert.ok(sent <= 5_000, 'still in its first run');
      const events = Array.from({ length: 100 }, method);
      last = events[99] ?? last;
      await Promise.all(events.map((each) => service.send(latest, each)));
      const known = placed.revision + sent;
      await eventually(async () => (await latest.query(orderQuery)).revision >= known);
    }
    // Known in the new run too.
    await latest.signal(inboxSignal, [last]);
    await eventually(async () => (await latest.query(inboxQuery)).repeats === 1);
    assert.equal((await latest.query(inboxQuery)).records.length, 1_000);
    await service.deliver(handle);
    assert.equal((await handle.result()).state, 'closed');
    const { row, captured } = await service.look(handle);
    assert.equal(captured, 2_999);
    assert.ok(row && row.revision > 1_000);
    assert.equal(row.timeline.length, 100);
    assert.deepEqual([row.timeline[0]?.n, row.timeline[99]?.n], [row.revision - 99, row.revision]);
    const { startTime } = await service.client.workflow
      .getHandle(handle.workflowId, handle.firstExecutionRunId)
      .describe();
    assert.equal(row.placedAt, startTime.toISOString());
  });
});

describe('the order workflow, while the payment provider gives no answer', () => {
  let service: OrderService;

  before(async function () {
    this.timeout(180_000);
    service = await startOrderService();
  });
  after(() => service.stop());

  it('accepts a cancellation, and takes no money', async () => {
    const handle = await service.place();
    await service.until(handle, (row) => row.payment.status === 'in-flight');
    const answer = await handle.executeUpdate(cancelOrder, { args: [CUSTOMER] });
    assert.deepEqual(answer, { accepted: true, state: 'awaiting-payment' });
    await service.startPayments();
    assert.equal((await handle.result()).state, 'cancelled');
    const { captured, intents, reservation } = await service.look(handle);
    assert.deepEqual([captured, reservation], [0, 'released']);
    assert.ok(intents.every(({ status }) => status !== 'requires_capture'));
    await service.record(handle, 'order-cancelled-in-flight-and-told');
  });
});
