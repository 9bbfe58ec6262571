import assert from 'node:assert/strict';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient, QueryCommand } from '@aws-sdk/lib-dynamodb';
import { deploy } from '../../dev/deploy.ts';
import { amountRefunded } from '../../dev/provider/refunds.ts';
import { synthesise } from '../../infra/app.ts';
import { createDisputeActivities } from '../../src/activities/disputes.ts';
import { createPaymentActivities } from '../../src/activities/payments.ts';
import type { DisputeActivities, PaymentActivities } from '../../src/contracts/activities.ts';
import { createStripe } from '../../src/platform/stripe.ts';
import { startTestProvider } from './provider.ts';
import { awsAccount, uniqueId } from './servers.ts';

/** What every order of the stage costs. */
export const money = { amount: 1_999, currency: 'USD' } as const;

export const VISA = 'pm_card_visa';
export const NO_FUNDS = 'pm_card_visa_chargeDeclinedInsufficientFunds';
export const THREE_D_SECURE = 'pm_card_threeDSecure2Required';

// Requests to the provider, as its proxy knows them.
export const CONFIRM = /^POST .*\/confirm$/;
export const CAPTURE = /^POST .*\/capture$/;
export const CANCEL = /^POST .*\/cancel$/;
export const CREATE = /^POST \/v1\/payment_intents$/;
export const REFUND = /^POST \/v1\/refunds$/;
export const SERVER_ERROR = { status: 500, error: { type: 'api_error', message: 'planned' } };

export type PaymentStage = Awaited<ReturnType<typeof startPaymentStage>>;

/** The payment activities between a table and a provider of their own. */
export async function startPaymentStage() {
  const provider = await startTestProvider();
  const account = awsAccount();
  const { PaymentsTable: tableName } = await deploy(account, synthesise());
  const table = DynamoDBDocumentClient.from(new DynamoDBClient(account));

  /** A worker of its own; the defaults are the proxy, and longer than any test's patience. */
  function worker({
    baseUrl = provider.url,
    apiKey = 'sk_test_waybill',
    timeoutMs = 5_000,
  } = {}): PaymentActivities {
    const stripe = createStripe({ apiKey, baseUrl, timeoutMs });
    return createPaymentActivities({ stripe, table, tableName });
  }
  const proxied = worker();
  const direct = worker({ baseUrl: provider.sandboxUrl });
  const disputes: DisputeActivities = createDisputeActivities({ table, tableName });

  /** One order and the calls on its payment. */
  function newOrder({ orderKey = uniqueId('order:web'), payments = proxied } = {}) {
    return {
      orderKey,
      authorise: (method = VISA, attempt = 1, renewal = 0) =>
        payments.authorisePayment({
          orderKey,
          money,
          method,
          attempt,
          ...(renewal > 0 && { renewal }),
        }),
      authoriseAndCapture: (capture: number, method = VISA) =>
        payments.authorisePayment({ orderKey, money, method, attempt: 1, capture }),
      capture: (amount?: number) =>
        payments.capturePayment({ orderKey, money, ...(amount !== undefined && { amount }) }),
      refund: (step: string, amount: number) => payments.refundPayment({ orderKey, step, amount }),
      giveBack: () => payments.returnPayment({ orderKey, money }),
      hold: (disputeId: string) => disputes.holdRefunds({ orderKey, disputeId }),
      decide: (disputeId: string, lost: number) =>
        disputes.closeDispute({ orderKey, disputeId, lost }),
    };
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

  return {
    provider,
    table,
    tableName,
    /** A worker at the sandbox itself. */
    direct,
    worker,
    newOrder,
    rowsOf,
    rowOf,
    intentsOf,

    /** Every intent of the order at the provider: status, captured, refunded. */
    atProvider: (orderKey: string): readonly (readonly [string, number, number])[] =>
      intentsOf(orderKey).map((intent) => [
        intent.status,
        intent.amount_received,
        amountRefunded(intent, provider.ledger.refunds.values()),
      ]),

    /** How many requests had this idempotency key. */
    requestsOf: (orderKey: string, suffix: string) =>
      provider.requests.filter((line) => line.endsWith(` ${orderKey}/${suffix}`)).length,

    /** The order's idempotency keys that have an answer at the provider. */
    keysOf: (orderKey: string) =>
      [...provider.ledger.answers.keys()].flatMap((key) =>
        key.startsWith(`${orderKey}/`) ? [key.slice(orderKey.length + 1)] : [],
      ),

    /** The order's last intent, at which something happens: a customer, a bank, time. */
    ask: (orderKey: string, path: string, body: object = {}) =>
      provider.ask(path, { intentId: intentsOf(orderKey).at(-1)?.id ?? 'none', ...body }),

    async cancelByHand(orderKey: string): Promise<void> {
      const { id = '' } = intentsOf(orderKey)[0] ?? {};
      const operator = { apiKey: 'sk_test_operator', baseUrl: provider.url, timeoutMs: 5_000 };
      await createStripe(operator).paymentIntents.cancel(id);
    },

    async stop(): Promise<void> {
      table.destroy();
      await provider.close();
    },
  };
}

/**
 * Calls again what throws, as Temporal does. A superseded attempt is given up, as Temporal has done by then; so is a
 * refund that did not begin, and one that a dispute is in the way of.
 */
export async function persist<T>(call: () => Promise<T>): Promise<T | null> {
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

const GIVEN_UP = /superseded|nothing is captured|is refundable|held until|charged back/;
