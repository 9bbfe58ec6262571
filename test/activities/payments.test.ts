import assert from 'node:assert/strict';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient, QueryCommand } from '@aws-sdk/lib-dynamodb';
import fc from 'fast-check';
import Stripe from 'stripe';
import { deploy } from '../../dev/deploy.ts';
import { amountRefunded } from '../../dev/provider/refunds.ts';
import { synthesise } from '../../infra/app.ts';
import { createPaymentActivities } from '../../src/activities/payments.ts';
import { paymentTable } from '../../src/activities/paymentTable.ts';
import { refundTable } from '../../src/activities/refundTable.ts';
import type { PaymentActivities } from '../../src/contracts/activities.ts';
import { createStripe } from '../../src/platform/stripe.ts';
import { type Fault, startTestProvider, type TestProvider } from '../support/provider.ts';
import { awsAccount, eventually, uniqueId } from '../support/servers.ts';

const money = { amount: 1_999, currency: 'USD' } as const;
const VISA = 'pm_card_visa';
const NO_FUNDS = 'pm_card_visa_chargeDeclinedInsufficientFunds';

const CONFIRM = /^POST .*\/confirm$/;
const CAPTURE = /^POST .*\/capture$/;
const CANCEL = /^POST .*\/cancel$/;
const CREATE = /^POST \/v1\/payment_intents$/;
const REFUND = /^POST \/v1\/refunds$/;
const SERVER_ERROR = { status: 500, error: { type: 'api_error', message: 'planned' } };

describe('payment activities', () => {
  let provider: TestProvider;
  let table: DynamoDBDocumentClient;
  let tableName: string;
  let payments: PaymentActivities;

  before(async () => {
    provider = await startTestProvider();
    const account = awsAccount();
    ({ PaymentsTable: tableName } = await deploy(account, synthesise()));
    table = DynamoDBDocumentClient.from(new DynamoDBClient(account));
    payments = paymentsWith('sk_test_waybill');
  });
  after(() => provider.close());
  afterEach(() => provider.clearFaults());

  function paymentsWith(apiKey: string): PaymentActivities {
    const stripe = createStripe({ apiKey, baseUrl: provider.url, timeoutMs: 5_000 });
    return createPaymentActivities({ stripe, table, tableName });
  }

  /** One order and the calls on its payment. */
  function newOrder(orderKey = uniqueId('order:web')) {
    const authorise = (method = VISA, attempt = 1) =>
      payments.authorisePayment({ orderKey, money, method, attempt });
    const capture = (amount?: number) =>
      payments.capturePayment({ orderKey, money, ...(amount !== undefined && { amount }) });
    const refund = (step: string, amount: number) =>
      payments.refundPayment({ orderKey, step, amount });
    const giveBack = () => payments.returnPayment({ orderKey, money });
    return { orderKey, authorise, capture, refund, giveBack };
  }

  async function rowsOf(orderKey: string): Promise<readonly Record<string, unknown>[]> {
    const { Items: items = [] } = await table.send(
      new QueryCommand({
        TableName: tableName,
        KeyConditionExpression: 'orderKey = :key',
        ExpressionAttributeValues: { ':key': orderKey },
        ConsistentRead: true,
      }),
    );
    return items;
  }

  async function rowOf(orderKey: string) {
    const row = (await rowsOf(orderKey)).find(({ entry }) => entry === 'PAYMENT');
    assert.ok(row);
    const { status, captured, refundable } = row;
    return { status, captured, refundable };
  }

  function intentsOf(orderKey: string) {
    const all = [...provider.ledger.intents.values()];
    return all.filter((intent) => intent.metadata['orderKey'] === orderKey);
  }

  /** Every intent of the order at the provider: status, captured, refunded. */
  function atProvider(orderKey: string): readonly (readonly [string, number, number])[] {
    return intentsOf(orderKey).map((intent) => [
      intent.status,
      intent.amount_received,
      amountRefunded(intent, provider.ledger.refunds.values()),
    ]);
  }

  const requestsOf = (orderKey: string, suffix: string) =>
    provider.requests.filter((line) => line.endsWith(` ${orderKey}/${suffix}`)).length;

  /** A promise that the test fulfils. */
  const gate = () => Promise.withResolvers<void>();

  describe('authorisePayment', () => {
    it('holds the money once, however often it is called', async () => {
      const { orderKey, authorise } = newOrder();
      const first = await authorise();
      assert.equal(first.kind, 'authorised');
      assert.deepEqual(await authorise(), first);
      assert.deepEqual(atProvider(orderKey), [['requires_capture', 0, 0]]);
      assert.equal(requestsOf(orderKey, 'confirm/1'), 1);
      assert.deepEqual(await rowOf(orderKey), { status: 'open', captured: 0, refundable: 0 });
    });

    it('answers what the provider did when its answer was lost', async () => {
      for (const on of [CREATE, CONFIRM]) {
        const { orderKey, authorise } = newOrder();
        provider.failOnce({ on, answer: 'cut' });
        await assert.rejects(authorise(), Stripe.errors.StripeConnectionError);
        assert.equal((await authorise()).kind, 'authorised');
        assert.deepEqual(atProvider(orderKey), [['requires_capture', 0, 0]]);
      }
    });

    it('says who declined, and the same when it is asked again', async () => {
      for (const [method, severity, code] of [
        ['pm_card_visa_chargeDeclined', 'soft', 'generic_decline'],
        [NO_FUNDS, 'soft', 'insufficient_funds'],
        ['pm_card_chargeDeclinedExpiredCard', 'soft', 'expired_card'],
        ['pm_card_visa_chargeDeclinedLostCard', 'hard', 'lost_card'],
        ['pm_card_threeDSecure2Required', 'soft', 'authentication_required'],
        ['pm_unknown', 'soft', 'resource_missing'],
      ] as const) {
        const { orderKey, authorise } = newOrder();
        const answer = await authorise(method);
        const intentId = intentsOf(orderKey)[0]?.id;
        assert.deepEqual(answer, { kind: 'declined', intentId, severity, code });
        assert.deepEqual(await authorise(method), answer);
        assert.equal((await authorise(VISA, 2)).kind, 'authorised');
        assert.equal(intentsOf(orderKey).length, 1);
      }
    });

    it('answers a decline that it did not hear of', async () => {
      const { orderKey, authorise } = newOrder();
      provider.failOnce({ on: CONFIRM, answer: 'cut' });
      await assert.rejects(authorise(NO_FUNDS));
      const answer = await authorise(NO_FUNDS);
      assert.ok(answer.kind === 'declined' && answer.code === 'insufficient_funds');
      assert.equal(requestsOf(orderKey, 'confirm/1'), 1);
    });

    it('does not take an earlier decline of the same method for this attempt', async () => {
      const { orderKey, authorise } = newOrder();
      await authorise(NO_FUNDS, 1);
      provider.failOnce({ on: CONFIRM, executes: false, answer: 'cut' });
      await assert.rejects(authorise(NO_FUNDS, 2));
      await authorise(NO_FUNDS, 2);
      assert.equal(requestsOf(orderKey, 'confirm/2'), 2);
      // The later attempt has begun: the earlier one may not charge any more.
      await assert.rejects(authorise(VISA, 1), /superseded/);
    });

    it('declines an amount that cannot be charged', async () => {
      const orderKey = uniqueId('order:web');
      const request = { orderKey, money: { amount: 49, currency: 'USD' }, method: VISA } as const;
      const answer = {
        kind: 'declined',
        intentId: null,
        severity: 'hard',
        code: 'amount_too_small',
      };
      assert.deepEqual(await payments.authorisePayment({ ...request, attempt: 1 }), answer);
      assert.deepEqual(await payments.authorisePayment({ ...request, attempt: 1 }), answer);
      assert.deepEqual(await payments.returnPayment(request), { kind: 'nothing' });
    });

    it('does not decline an order for a key, a limit or a fault of ours', async () => {
      const { orderKey, authorise } = newOrder();
      const request = { orderKey, money, method: VISA, attempt: 1 };
      await assert.rejects(
        paymentsWith('sk_live_wrong').authorisePayment(request),
        Stripe.errors.StripeAuthenticationError,
      );
      for (const [status, type] of [
        [429, 'invalid_request_error'],
        [409, 'invalid_request_error'],
        [403, 'invalid_request_error'],
        [400, 'invalid_request_error'],
      ] as const) {
        const order = newOrder();
        provider.failOnce({ on: CREATE, answer: { status, error: { type, message: 'planned' } } });
        await assert.rejects(order.authorise(), /planned/);
      }
      assert.equal((await authorise()).kind, 'authorised');
      await assert.rejects(
        payments.authorisePayment({ ...request, money: { amount: 1_999, currency: 'EUR' } }),
        /expected 1999 USD, received 1999 EUR/,
      );
    });

    it('looks before it uses another key for one that answers 500 for ever', async () => {
      for (const [on, executes, calls, keys] of [
        [CREATE, false, 3, ['payment-intent', 'payment-intent.2']],
        [CONFIRM, false, 3, ['confirm/1', 'confirm/1.2']],
        [CONFIRM, true, 2, ['confirm/1']],
      ] as const) {
        const { orderKey, authorise } = newOrder();
        provider.failOnce({ on, executes, answer: SERVER_ERROR });
        for (let call = 1; call < calls; call += 1) await assert.rejects(authorise(), /planned/);
        assert.equal((await authorise()).kind, 'authorised');
        assert.deepEqual(atProvider(orderKey), [['requires_capture', 0, 0]]);
        const [step = ''] = keys;
        const used = provider.requests.filter((line) => line.includes(` ${orderKey}/${step}`));
        const distinct = new Set(used.map((line) => line.split(' ')[2]));
        assert.deepEqual(
          [...distinct],
          keys.map((key) => `${orderKey}/${key}`),
        );
      }
    });

    it('keeps keys within the length the provider takes', async () => {
      const { authorise, capture } = newOrder(
        `order:${'c'.repeat(128)}:${uniqueId('o'.repeat(115))}`,
      );
      assert.equal((await authorise()).kind, 'authorised');
      assert.deepEqual(await capture(), { kind: 'captured', amount: 1_999 });
    });

    it('lets only one of two workers create the intent', async () => {
      const { orderKey, authorise } = newOrder();
      const answers = await Promise.all([persist(authorise), persist(authorise)]);
      assert.deepEqual(answers[0], answers[1]);
      assert.deepEqual(atProvider(orderKey), [['requires_capture', 0, 0]]);
    });

    it('declines when the intent was cancelled by hand', async () => {
      const { orderKey, authorise } = newOrder();
      await authorise(NO_FUNDS);
      await cancelByHand(orderKey);
      const answer = await authorise(VISA, 2);
      assert.ok(answer.kind === 'declined' && answer.severity === 'hard');
    });
  });

  describe('capturePayment', () => {
    it('takes the money once and records it', async () => {
      const { orderKey, authorise, capture } = newOrder();
      await authorise();
      assert.deepEqual(await capture(), { kind: 'captured', amount: 1_999 });
      assert.deepEqual(await capture(), { kind: 'captured', amount: 1_999 });
      assert.deepEqual(atProvider(orderKey), [['succeeded', 1_999, 0]]);
      assert.deepEqual(await rowOf(orderKey), {
        status: 'captured',
        captured: 1_999,
        refundable: 1_999,
      });
      assert.equal((await authorise()).kind, 'authorised');
    });

    it('records what it took when the answer was lost', async () => {
      for (const answer of ['cut', SERVER_ERROR] as const) {
        const { orderKey, authorise, capture } = newOrder();
        await authorise();
        provider.failOnce({ on: CAPTURE, answer });
        await assert.rejects(capture());
        assert.deepEqual(await capture(), { kind: 'captured', amount: 1_999 });
        assert.equal(requestsOf(orderKey, 'capture'), 1);
        assert.equal((await rowOf(orderKey)).captured, 1_999);
      }
    });

    it('uses another key where a 500 took nothing', async () => {
      const { orderKey, authorise, capture } = newOrder();
      await authorise();
      provider.failOnce({ on: CAPTURE, executes: false, answer: SERVER_ERROR });
      await assert.rejects(capture());
      await assert.rejects(capture());
      assert.deepEqual(await capture(), { kind: 'captured', amount: 1_999 });
      assert.equal(requestsOf(orderKey, 'capture.2'), 1);
    });

    it('says that the authorisation lapsed', async () => {
      const never = newOrder();
      const code = 'payment_not_authorised';
      assert.deepEqual(await never.capture(), { kind: 'lapsed', code });
      const declined = newOrder();
      await declined.authorise(NO_FUNDS);
      assert.deepEqual(await declined.capture(), { kind: 'lapsed', code });
      const expired = newOrder();
      await expired.authorise();
      await cancelByHand(expired.orderKey);
      assert.deepEqual(await expired.capture(), {
        kind: 'lapsed',
        code: 'payment_intent_canceled',
      });
    });
  });

  describe('capturePayment of a part', () => {
    it('takes what is asked, lets go of the rest, and says so on repeats', async () => {
      const { orderKey, authorise, capture, giveBack } = newOrder();
      await authorise();
      const answer = { kind: 'captured', amount: 1_200 };
      assert.deepEqual(await capture(1_200), answer);
      assert.deepEqual(await capture(1_200), answer);
      // What is captured is captured, whatever is asked for afterwards.
      assert.deepEqual(await capture(), answer);
      assert.deepEqual(atProvider(orderKey), [['succeeded', 1_200, 0]]);
      assert.deepEqual(await rowOf(orderKey), {
        status: 'captured',
        captured: 1_200,
        refundable: 1_200,
      });
      assert.deepEqual(await giveBack(), { kind: 'refunded', amount: 1_200 });
    });

    it('says what was taken when the answer was lost, also where another amount is asked for', async () => {
      for (const answer of ['cut', SERVER_ERROR] as const) {
        const { orderKey, authorise, capture } = newOrder();
        await authorise();
        provider.failOnce({ on: CAPTURE, answer });
        await assert.rejects(capture(1_200));
        assert.deepEqual(await capture(500), { kind: 'captured', amount: 1_200 });
        assert.equal((await rowOf(orderKey)).refundable, 1_200);
      }
    });

    it('can be asked for another amount where nothing was taken', async () => {
      const { orderKey, authorise, capture } = newOrder();
      await authorise();
      provider.failOnce({ on: CAPTURE, executes: false, answer: SERVER_ERROR });
      await assert.rejects(capture(1_200));
      assert.deepEqual(await capture(500), { kind: 'captured', amount: 500 });
      assert.deepEqual(atProvider(orderKey), [['succeeded', 500, 0]]);
    });

    it('takes nothing of an amount that cannot be', async () => {
      const { orderKey, authorise, capture } = newOrder();
      await authorise();
      for (const amount of [0, -1, 1.5, 2_000, Number.NaN]) {
        await assert.rejects(capture(amount), RangeError);
      }
      assert.deepEqual(atProvider(orderKey), [['requires_capture', 0, 0]]);
    });
  });

  describe('refundPayment', () => {
    it('gives back once for each step, and never more in all than was captured', async () => {
      const { orderKey, authorise, capture, refund } = newOrder();
      await authorise();
      await capture(1_500);
      assert.deepEqual(await refund('refund/lines/1', 700), { refunded: 700 });
      assert.deepEqual(await refund('refund/lines/1', 700), { refunded: 700 });
      await assert.rejects(refund('refund/lines/2', 801), /less than 801 is refundable/);
      assert.deepEqual(await refund('refund/return/r-1', 800), { refunded: 800 });
      assert.deepEqual(atProvider(orderKey), [['succeeded', 1_500, 1_500]]);
      assert.deepEqual(await rowOf(orderKey), {
        status: 'captured',
        captured: 1_500,
        refundable: 0,
      });
      const ids = (await rowsOf(orderKey)).flatMap(({ refundId }) => refundId ?? []);
      assert.deepEqual(ids, [`${orderKey}/refund/lines/1`, `${orderKey}/refund/return/r-1`]);
    });

    it('gives back once when many workers do so at the same time', async () => {
      const { orderKey, authorise, capture, refund } = newOrder();
      await authorise();
      await capture();
      const once = () => persist(() => refund('refund/lines/1', 700));
      assert.deepEqual(await Promise.all([once(), once(), once()]), [
        { refunded: 700 },
        { refunded: 700 },
        { refunded: 700 },
      ]);
      assert.deepEqual(atProvider(orderKey), [['succeeded', 1_999, 700]]);
    });

    it('goes on where it stopped', async () => {
      for (const [executes, answer, calls] of [
        [true, 'cut', 1],
        [false, 'cut', 1],
        [true, SERVER_ERROR, 1],
        [false, SERVER_ERROR, 2],
      ] as const) {
        const { orderKey, authorise, capture, refund } = newOrder();
        await authorise();
        await capture();
        provider.failOnce({ on: REFUND, executes, answer });
        for (let call = 0; call < calls; call += 1) {
          await assert.rejects(refund('refund/lines/1', 700));
        }
        assert.equal((await rowOf(orderKey)).refundable, 1_299);
        assert.deepEqual(await refund('refund/lines/1', 700), { refunded: 700 });
        assert.deepEqual(atProvider(orderKey), [['succeeded', 1_999, 700]]);
      }
    });

    it('makes the amount refundable again when the provider refuses', async () => {
      const { orderKey, authorise, capture, refund } = newOrder();
      await authorise();
      await capture();
      const error = { type: 'invalid_request_error', message: 'planned refusal' };
      provider.failOnce({ on: REFUND, executes: false, answer: { status: 400, error } });
      await assert.rejects(refund('refund/lines/1', 700), /planned refusal/);
      assert.equal((await rowOf(orderKey)).refundable, 1_999);
      assert.deepEqual(await refund('refund/lines/1', 700), { refunded: 700 });
    });

    it('waits for what is not captured, and gives nothing of what was returned', async () => {
      const { orderKey, authorise, capture, refund, giveBack } = newOrder();
      await assert.rejects(refund('refund/lines/1', 700), /nothing is captured/);
      await authorise();
      await assert.rejects(refund('refund/lines/1', 700), /nothing is captured/);
      await capture();
      await giveBack();
      assert.deepEqual(await refund('refund/lines/1', 700), { refunded: 0 });
      assert.deepEqual(atProvider(orderKey), [['succeeded', 1_999, 1_999]]);
      const never = newOrder();
      await never.giveBack();
      assert.deepEqual(await never.refund('refund/lines/1', 700), { refunded: 0 });
    });

    it('takes no amount that cannot be', async () => {
      const { orderKey, authorise, capture, refund } = newOrder();
      await authorise();
      await capture();
      for (const amount of [0, -1, 1.5, Number.NaN]) {
        await assert.rejects(refund('refund/lines/1', amount), RangeError);
      }
      assert.equal((await rowOf(orderKey)).refundable, 1_999);
    });
  });

  describe('returnPayment', () => {
    it('refuses what comes after it', async () => {
      const { orderKey, authorise, capture, giveBack } = newOrder();
      assert.deepEqual(await giveBack(), { kind: 'nothing' });
      assert.deepEqual(await authorise(), { kind: 'returned' });
      assert.deepEqual(await capture(), { kind: 'lapsed', code: 'payment_returned' });
      assert.deepEqual(await giveBack(), { kind: 'nothing' });
      assert.deepEqual(atProvider(orderKey), []);
    });

    it('voids what is held', async () => {
      const { orderKey, authorise, giveBack } = newOrder();
      await authorise();
      assert.deepEqual(await giveBack(), { kind: 'voided' });
      assert.deepEqual(await giveBack(), { kind: 'voided' });
      assert.deepEqual(atProvider(orderKey), [['canceled', 0, 0]]);
      assert.deepEqual(await authorise(), { kind: 'returned' });
    });

    it('voids what may still be confirmed', async () => {
      const { orderKey, authorise, giveBack } = newOrder();
      await authorise('pm_card_threeDSecure2Required');
      assert.deepEqual(await giveBack(), { kind: 'voided' });
      assert.deepEqual(atProvider(orderKey), [['canceled', 0, 0]]);
    });

    it('refunds what is captured, once', async () => {
      const { orderKey, authorise, capture, giveBack } = newOrder();
      await authorise();
      await capture();
      assert.deepEqual(await giveBack(), { kind: 'refunded', amount: 1_999 });
      assert.deepEqual(await giveBack(), { kind: 'refunded', amount: 1_999 });
      assert.deepEqual(await Promise.all([giveBack(), giveBack()]), [
        { kind: 'refunded', amount: 1_999 },
        { kind: 'refunded', amount: 1_999 },
      ]);
      assert.deepEqual(atProvider(orderKey), [['succeeded', 1_999, 1_999]]);
      assert.deepEqual(await rowOf(orderKey), {
        status: 'returned',
        captured: 1_999,
        refundable: 0,
      });
    });

    it('refunds once when two workers return at the same time', async () => {
      const { orderKey, authorise, capture, giveBack } = newOrder();
      await authorise();
      await capture();
      await Promise.all([persist(giveBack), persist(giveBack), persist(giveBack)]);
      assert.deepEqual(atProvider(orderKey), [['succeeded', 1_999, 1_999]]);
      assert.equal((await rowOf(orderKey)).refundable, 0);
    });

    it('refunds a capture that nobody recorded', async () => {
      const { orderKey, authorise, capture, giveBack } = newOrder();
      await authorise();
      provider.failOnce({ on: CAPTURE, answer: 'cut' });
      await assert.rejects(capture());
      assert.deepEqual(await giveBack(), { kind: 'refunded', amount: 1_999 });
      assert.deepEqual(atProvider(orderKey), [['succeeded', 1_999, 1_999]]);
      assert.deepEqual(await rowOf(orderKey), {
        status: 'returned',
        captured: 1_999,
        refundable: 0,
      });
    });

    it('goes on where it stopped', async () => {
      for (const [executes, answer, calls] of [
        [true, 'cut', 1],
        [false, 'cut', 1],
        [true, SERVER_ERROR, 1],
        [false, SERVER_ERROR, 2],
      ] as const) {
        const { orderKey, authorise, capture, giveBack } = newOrder();
        await authorise();
        await capture();
        provider.failOnce({ on: REFUND, executes, answer });
        for (let call = 0; call < calls; call += 1) await assert.rejects(giveBack());
        assert.equal((await rowOf(orderKey)).refundable, 0);
        assert.deepEqual(await giveBack(), { kind: 'refunded', amount: 1_999 });
        assert.deepEqual(atProvider(orderKey), [['succeeded', 1_999, 1_999]]);
      }
    });

    it('makes the amount refundable again when the provider refuses', async () => {
      const { orderKey, authorise, capture, giveBack } = newOrder();
      await authorise();
      await capture();
      const error = { type: 'invalid_request_error', message: 'planned refusal' };
      provider.failOnce({ on: REFUND, executes: false, answer: { status: 400, error } });
      await assert.rejects(giveBack(), /planned refusal/);
      assert.equal((await rowOf(orderKey)).refundable, 1_999);
      assert.deepEqual(await giveBack(), { kind: 'refunded', amount: 1_999 });
      assert.equal((await rowOf(orderKey)).refundable, 0);
      assert.equal(requestsOf(orderKey, 'refund/return.2'), 1);
    });

    it('refunds what other refunds have left', async () => {
      const { orderKey, authorise, capture, refund, giveBack } = newOrder();
      await authorise();
      await capture();
      await refund('refund/lines/1', 1_200);
      const answer = { kind: 'refunded', amount: 799 };
      assert.deepEqual(await giveBack(), answer);
      assert.deepEqual(await giveBack(), answer);
      assert.deepEqual(atProvider(orderKey), [['succeeded', 1_999, 1_999]]);
    });

    it('lets no other refund begin once it has closed the payment', async () => {
      const { orderKey, authorise, capture, giveBack } = newOrder();
      await authorise();
      await capture();
      // As a return does that dies right after it.
      await paymentTable(table, tableName).close(orderKey, money);
      const late = refundTable(table, tableName).enter(orderKey, 'late', 700, 'captured');
      await assert.rejects(late, /the payment is not captured/);
      assert.deepEqual(await giveBack(), { kind: 'refunded', amount: 1_999 });
    });

    it('refunds nothing where other refunds have left nothing', async () => {
      const { orderKey, authorise, capture, refund, giveBack } = newOrder();
      await authorise();
      await capture();
      await refund('refund/lines/1', 1_999);
      assert.deepEqual(await giveBack(), { kind: 'refunded', amount: 0 });
      assert.deepEqual(atProvider(orderKey), [['succeeded', 1_999, 1_999]]);
    });

    it('ends a refund that was left half-way, and gives back the rest', async () => {
      for (const executes of [true, false]) {
        const { orderKey, authorise, capture, refund, giveBack } = newOrder();
        await authorise();
        await capture();
        provider.failOnce({ on: REFUND, executes, answer: 'cut' });
        await assert.rejects(refund('refund/lines/1', 700));
        assert.deepEqual(await giveBack(), { kind: 'refunded', amount: 1_299 });
        assert.deepEqual(atProvider(orderKey), [['succeeded', 1_999, 1_999]]);
        assert.deepEqual(await refund('refund/lines/1', 700), { refunded: 700 });
      }
    });

    it('takes into its own what a refund that began before it was refused', async () => {
      const { orderKey, authorise, capture, refund, giveBack } = newOrder();
      await authorise();
      await capture();
      provider.failOnce({ on: REFUND, executes: false, answer: 'cut' });
      await assert.rejects(refund('refund/lines/1', 700));
      const error = { type: 'invalid_request_error', message: 'planned refusal' };
      provider.failOnce({ on: REFUND, executes: false, answer: { status: 400, error } });
      await assert.rejects(giveBack(), /planned refusal/);
      assert.deepEqual(await giveBack(), { kind: 'refunded', amount: 1_999 });
      assert.deepEqual(await refund('refund/lines/1', 700), { refunded: 0 });
      assert.deepEqual(atProvider(orderKey), [['succeeded', 1_999, 1_999]]);
    });

    it('wins over a refund that had not begun, and leaves one that had as it is', async () => {
      const { orderKey, authorise, capture, refund, giveBack } = newOrder();
      await authorise();
      await capture();
      const { promise, resolve } = gate();
      provider.failOnce({ on: REFUND, after: promise });
      const begun = refund('refund/lines/1', 700);
      await eventually(() => requestsOf(orderKey, 'refund/lines/1') === 1);
      const returning = persist(giveBack);
      // The return asks for the same refund itself, under the same key.
      await eventually(() => requestsOf(orderKey, 'refund/lines/1') === 2);
      resolve();
      assert.deepEqual(await begun, { refunded: 700 });
      assert.deepEqual(await returning, { kind: 'refunded', amount: 1_299 });
      assert.deepEqual(await refund('refund/lines/2', 100), { refunded: 0 });
      assert.deepEqual(atProvider(orderKey), [['succeeded', 1_999, 1_999]]);
    });

    it('wins over a confirmation that is still under way', async () => {
      const { orderKey, authorise, giveBack } = newOrder();
      const { promise, resolve } = gate();
      provider.failOnce({ on: CONFIRM, after: promise });
      const late = authorise();
      await eventually(() => requestsOf(orderKey, 'confirm/1') === 1);
      assert.deepEqual(await giveBack(), { kind: 'voided' });
      resolve();
      assert.deepEqual(await late, { kind: 'returned' });
      assert.deepEqual(atProvider(orderKey), [['canceled', 0, 0]]);
    });

    it('wins over an intent that is still being created', async () => {
      const { orderKey, authorise, giveBack } = newOrder();
      const { promise, resolve } = gate();
      provider.failOnce({ on: CREATE, after: promise });
      const late = authorise();
      await eventually(() => requestsOf(orderKey, 'payment-intent') === 1);
      assert.deepEqual(await giveBack(), { kind: 'nothing' });
      resolve();
      assert.deepEqual(await late, { kind: 'returned' });
      assert.deepEqual(atProvider(orderKey), [['requires_payment_method', 0, 0]]);
      assert.deepEqual(await giveBack(), { kind: 'nothing' });
    });

    it('wins over a capture that comes too late, and refunds one that came first', async () => {
      for (const [held, first, end] of [
        [CAPTURE, 'return', ['canceled', 0, 0]],
        [CANCEL, 'capture', ['succeeded', 1_999, 1_999]],
      ] as const) {
        const { orderKey, authorise, capture, giveBack } = newOrder();
        await authorise();
        const { promise, resolve } = gate();
        const id = intentsOf(orderKey)[0]?.id ?? '';
        provider.failOnce({ on: held, after: promise });
        const isHeld = () => {
          const verb = first === 'return' ? 'capture' : 'cancel';
          return provider.requests.some((line) => line.includes(`/${id}/${verb}`));
        };
        if (first === 'return') {
          const late = capture();
          await eventually(isHeld);
          assert.deepEqual(await giveBack(), { kind: 'voided' });
          resolve();
          assert.equal((await late).kind, 'lapsed');
        } else {
          // The capture was under way when the return began: it saw the payment open.
          const capturing = gate();
          provider.failOnce({ on: CAPTURE, after: capturing.promise });
          const early = capture();
          await eventually(() => requestsOf(orderKey, 'capture') === 1);
          const returning = giveBack();
          await eventually(isHeld);
          capturing.resolve();
          assert.deepEqual(await early, { kind: 'lapsed', code: 'payment_returned' });
          resolve();
          assert.deepEqual(await returning, { kind: 'refunded', amount: 1_999 });
        }
        assert.deepEqual(atProvider(orderKey), [end]);
      }
    });
  });

  it('ends with the books in order, whatever comes in whatever order', async function () {
    this.timeout(60_000);
    const fault = fc.record({
      on: fc.constantFrom(CREATE, CONFIRM, CAPTURE, CANCEL, REFUND),
      executes: fc.boolean(),
      answer: fc.constantFrom('cut' as const, SERVER_ERROR),
    }) satisfies fc.Arbitrary<Fault>;
    const call = fc.constantFrom(
      'pay',
      'other card',
      'capture',
      'capture a part',
      'refund a line',
      'refund another',
      'return',
    );
    const together = fc.array(call, { minLength: 1, maxLength: 3 });
    await fc.assert(
      fc.asyncProperty(
        fc.array(together, { minLength: 1, maxLength: 4 }),
        fc.array(fault, { maxLength: 3 }),
        async (rounds, faults) => {
          const { orderKey, authorise, capture, refund, giveBack } = newOrder();
          const calls: Record<string, () => Promise<unknown>> = {
            pay: () => authorise(NO_FUNDS, 1),
            'other card': () => authorise(VISA, 2),
            capture: () => capture(),
            'capture a part': () => capture(1_500),
            'refund a line': () => refund('refund/lines/1', 700),
            'refund another': () => refund('refund/lines/2', 900),
            return: giveBack,
          };
          // What each step said it gave back, the most it said.
          const reported: Record<string, number> = {};
          const note = (name: string, answer: unknown) => {
            const said = answer as { refunded?: number; amount?: number } | null;
            const amount = name === 'return' ? said?.amount : said?.refunded;
            if (amount !== undefined) reported[name] = Math.max(amount, reported[name] ?? 0);
          };
          provider.clearFaults();
          for (const planned of faults) provider.failOnce(planned);
          for (const round of rounds) {
            await Promise.all(
              round.map(async (name) => {
                note(name, await persist(calls[name] as () => Promise<unknown>));
              }),
            );
          }

          const charged = atProvider(orderKey).filter(
            ([status]) => status !== 'requires_payment_method',
          );
          assert.ok(charged.length <= 1, 'never two charges');
          const [status = 'none', captured = 0, refunded = 0] = charged[0] ?? [];
          if (rounds.flat().includes('return')) {
            assert.notEqual(status, 'requires_capture');
            assert.equal(refunded, captured);
          }
          assert.equal(
            Object.values(reported).reduce((sum, amount) => sum + amount, 0),
            refunded,
          );
          const rows = await rowsOf(orderKey);
          const payment = rows.find(({ entry }) => entry === 'PAYMENT');
          assert.equal(payment?.['captured'] ?? 0, captured);
          assert.equal(payment?.['refundable'] ?? 0, captured - refunded);
        },
      ),
      { numRuns: 40 },
    );
  });

  async function cancelByHand(orderKey: string): Promise<void> {
    const { id = '' } = intentsOf(orderKey)[0] ?? {};
    await createStripe({
      apiKey: 'sk_test_operator',
      baseUrl: provider.url,
      timeoutMs: 5_000,
    }).paymentIntents.cancel(id);
  }
});

/**
 * Calls again what throws, as Temporal does. A superseded attempt is given up, as Temporal has done by then; so is a
 * refund that did not begin.
 */
async function persist<T>(call: () => Promise<T>): Promise<T | null> {
  let last: unknown;
  for (let attempt = 0; attempt < 20; attempt += 1) {
    try {
      return await call();
    } catch (error) {
      if (error instanceof Error && GIVEN_UP.test(error.message)) return null;
      last = error;
    }
  }
  throw last;
}

const GIVEN_UP = /superseded|nothing is captured|is refundable/;
