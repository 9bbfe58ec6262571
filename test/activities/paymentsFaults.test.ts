import assert from 'node:assert/strict';
import Stripe from 'stripe';
import { type PaymentStage, startPaymentStage } from '../support/paymentStage.ts';
import { eventually } from '../support/servers.ts';

type Order = ReturnType<PaymentStage['newOrder']>;

/** Each effect at the provider: how an order comes to it, what asks for it, and what is to be there in the end. */
const STEPS = [
  {
    operation: 'create',
    key: 'payment-intent',
    before: [],
    run: ({ authorise }: Order) => authorise(),
    answer: { kind: 'authorised' },
    end: ['requires_capture', 0, 0],
  },
  {
    operation: 'confirm',
    key: 'confirm/1',
    before: [],
    run: ({ authorise }: Order) => authorise(),
    answer: { kind: 'authorised' },
    end: ['requires_capture', 0, 0],
  },
  {
    operation: 'capture',
    key: 'capture',
    before: ['authorise'],
    run: ({ capture }: Order) => capture(),
    answer: { kind: 'captured', amount: 1_999 },
    end: ['succeeded', 1_999, 0],
  },
  {
    operation: 'refund',
    key: 'refund/lines/1',
    before: ['authorise', 'capture'],
    run: ({ refund }: Order) => refund('refund/lines/1', 700),
    answer: { refunded: 700 },
    end: ['succeeded', 1_999, 700],
  },
  {
    operation: 'refund',
    key: 'refund/return',
    before: ['authorise', 'capture'],
    run: ({ giveBack }: Order) => giveBack(),
    answer: { kind: 'refunded', amount: 1_999 },
    end: ['succeeded', 1_999, 1_999],
  },
] as const;

/** Over HTTP, at the sandbox itself, which fails as it is asked to. */
describe('payment activities, when the provider fails', () => {
  let stage: PaymentStage;
  before(async () => {
    stage = await startPaymentStage();
  });
  after(async () => await stage.stop());
  afterEach(async () => await stage.provider.endFaults());

  async function orderBefore({ before: steps }: (typeof STEPS)[number]) {
    const order = stage.newOrder({ payments: stage.direct });
    for (const step of steps) await order[step]();
    return order;
  }

  const failAt = async (
    { operation }: (typeof STEPS)[number],
    { orderKey }: Order,
    fault: { readonly how: string; readonly takesEffect: boolean; readonly times?: number },
  ) => await stage.provider.ask('faults', { operation, orderKey, ...fault });

  /** The step has its answer, and took effect once. An intent that was made and not stored holds nothing. */
  async function assertDone(step: (typeof STEPS)[number], order: Order): Promise<void> {
    const answer = (await step.run(order)) as object;
    assert.deepEqual({ ...answer, ...step.answer }, answer);
    const charges = stage
      .atProvider(order.orderKey)
      .filter(([status]) => status !== 'requires_payment_method');
    assert.deepEqual(charges, [step.end]);
    assert.equal(await stage.provider.pendingFaults(), 0, 'a fault was not met');
  }

  for (const step of STEPS) {
    describe(`at ${step.operation} (${step.key})`, () => {
      it('look before they use another key for one that answers 500 for ever (FAULTS 20)', async () => {
        for (const takesEffect of [true, false]) {
          const order = await orderBefore(step);
          await failAt(step, order, { how: 'error', takesEffect });
          await assert.rejects(step.run(order), Stripe.errors.StripeAPIError);
          // What can be looked up is: only what is not there is asked for again, first with the same key.
          const isFound = takesEffect && step.operation !== 'create';
          if (!isFound) await assert.rejects(step.run(order), Stripe.errors.StripeAPIError);
          await assertDone(step, order);
          const keys = stage.keysOf(order.orderKey).filter((key) => key.startsWith(step.key));
          assert.deepEqual(keys, isFound ? [step.key] : [step.key, `${step.key}.2`]);
        }
      });

      it('wait no longer than their deadline for an answer (FAULTS 22)', async () => {
        for (const takesEffect of [true, false]) {
          const order = await orderBefore(step);
          await failAt(step, order, { how: 'hang', takesEffect });
          const payments = stage.worker({ baseUrl: stage.provider.sandboxUrl, timeoutMs: 300 });
          const impatient = stage.newOrder({ orderKey: order.orderKey, payments });
          await assert.rejects(step.run(impatient), Stripe.errors.StripeConnectionError);
          // The provider may learn of it a little later, and until then the key is in use.
          await eventually(async () => {
            await assertDone(step, order);
            return true;
          });
          const keys = stage.keysOf(order.orderKey).filter((key) => key.startsWith(step.key));
          assert.deepEqual(keys, [step.key]);
        }
      });

      it('find what took effect before the connection broke (FAULTS 22)', async () => {
        for (const takesEffect of [true, false]) {
          const order = await orderBefore(step);
          await failAt(step, order, { how: 'drop', takesEffect });
          await assert.rejects(step.run(order), Stripe.errors.StripeConnectionError);
          await assertDone(step, order);
        }
      });

      it('look it up where the key was forgotten before they tried again (FAULTS 19)', async () => {
        for (const how of ['drop', 'error']) {
          for (const takesEffect of [true, false]) {
            const order = await orderBefore(step);
            await failAt(step, order, { how, takesEffect });
            await assert.rejects(step.run(order));
            await stage.provider.ask('keys/forget', { orderKey: order.orderKey });
            await assertDone(step, order);
          }
        }
      });

      it('take effect once where a worker dies after it, and another goes on (FAULTS 18)', async () => {
        for (const takesEffect of [true, false]) {
          // It gets no answer while the other is at work: so it is with one that was killed.
          const order = await orderBefore(step);
          await failAt(step, order, { how: 'hang', takesEffect });
          const dead = assert.rejects(step.run(order), Stripe.errors.StripeConnectionError);
          await eventually(async () => (await stage.provider.pendingFaults()) === 0);
          // What is not found may yet take effect: nothing else is tried meanwhile, and nothing undone.
          const isFound = takesEffect && step.operation !== 'create';
          if (!isFound) await assert.rejects(step.run(order), /another in-progress request/);
          else await assertDone(step, order);
          await stage.provider.endFaults();
          await dead;
          await assertDone(step, order);
          const keys = stage.keysOf(order.orderKey).filter((key) => key.startsWith(step.key));
          assert.deepEqual(keys, [step.key]);
        }
      });
    });
  }

  it('look again where the look-up fails, and charge nothing meanwhile', async () => {
    for (const how of ['error', 'hang', 'drop']) {
      const order = await orderBefore(STEPS[2]);
      const { orderKey, capture } = order;
      await stage.provider.ask('faults', { operation: 'retrieve', how, orderKey });
      await assert.rejects(capture());
      assert.deepEqual(stage.atProvider(orderKey), [['requires_capture', 0, 0]]);
      await assertDone(STEPS[2], order);
    }
  });

  it('void what is held where cancelling it fails', async () => {
    for (const how of ['error', 'hang', 'drop']) {
      for (const takesEffect of [true, false]) {
        const { orderKey, giveBack } = await orderBefore(STEPS[2]);
        await stage.provider.ask('faults', { operation: 'cancel', how, takesEffect, orderKey });
        await assert.rejects(giveBack());
        assert.deepEqual(await giveBack(), { kind: 'voided' });
        assert.deepEqual(stage.atProvider(orderKey), [['canceled', 0, 0]]);
      }
    }
  });
});
