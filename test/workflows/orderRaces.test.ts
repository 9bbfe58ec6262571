import assert from 'node:assert/strict';
import { cancelOrder, orderQuery } from '../../src/contracts/orders.ts';
import { openOrder } from '../../src/domain/order.ts';
import { planShipments, withShipment } from '../../src/domain/shipment.ts';
import { event, PARCEL, type OrderService } from '../support/orderService.ts';
import { CUSTOMER, LINES, withOrderService } from '../support/orders.ts';
import { eventually } from '../support/servers.ts';

describe('an order that much happens to at once', () => {
  let service: OrderService;
  withOrderService((started) => (service = started));

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
            shipments: withShipment(planShipments(LINES, []), '1', { status: 'booked' }),
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

  it('decides every event that is taken while it ends', async () => {
    let taken = 0;
    for (let round = 0; round < 25; round += 1) {
      const handle = await service.place({
        lines: [{ sku: 'scarce', quantity: 1, amount: 100, sellerId: 's' }],
      });
      // Whoever asks has the server end the workflow task under way: what comes then is before the next one.
      await eventually(async () => (await handle.query(orderQuery)).state === 'cancelled', {
        every: 1,
      });
      const late = event(handle, 'ShipmentLost', PARCEL);
      const isTaken = await service.send(handle, late).then(
        () => true,
        () => false,
      );
      const { events } = await handle.result();
      const decided = events.map(({ id }) => id);
      assert.deepEqual(decided, isTaken ? [late.id] : []);
      taken += decided.length;
    }
    assert.ok(taken > 0, 'each order had ended before its event came');
  });
});
