import assert from 'node:assert/strict';
import { openOrder, type OrderState } from '../../src/domain/order.ts';
import { decideEvent, isDue } from '../../src/workflows/orderEvents.ts';

describe('an event of an order that has ended', () => {
  const data = { shipmentId: 'parcel-1', carrier: 'post', paymentMethod: 'pm_card_visa' };

  for (const state of ['closed', 'cancelled', 'refunded', 'duplicate'] satisfies OrderState[]) {
    it(`is refused, whatever it is, when the order is ${state}`, () => {
      const order = { ...openOrder({ amount: 100, currency: 'USD' }, 'pm_card_visa'), state };
      for (const type of ['ShipmentDispatched', 'ShipmentDelivered', 'PaymentMethodUpdated']) {
        const event = { id: 'e', type, data };
        for (const edition of [1, 2] as const) assert.equal(isDue(order, event, edition), true);
        assert.deepEqual(decideEvent(order, event), {
          outcome: 'refused',
          reason: `order-${state}`,
        });
      }
    });
  }
});

describe('that the pieces of a back-order are reserved', () => {
  const reserved = { id: 'e', type: 'StockReserved', data: {} };
  const order = openOrder({ amount: 100, currency: 'USD' }, 'pm_card_visa');

  it('waits until the order says that it waits for them', () => {
    assert.equal(isDue({ ...order, state: 'reserving' }, reserved, 2), false);
    assert.equal(isDue({ ...order, state: 'reserving', waitingFor: 'stock' }, reserved, 2), true);
    assert.equal(isDue({ ...order, state: 'awaiting-payment' }, reserved, 2), true);
    const cancellation = { reason: 'changed-my-mind', requestedBy: 'customer' };
    assert.equal(isDue({ ...order, state: 'reserving', cancellation }, reserved, 2), true);
  });
});
