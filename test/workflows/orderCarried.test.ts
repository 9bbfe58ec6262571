import assert from 'node:assert/strict';
import { DeleteMessageCommand, ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { inboxQuery } from '../../src/contracts/inbox.ts';
import {
  cancelOrder,
  orderQuery,
  orderWorkflowId,
  resolveOrder,
  resumeOrder,
  type OrderNotification,
  type OrderRow,
} from '../../src/contracts/orders.ts';
import type { OrderLine } from '../../src/domain/order.ts';
import {
  event,
  order,
  PARCEL,
  type OrderHandle,
  type OrderService,
} from '../support/orderService.ts';
import {
  CUSTOMER,
  declined,
  fulfilling,
  OPERATOR,
  SOFT_DECLINE,
  stuck,
  withOrderService,
} from '../support/orders.ts';
import { advance } from '../support/clock.ts';
import { eventually, uniqueId } from '../support/servers.ts';

/** The server suggests to continue as new past 4 MB of history: five events of these are enough. */
const LARGE = 'x'.repeat(1_000_000);
/** One parcel of each seller. */
const THREE_SELLERS: OrderLine[] = [
  { sku: 'record', quantity: 1, amount: 2_000, sellerId: 'anna' },
  { sku: 'sleeve', quantity: 3, amount: 500, sellerId: 'bert' },
  { sku: 'record', quantity: 2, amount: 5_001, sellerId: 'carl' },
];

const DAY = 86_400;

const statuses = ({ shipments }: OrderRow) => shipments.map(({ status }) => status);

describe('an order that continues as new (FAULTS 25)', () => {
  let service: OrderService;
  withOrderService((started) => (service = started));

  it('takes along where it stands, what it has dealt with and what it has still to decide', async () => {
    const handle = await service.place({ paymentMethod: SOFT_DECLINE });
    const before = await service.until(handle, declined);
    const early = event(handle, 'ShipmentDispatched', PARCEL);
    await service.send(handle, early);
    const latest = service.client.workflow.getHandle(handle.workflowId) as OrderHandle;
    const strays: string[] = [];
    const isFirst = async () => (await latest.describe()).runId === handle.firstExecutionRunId;
    const known = async () => (await latest.query(inboxQuery)).records.map(({ id }) => id);
    while (await isFirst()) {
      assert.ok(strays.length < 10, 'still in its first run');
      const stray = event(handle, 'NoSuchEvent', { text: LARGE });
      strays.push(stray.id);
      await service.send(latest, stray);
      await eventually(async () => (await known()).includes(stray.id), { within: 20_000 });
    }

    const after = await latest.query(orderQuery);
    assert.deepEqual(
      [after.version, after.state, after.waitingFor, after.payment, after.claimedBy],
      [before.version, before.state, before.waitingFor, before.payment, before.claimedBy],
    );
    const { pending } = await latest.query(inboxQuery);
    assert.deepEqual(
      pending.map(({ id }) => id),
      [early.id],
    );
    assert.deepEqual(await known(), strays);

    await service.send(latest, early, { id: strays[0] ?? '', type: 'NoSuchEvent', data: {} });
    const visa = { paymentMethod: 'pm_card_visa' };
    await service.send(latest, event(handle, 'PaymentMethodUpdated', visa));
    await service.until(latest, ({ state }) => state === 'shipped');
    assert.equal((await latest.query(inboxQuery)).repeats, 2);
    await service.send(latest, event(handle, 'ShipmentDelivered', PARCEL));
    assert.equal((await latest.result()).state, 'closed');
    const { row, captured } = await service.look(handle);
    assert.equal(captured, 2_999);
    // Paid, fulfilling, shipped, delivered, closed.
    assert.equal(row?.version, before.version + 5);
  });

  /** Its newest run. */
  const latestOf = ({ workflowId }: OrderHandle) =>
    service.client.workflow.getHandle(workflowId) as OrderHandle;

  const isContinued = async (handle: OrderHandle) =>
    (await latestOf(handle).describe()).runId !== handle.firstExecutionRunId;

  /** Has the run leave, and not be gone before what this answers is called: until then something is being told. */
  async function leave(handle: OrderHandle): Promise<() => void> {
    const letGo = service.hold('announceOrder');
    // It is refused, which is told.
    await service.send(handle, event(handle, 'NoSuchEvent'));
    await service.outgrow(handle);
    await eventually(async () => !(await handle.describe()).raw.pendingWorkflowTask);
    return letGo;
  }

  it('is helped by an operator who comes while it leaves', async () => {
    const [line = assert.fail()] = THREE_SELLERS;
    const handle = await service.place({ lines: [{ ...line, sellerId: 'refused-1' }] });
    await service.until(handle, stuck);
    const letGo = await leave(handle);
    // A new run would try once more what an operator has done by hand.
    const resolution = { ...OPERATOR, reason: 'sent with another carrier' };
    const answer = await handle.executeUpdate(resolveOrder, { args: [resolution] });
    letGo();
    assert.deepEqual([answer.accepted, answer.state], [true, 'needs-operator']);
    await service.until(latestOf(handle), fulfilling);
    await service.deliver(latestOf(handle));
    const { state, events } = await handle.result();
    assert.equal(state, 'closed');
    const [refused, ...others] = events.filter(({ reason }) => reason !== 'unknown-signal');
    assert.equal(refused?.type, 'NoSuchEvent');
    assert.ok(others.every(({ outcome }) => outcome === 'applied'));
  });

  it('tells of a parcel once, whether its news came before it left or meanwhile', async () => {
    const sqs = new SQSClient(service.account);
    const handle = await service.place({ lines: THREE_SELLERS });
    await service.until(handle, fulfilling);
    const tell = (type: string, shipmentId: string) =>
      service.send(latestOf(handle), event(handle, type, { ...PARCEL, shipmentId }));
    await tell('ShipmentDispatched', '1');
    await service.until(handle, ({ state }) => state === 'shipped');
    const letGo = await leave(handle);
    await tell('ShipmentDispatched', '2');
    letGo();
    await eventually(() => isContinued(handle));
    await service.until(latestOf(handle), (row) => statuses(row)[1] === 'dispatched');
    for (const shipmentId of ['1', '2', '3']) await tell('ShipmentDelivered', shipmentId);
    assert.equal((await handle.result()).state, 'closed');

    const { version } = await handle.query(orderQuery);
    const told = new Map<string, OrderNotification>();
    await eventually(async () => {
      const QueueUrl = service.outputs.AnalyticsQueueUrl;
      const { Messages = [] } = await sqs.send(
        new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10 }),
      );
      for (const { Body = '', ReceiptHandle } of Messages) {
        const one = JSON.parse(Body) as OrderNotification;
        if (one.workflowId === handle.workflowId) told.set(one.notificationId, one);
        await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
      }
      // One for each version.
      return told.size === version;
    });
    sqs.destroy();
    const ofType = (type: string) => [...told.values()].filter((one) => one.type === type).length;
    assert.deepEqual([ofType('shipment-dispatched'), ofType('shipment-delivered')], [2, 3]);
  });

  it('gives back under its own number what an older cancellation must not take the place of', async () => {
    const handle = await service.place({ lines: THREE_SELLERS }, { compensationRetrySeconds: 2 });
    await service.until(handle, fulfilling);
    const cancelLine = (line: number) =>
      handle.executeUpdate(cancelOrder, { args: [{ ...CUSTOMER, lines: [line] }] });
    // The older one waits for its parcel to come back.
    await service.provider.collect(`${handle.workflowId}:1`);
    await cancelLine(1);
    await service.until(handle, (row) => statuses(row)[0] === 'recalled');
    // The younger one gives its pieces back, and gets stuck at the money.
    const dispute = { orderKey: handle.workflowId, disputeId: 'dp_1' };
    await service.payments.holdRefunds(dispute);
    await cancelLine(2);
    const { reason } = await service.until(handle, stuck);
    assert.equal(reason, 'refund-lines-failed');
    assert.deepEqual((await service.look(handle)).pieces, { record: 3 });

    // The older one's parcel is back when the next run begins.
    const letGo = await leave(handle);
    await service.send(handle, event(handle, 'ShipmentReturned', { ...PARCEL, shipmentId: '1' }));
    await service.until(handle, (row) => statuses(row)[0] === 'returned');
    letGo();
    await eventually(() => isContinued(handle));
    const latest = latestOf(handle);
    await service.payments.closeDispute({ ...dispute, lost: 0 });
    await service.until(latest, stuck);
    await latest.executeUpdate(resumeOrder, { args: [OPERATOR] });
    await service.until(latest, ({ cancelledLines }) =>
      cancelledLines.every(({ settled }) => settled),
    );
    await service.send(latest, event(handle, 'ShipmentDelivered', { ...PARCEL, shipmentId: '3' }));
    assert.equal((await handle.result()).state, 'closed');
    const { pieces, captured, refunded } = await service.look(handle);
    assert.deepEqual([pieces, captured, refunded], [{ record: 2 }, 7_501, 2_500]);
    await service.assertStock();
  });

  /** Has a run leave that waits for an operator. @returns the next one, once it has begun. */
  async function carryOn(handle: OrderHandle): Promise<OrderHandle> {
    await service.outgrow(handle);
    await eventually(() => isContinued(handle));
    const latest = latestOf(handle);
    await eventually(async () => !(await latest.describe()).raw.pendingWorkflowTask);
    return latest;
  }

  async function resolve(latest: OrderHandle, reason: string): Promise<void> {
    const answer = await latest.executeUpdate(resolveOrder, { args: [{ ...OPERATOR, reason }] });
    assert.deepEqual([answer.accepted, answer.state], [true, 'needs-operator']);
  }

  /** Has every refund fail for as long as the policy has it tried. */
  async function refusingRefunds(handle: OrderHandle) {
    const dispute = { orderKey: handle.workflowId, disputeId: uniqueId('dp') };
    await service.payments.holdRefunds(dispute);
    return async () => await service.payments.closeDispute({ ...dispute, lost: 0 });
  }

  it('refunds nothing that an operator may have refunded by hand: for lines', async () => {
    const handle = await service.place({ lines: THREE_SELLERS }, { compensationRetrySeconds: 2 });
    await service.until(handle, fulfilling);
    const allowRefunds = await refusingRefunds(handle);
    await handle.executeUpdate(cancelOrder, { args: [{ ...CUSTOMER, lines: [2] }] });
    assert.equal((await service.until(handle, stuck)).reason, 'refund-lines-failed');
    await allowRefunds();
    const latest = await carryOn(handle);
    await resolve(latest, 'refunded at the till');
    await service.until(latest, (row) => row.cancelledLines.every(({ settled }) => settled));
    for (const shipmentId of ['1', '3']) {
      await service.send(latest, event(handle, 'ShipmentDelivered', { ...PARCEL, shipmentId }));
    }
    assert.equal((await handle.result()).state, 'closed');
    const { row, captured, refunded } = await service.look(handle);
    assert.deepEqual([captured, refunded, row?.payment.refunded], [7_501, 0, 500]);
    await service.assertStock();
    await service.record(handle, 'order-carried-refund-by-hand');
  });

  it('refunds nothing that an operator may have refunded by hand: for the whole order', async () => {
    const handle = await service.place({}, { compensationRetrySeconds: 2 });
    await service.until(handle, fulfilling);
    const allowRefunds = await refusingRefunds(handle);
    await handle.executeUpdate(cancelOrder, { args: [CUSTOMER] });
    assert.equal((await service.until(handle, stuck)).reason, 'return-payment-failed');
    await allowRefunds();
    const latest = await carryOn(handle);
    await resolve(latest, 'refunded at the till');
    assert.equal((await handle.result()).state, 'refunded');
    const { row, captured, refunded } = await service.look(handle);
    assert.deepEqual([captured, refunded, row?.payment.refunded], [2_999, 0, 2_999]);
    await service.assertStock();
    await service.record(handle, 'order-carried-return-by-hand');
  });

  it('still needs to be told how a parcel is sent that was cancelled at the carrier', async () => {
    const placed = order();
    const reference = encodeURIComponent(`${orderWorkflowId(placed)}:1`);
    await fetch(`${service.provider.url}/carrier/shipments/${reference}`, { method: 'DELETE' });
    const handle = await service.place(placed);
    assert.equal((await service.until(handle, stuck)).reason, 'shipment-cancelled');
    const latest = await carryOn(handle);
    await service.until(latest, stuck);
    await resolve(latest, 'sent by courier');
    await service.until(latest, fulfilling);
    await service.deliver(latest);
    assert.equal((await handle.result()).state, 'closed');
    await service.record(handle, 'order-carried-sent-by-hand');
  });

  it('still needs to be told what became of a parcel that has not come back', async () => {
    const handle = await service.place({ lines: THREE_SELLERS });
    await service.until(handle, fulfilling);
    await service.provider.collect(`${handle.workflowId}:2`);
    await handle.executeUpdate(cancelOrder, { args: [{ ...CUSTOMER, lines: [2] }] });
    await service.until(handle, (row) => statuses(row)[1] === 'recalled');
    await advance(handle, 14 * DAY + 1);
    assert.equal((await service.until(handle, stuck)).reason, 'parcel-not-back');
    const latest = await carryOn(handle);
    await resolve(latest, 'written off');
    await service.until(latest, (row) => statuses(row)[1] === 'refunded');
    for (const shipmentId of ['1', '3']) {
      await service.send(latest, event(handle, 'ShipmentDelivered', { ...PARCEL, shipmentId }));
    }
    assert.equal((await handle.result()).state, 'closed');
    assert.equal((await service.look(handle)).refunded, 500);
    await service.assertStock();
    await service.record(handle, 'order-carried-written-off');
  });
});
