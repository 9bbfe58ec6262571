import assert from 'node:assert/strict';
import { inboxQuery } from '../../src/contracts/inbox.ts';
import { orderQuery } from '../../src/contracts/orders.ts';
import { event, PARCEL, type OrderHandle, type OrderService } from '../support/orderService.ts';
import { declined, SOFT_DECLINE, withOrderService } from '../support/orders.ts';
import { eventually } from '../support/servers.ts';

/** The server suggests to continue as new past 4 MB of history: five events of these are enough. */
const LARGE = 'x'.repeat(1_000_000);

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
});
