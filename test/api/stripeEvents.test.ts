import assert from 'node:assert/strict';
import Stripe from 'stripe';
import { type RetrieveIntent, translateStripeEvent } from '../../src/api/stripeEvents.ts';
import { orderRoutes } from '../../src/bridges/orderRoutes.ts';
import { createReader } from '../../src/bridges/reader.ts';
import { EVENTS } from '../../src/contracts/events.ts';
import {
  DEFAULT_POLICY,
  DEFAULT_RESTOCK_POLICY,
  DEFAULT_RETURN_POLICY,
} from '../../src/domain/policy.ts';
import { createIngress, fakeQueues, STRIPE_SECRET } from '../support/ingress.ts';

const MINE = { orderKey: 'order:web:1' };

function stripeEvent(type: string, change: object): Stripe.Event {
  const intent = {
    id: 'pi_1',
    amount_received: 2_999,
    amount_capturable: 3_999,
    currency: 'usd',
    metadata: MINE,
    last_payment_error: null,
  };
  const dispute = {
    id: 'du_1',
    payment_intent: 'pi_1',
    amount: 999,
    currency: 'usd',
    reason: 'product_not_received',
    status: 'needs_response',
    balance_transactions: [{ amount: -999 }],
    metadata: {},
  };
  const object = { ...(type.startsWith('charge.dispute') ? dispute : intent), ...change };
  return { id: 'evt_1', object: 'event', type, data: { object } } as unknown as Stripe.Event;
}

const notAsked: RetrieveIntent = async (id) => assert.fail(`${id} is not to be looked up`);
const found: RetrieveIntent = async (id) => (id === 'pi_1' ? { metadata: MINE } : null);

const translate = (type: string, change: object = {}, retrieveIntent = notAsked) =>
  translateStripeEvent(stripeEvent(type, change), retrieveIntent);
const failed = async (error: object | null) => {
  const { event } = await translate('payment_intent.payment_failed', { last_payment_error: error });
  return (event?.data as { declineCode?: string } | undefined)?.declineCode;
};

describe("Stripe's events", () => {
  it('takes a payment as authorised or captured, with what can be taken or was', async () => {
    for (const [stripeType, type, amount] of [
      ['payment_intent.amount_capturable_updated', 'PaymentAuthorised', 3_999],
      ['payment_intent.succeeded', 'PaymentCaptured', 2_999],
    ] as const) {
      assert.deepEqual(await translate(stripeType, { amount: 5_000 }), {
        orderKey: 'order:web:1',
        event: {
          source: 'waybill.payments',
          type,
          eventId: 'evt_1',
          data: {
            version: 1,
            channel: 'web',
            orderId: '1',
            paymentIntentId: 'pi_1',
            amount,
            currency: 'USD',
          },
        },
      });
    }
  });

  it('takes a dispute as a chargeback of the order whose intent it names', async () => {
    const order = { version: 1, channel: 'web', orderId: '1' };
    const dispute = { ...order, paymentIntentId: 'pi_1', disputeId: 'du_1' };
    const opened = await translate('charge.dispute.created', {}, found);
    assert.deepEqual(opened, {
      orderKey: 'order:web:1',
      event: {
        source: 'waybill.payments',
        type: 'ChargebackOpened',
        eventId: 'evt_1',
        data: { ...dispute, amount: 999, currency: 'USD', reason: 'product_not_received' },
      },
    });
    EVENTS.ChargebackOpened.schema.parse(opened.event?.data);
    const expanded = { payment_intent: { id: 'pi_1' }, status: 'lost' };
    const closed = await translate('charge.dispute.closed', expanded, found);
    assert.deepEqual(closed.event?.data, { ...dispute, outcome: 'lost' });
    EVENTS.ChargebackClosed.schema.parse(closed.event?.data);
  });

  it('takes a dispute as lost where the money is gone, whatever it ended as', async () => {
    const [withdrawn, back] = [{ amount: -999 }, { amount: 999 }];
    for (const [status, balance_transactions, outcome] of [
      ['won', [withdrawn, back], 'won'],
      ['lost', [withdrawn], 'lost'],
      ['warning_closed', [], 'won'],
      ['prevented', [withdrawn], 'lost'],
      ['prevented', [], 'won'],
      ['of_next_year', [withdrawn], 'lost'],
      ['of_next_year', [withdrawn, back], 'won'],
    ] as const) {
      const change = { status, balance_transactions };
      const { event } = await translate('charge.dispute.closed', change, found);
      assert.equal((event?.data as { outcome?: string } | undefined)?.outcome, outcome, status);
    }
  });

  it('takes a payment that failed with the code that says the most', async () => {
    assert.equal(await failed({ decline_code: 'lost_card', code: 'card_declined' }), 'lost_card');
    assert.equal(await failed({ code: 'expired_card' }), 'expired_card');
    assert.equal(await failed(null), 'card_declined');
  });

  it('leaves every other type, and what is not of an order', async () => {
    const reasonOf = async (...given: Parameters<typeof translate>) => {
      const translation = await translate(...given);
      return translation.event ?? translation.reason;
    };
    for (const type of ['payment_intent.created', 'charge.refunded', 'constructor', '__proto__']) {
      assert.equal(await reasonOf(type), 'other-type');
    }
    const orderKeys = [undefined, '', 'web:1', 'order:web', 'order:a:b:c', 'return:web:1'];
    for (const orderKey of orderKeys) {
      const metadata: Record<string, string> = orderKey === undefined ? {} : { orderKey };
      assert.equal(await reasonOf('payment_intent.succeeded', { metadata }), 'not-an-order');
      const foreign = async () => ({ metadata });
      assert.equal(await reasonOf('charge.dispute.created', {}, foreign), 'not-an-order');
    }
    assert.equal(await reasonOf('payment_intent.succeeded', { metadata: null }), 'not-an-order');
    const ofNone = { payment_intent: null };
    assert.equal(await reasonOf('charge.dispute.created', ofNone), 'not-an-order');
    const ofAnother = { payment_intent: 'pi_2' };
    assert.equal(await reasonOf('charge.dispute.created', ofAnother, found), 'not-an-order');
  });

  it('passes on what is of an order and cannot be: the bridge parks it', async () => {
    const read = createReader(
      orderRoutes({
        orderPolicy: DEFAULT_POLICY,
        returnPolicy: DEFAULT_RETURN_POLICY,
        restockPolicy: DEFAULT_RESTOCK_POLICY,
        earlySeconds: 30,
      }),
    );
    for (const change of [{ currency: 'xxx' }, { metadata: { orderKey: 'order:web:a/b' } }]) {
      const { event } = await translate('payment_intent.succeeded', change);
      const [plan] = await read({
        body: JSON.stringify(event),
        messageId: 'm',
        parkedBefore: null,
      });
      assert.equal(plan?.kind, 'rejected');
    }
  });
});

describe("a dispute in Stripe's webhook", () => {
  async function post(retrieveIntent: RetrieveIntent) {
    const { sent, enqueue } = fakeQueues();
    const app = await createIngress({ enqueue, retrieveIntent });
    const payload = JSON.stringify(stripeEvent('charge.dispute.created', {}));
    const response = await app.inject({
      method: 'POST',
      url: '/ingress/stripe',
      headers: {
        'content-type': 'application/json',
        'stripe-signature': Stripe.webhooks.generateTestHeaderString({
          payload,
          secret: STRIPE_SECRET,
        }),
      },
      payload,
    });
    const { statusCode: status, headers } = response;
    return { status, retryAfter: headers['retry-after'], body: response.json(), sent };
  }

  it('is put into the queue in the order of its order', async () => {
    const { status, body, sent } = await post(found);
    assert.deepEqual([status, body], [200, { taken: true, eventId: 'evt_1' }]);
    assert.deepEqual(sent[0]?.names, {
      source: 'waybill.payments',
      eventId: 'evt_1',
      orderKey: 'order:web:1',
      sellerId: null,
    });
  });

  it('is acknowledged and left where the provider knows no such intent', async () => {
    const { status, body, sent } = await post(async () => {
      throw Stripe.errors.StripeError.generate({
        type: 'invalid_request_error',
        message: 'No such payment_intent',
        statusCode: 404,
      } as never);
    });
    assert.deepEqual([status, body, sent], [200, { taken: false, reason: 'not-an-order' }, []]);
  });

  it('is to be sent again where the provider does not say whose it is, or not in time', async () => {
    const silent = new Promise<never>(() => {});
    const down: RetrieveIntent = async () => {
      throw new Stripe.errors.StripeConnectionError({ message: 'planned' } as never);
    };
    for (const retrieveIntent of [down, async () => await silent]) {
      const { status, retryAfter, body, sent } = await post(retrieveIntent);
      assert.deepEqual([status, retryAfter, sent], [503, '5', []]);
      assert.equal(body.type, 'urn:waybill:problem:not-ready');
    }
  });
});
