import assert from 'node:assert/strict';
import fc from 'fast-check';
import { amountsDisputed } from '../../dev/provider/disputes.ts';
import {
  CANCEL,
  CAPTURE,
  CONFIRM,
  CREATE,
  NO_FUNDS,
  type PaymentStage,
  persist,
  REFUND,
  SERVER_ERROR,
  startPaymentStage,
  THREE_D_SECURE,
  VISA,
} from '../support/paymentStage.ts';
import type { Fault } from '../support/provider.ts';

const CALLS = [
  'pay',
  'other card',
  'card with authentication',
  'pay anew',
  'customer succeeds',
  'customer fails',
  'authorisation expires',
  'capture',
  'capture a part',
  'refund a line',
  'refund another',
  'dispute',
  'win',
  'lose',
  'return',
] as const;

describe("the payment's books", () => {
  let stage: PaymentStage;
  before(async () => {
    stage = await startPaymentStage();
  });
  after(async () => await stage.stop());

  /** What may happen to one order, each as often as it likes. */
  function newLife() {
    const order = stage.newOrder();
    const { orderKey, authorise, capture, refund, giveBack, hold, decide } = order;
    const { provider, ask } = stage;
    /** What each step said it gave back, the most it said. */
    const reported: Record<string, number> = {};
    const note = async (step: string, call: () => Promise<object>) => {
      const said = (await persist(call)) as { refunded?: number; amount?: number } | null;
      const amount = said?.refunded ?? said?.amount;
      if (amount !== undefined) reported[step] = Math.max(amount, reported[step] ?? 0);
    };
    /** What the bank or the customer cannot do as things are, they do not do. */
    const maybe = (path: string, body: object = {}) =>
      ask(orderKey, path, body).catch(() => null) as Promise<{ readonly id: string } | null>;
    const open: string[] = [];
    const close = async (status: 'won' | 'lost') => {
      const id = open.pop();
      if (id === undefined) return;
      await provider.ask(`disputes/${id}/close`, { status });
      await persist(() => decide(id, status === 'lost' ? 500 : 0));
    };
    const calls: Record<(typeof CALLS)[number], () => Promise<unknown>> = {
      pay: () => persist(() => authorise(NO_FUNDS, 1)),
      'other card': () => persist(() => authorise(VISA, 2)),
      'card with authentication': () => persist(() => authorise(THREE_D_SECURE, 3)),
      'pay anew': () => persist(() => authorise(VISA, 4, 1)),
      'customer succeeds': () => maybe('authentications', { outcome: 'succeeded' }),
      'customer fails': () => maybe('authentications', { outcome: 'failed' }),
      'authorisation expires': () => maybe('expirations'),
      capture: () => persist(() => capture()),
      'capture a part': () => persist(() => capture(1_500)),
      'refund a line': () => note('line', () => refund('refund/lines/1', 700)),
      'refund another': () => note('another', () => refund('refund/lines/2', 900)),
      async dispute() {
        const opened = await maybe('disputes', { amount: 500 });
        if (!opened) return;
        await hold(opened.id);
        open.push(opened.id);
      },
      win: () => close('won'),
      lose: () => close('lost'),
      return: () => note('return', giveBack),
    };
    return { ...order, calls, reported, open };
  }

  it('are in order, whatever comes in whatever order', async function () {
    this.timeout(120_000);
    const fault = fc.record({
      on: fc.constantFrom(CREATE, CONFIRM, CAPTURE, CANCEL, REFUND),
      executes: fc.boolean(),
      answer: fc.constantFrom('cut' as const, SERVER_ERROR),
    }) satisfies fc.Arbitrary<Fault>;
    const together = fc.array(fc.constantFrom(...CALLS), { minLength: 1, maxLength: 3 });
    // Chance alone would seldom come as far as a capture.
    const beginning = fc.constantFrom<readonly (typeof CALLS)[number][]>(
      [],
      ['other card'],
      ['other card', 'capture'],
      ['other card', 'authorisation expires', 'pay anew'],
      ['card with authentication'],
    );
    await fc.assert(
      fc.asyncProperty(
        beginning,
        fc.array(together, { minLength: 1, maxLength: 5 }),
        fc.array(fault, { maxLength: 3 }),
        async (first, rounds, faults) => {
          const { orderKey, calls, reported, open } = newLife();
          stage.provider.clearFaults();
          for (const name of first) await calls[name]();
          for (const planned of faults) stage.provider.failOnce(planned);
          for (const round of rounds) await Promise.all(round.map((name) => calls[name]()));
          while (open.length > 0) await calls.win();
          const isReturned = rounds.flat().includes('return');
          // What a dispute held back is tried again.
          if (isReturned) await calls.return();

          const intents = stage.intentsOf(orderKey);
          const charged = intents.filter(
            ({ status }) => status === 'requires_capture' || status === 'succeeded',
          );
          assert.ok(charged.length <= 1, 'never two charges');
          const [, captured = 0, refunded = 0] =
            stage.atProvider(orderKey).find(([status]) => status === 'succeeded') ?? [];
          const lost = intents.reduce(
            (sum, intent) =>
              sum + amountsDisputed(intent, stage.provider.ledger.disputes.values()).lost,
            0,
          );
          const sum = Object.values(reported).reduce((total, amount) => total + amount, 0);
          assert.equal(sum, refunded);
          const rows = await stage.rowsOf(orderKey);
          const payment = rows.find(({ entry }) => entry === 'PAYMENT') ?? {};
          const { refundable = 0, overdrawn = 0 } = payment as Record<string, number>;
          assert.equal(payment['captured'] ?? 0, captured);
          assert.equal(refundable - overdrawn, captured - refunded - lost);
          if (isReturned) {
            assert.ok(intents.every(({ status }) => status !== 'requires_capture'));
            assert.equal(refundable, 0);
          }
        },
      ),
      { numRuns: 60 },
    );
  });
});
