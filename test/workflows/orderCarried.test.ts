import assert from 'node:assert/strict';
import { DeleteMessageCommand, ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { inboxQuery } from '../../src/contracts/inbox.ts';
import {
  cancelOrder,
  orderQuery,
  resolveOrder,
  resumeOrder,
  type OrderNotification,
  type OrderRow,
} from '../../src/contracts/orders.ts';
import type { OrderLine } from '../../src/domain/order.ts';
import { event, PARCEL, type OrderHandle, type OrderService } from '../support/orderService.ts';
import {
  CUSTOMER,
  declined,
  fulfilling,
  OPERATOR,
  SOFT_DECLINE,
  stuck,
  withOrderService,
} from '../support/orders.ts';
import { eventually } from '../support/servers.ts';

/** The server suggests to continue as new past 4 MB of history: five events of these are enough. */
const LARGE = 'x'.repeat(1_000_000);
/** One parcel of each seller. */
const THREE_SELLERS: OrderLine[] = [
  { sku: 'record', quantity: 1, amount: 2_000, sellerId: 'anna' },
  { sku: 'sleeve', quantity: 3, amount: 500, sellerId: 'bert' },
  { sku: 'record', quantity: 2, amount: 5_001, sellerId: 'carl' },
];

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
    const letGo = service.holdAnnouncements();
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

    await service.outgrow(handle);
    await eventually(() => isContinued(handle));
    const latest = latestOf(handle);
    await service.send(latest, event(handle, 'ShipmentReturned', { ...PARCEL, shipmentId: '1' }));
    await service.until(latest, (row) => statuses(row)[0] === 'returned');
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
});
