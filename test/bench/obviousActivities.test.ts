import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { SNSClient } from '@aws-sdk/client-sns';
import { DynamoDBDocumentClient, GetCommand } from '@aws-sdk/lib-dynamodb';
import { countCalls } from '../../bench/callCounter.ts';
import { type Carrier, findCarrier } from '../../bench/carrierStandIn.ts';
import {
  createObviousActivities,
  createObviousPaymentActivities,
} from '../../bench/obviousActivities.ts';
import type { ObviousActivities, ObviousPaymentActivities } from '../../bench/obviousContract.ts';
import { deploy } from '../../dev/deploy.ts';
import { seedStock } from '../../dev/feed/stock.ts';
import { type Ledger, openLedger } from '../../dev/provider/ledger.ts';
import { createProvider } from '../../dev/provider/server.ts';
import { synthesise } from '../../infra/app.ts';
import { createScreeningActivities } from '../../src/activities/screening.ts';
import { orderWorkflowId } from '../../src/contracts/orders.ts';
import { createStripe } from '../../src/platform/stripe.ts';
import { order } from '../support/orderService.ts';
import { awsAccount, uniqueId } from '../support/servers.ts';

describe("the obvious order's activities", () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'waybill-obvious-'));
  let activities: ObviousActivities & ObviousPaymentActivities;
  let table: DynamoDBDocumentClient;
  let stockTable: string;
  let ledger: Ledger;
  let sandbox: ReturnType<typeof createProvider>;
  let carrier: Carrier;
  let calls: ReturnType<typeof countCalls>;

  before(async () => {
    const account = awsAccount();
    const outputs = await deploy(account, synthesise());
    table = DynamoDBDocumentClient.from(new DynamoDBClient(account));
    stockTable = outputs.StockTable;
    await seedStock(table, stockTable, { record: 10 });
    ledger = openLedger(path.join(folder, 'provider.jsonl'));
    sandbox = createProvider(ledger);
    const url = await sandbox.listen({ host: '127.0.0.1', port: 0 });
    carrier = await findCarrier(url);
    activities = {
      ...createObviousActivities({
        ...createScreeningActivities({ url: `${url}/screening` }),
        table,
        ordersTable: outputs.OrdersTable,
        stockTable,
        paymentsTable: outputs.PaymentsTable,
        sns: new SNSClient(account),
        topicArn: outputs.NotificationsTopicArn,
        carrierUrl: carrier.url,
      }),
      ...createObviousPaymentActivities(createStripe({ apiKey: 'sk_test_local', baseUrl: url })),
    };
    calls = countCalls();
  });

  after(async () => {
    carrier.close();
    await sandbox.close();
    ledger.close();
    table.destroy();
    rmSync(folder, { recursive: true, force: true });
  });

  async function available(): Promise<number> {
    const Key = { key: 'SKU#record' };
    const { Item } = await table.send(new GetCommand({ TableName: stockTable, Key }));
    return Item?.['available'] as number;
  }

  it('make one call each, which is counted at the client', async () => {
    const placed = order();
    const { channel, orderId, customerId } = placed;
    const orderKey = orderWorkflowId(placed);
    const money = { amount: 2_999, currency: 'USD' } as const;
    const made = async (work: () => Promise<unknown>) => {
      const before = { ...calls };
      await work();
      return Object.entries(calls).flatMap(([name, count]) =>
        count > (before[name] ?? 0) ? [`${count - (before[name] ?? 0)} ${name}`] : [],
      );
    };
    const expect = async (call: string, work: () => Promise<unknown>) =>
      assert.deepEqual(await made(work), [`1 ${call}`]);

    let intentId = '';
    await expect('dynamodb PutItem', () =>
      activities.claimRow({ orderKey, claimedBy: 'me', placed }),
    );
    await expect('http POST /screening', () =>
      activities.screenOrder({ orderKey, customerId, total: money, pieces: 1 }),
    );
    await expect('dynamodb TransactWriteItems', () =>
      activities.reserve({ orderKey, pieces: [{ sku: 'record', quantity: 1 }] }),
    );
    await expect('dynamodb UpdateItem', () => activities.writeStatus({ orderKey, status: 'paid' }));
    await expect('http POST /v1', async () => {
      intentId = (await activities.createIntent({ orderKey, money })).id;
    });
    await expect('dynamodb PutItem', () => activities.storeIntent({ orderKey, intentId }));
    await expect('http POST /v1', () =>
      activities.confirm({ orderKey, intentId, method: 'pm_card_visa' }),
    );
    await expect('http POST /v1', () => activities.capture({ orderKey, intentId }));
    await expect('sns', () =>
      activities.publish({ orderKey, channel, orderId, customerId, status: 'paid', version: 1 }),
    );
    await expect('http PUT /carrier', () => activities.createShipment({ orderKey, placed }));
    await expect('dynamodb UpdateItem', () => activities.closeRow({ orderKey }));
  });

  it('take effect once, however often they are tried', async () => {
    const placed = order();
    const orderKey = orderWorkflowId(placed);
    const twice = async <T>(work: () => Promise<T>): Promise<readonly [T, T]> => [
      await work(),
      await work(),
    ];
    const claimedBy = uniqueId('run');
    assert.deepEqual(await twice(() => activities.claimRow({ orderKey, claimedBy, placed })), [
      'claimed',
      'claimed',
    ]);
    assert.equal(
      await activities.claimRow({ orderKey, claimedBy: 'another', placed }),
      'duplicate',
    );

    const stockBefore = await available();
    await twice(() => activities.reserve({ orderKey, pieces: [{ sku: 'record', quantity: 2 }] }));
    assert.equal(await available(), stockBefore - 2);

    const money = { amount: 2_999, currency: 'USD' } as const;
    const [one, other] = await twice(() => activities.createIntent({ orderKey, money }));
    assert.equal(one.id, other.id);
    const intentId = one.id;
    await twice(() => activities.confirm({ orderKey, intentId, method: 'pm_card_visa' }));
    await twice(() => activities.capture({ orderKey, intentId }));
    assert.equal(ledger.intents.get(intentId)?.amount_received, 2_999);
    await twice(() => activities.createShipment({ orderKey, placed }));
  });

  it('do not take what is not there', async () => {
    const orderKey = uniqueId('order:web:order');
    const pieces = [{ sku: 'record', quantity: 1_000 }];
    await assert.rejects(activities.reserve({ orderKey, pieces }), /ConditionalCheckFailed/);
  });
});
