import assert from 'node:assert/strict';
import type Stripe from 'stripe';
import { translateStripeEvent } from '../../src/api/stripeEvents.ts';
import { orderRoutes } from '../../src/bridges/orderRoutes.ts';
import { createReader } from '../../src/bridges/reader.ts';
import { DEFAULT_POLICY } from '../../src/domain/policy.ts';

function stripeEvent(type: string, intent: object): Stripe.Event {
  const object = {
    id: 'pi_1',
    amount_received: 2_999,
    currency: 'usd',
    metadata: { orderKey: 'order:web:1' },
    last_payment_error: null,
    ...intent,
  };
  return { id: 'evt_1', type, data: { object } } as unknown as Stripe.Event;
}

const translate = (type: string, intent: object = {}) =>
  translateStripeEvent(stripeEvent(type, intent));
const failed = (error: object | null) => {
  const { event } = translate('payment_intent.payment_failed', { last_payment_error: error });
  return (event?.data as { declineCode?: string } | undefined)?.declineCode;
};

describe("Stripe's events", () => {
  it('takes a payment that succeeded as captured, with what was received', () => {
    assert.deepEqual(translate('payment_intent.succeeded', { amount: 5_000 }), {
      orderKey: 'order:web:1',
      event: {
        source: 'waybill.payments',
        type: 'PaymentCaptured',
        eventId: 'evt_1',
        data: {
          version: 1,
          channel: 'web',
          orderId: '1',
          paymentIntentId: 'pi_1',
          amount: 2_999,
          currency: 'USD',
        },
      },
    });
  });

  it('takes a payment that failed with the code that says the most', () => {
    assert.equal(failed({ decline_code: 'lost_card', code: 'card_declined' }), 'lost_card');
    assert.equal(failed({ code: 'expired_card' }), 'expired_card');
    assert.equal(failed(null), 'card_declined');
  });

  it('leaves every other type, and what is not of an order', () => {
    const reasonOf = (...given: Parameters<typeof translate>) => {
      const translation = translate(...given);
      return translation.event ?? translation.reason;
    };
    for (const type of ['payment_intent.created', 'charge.refunded', 'constructor', '__proto__']) {
      assert.equal(reasonOf(type), 'other-type');
    }
    const orderKeys = [undefined, '', 'web:1', 'order:web', 'order:a:b:c', 'return:web:1'];
    for (const orderKey of orderKeys) {
      const metadata = orderKey === undefined ? {} : { orderKey };
      assert.equal(reasonOf('payment_intent.succeeded', { metadata }), 'not-an-order');
    }
    assert.equal(reasonOf('payment_intent.succeeded', { metadata: null }), 'not-an-order');
  });

  it('passes on what is of an order and cannot be: the bridge parks it', async () => {
    const read = createReader(orderRoutes({ policy: DEFAULT_POLICY, earlySeconds: 30 }));
    for (const change of [{ currency: 'xxx' }, { metadata: { orderKey: 'order:web:a/b' } }]) {
      const { event } = translate('payment_intent.succeeded', change);
      const [plan] = await read({
        body: JSON.stringify(event),
        messageId: 'm',
        parkedBefore: null,
      });
      assert.equal(plan?.kind, 'rejected');
    }
  });
});
