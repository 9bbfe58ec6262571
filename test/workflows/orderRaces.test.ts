import assert from 'node:assert/strict';
import { cancelOrder } from '../../src/contracts/orders.ts';
import { openOrder } from '../../src/domain/order.ts';
import { planShipments, withShipment } from '../../src/domain/shipment.ts';
import { event, PARCEL, type OrderService } from '../support/orderService.ts';
import { CUSTOMER, LINES, withOrderService } from '../support/orders.ts';

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
});
