import assert from 'node:assert/strict';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { DeleteMessageBatchCommand, ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import {
  DynamoDBDocumentClient,
  GetCommand,
  PutCommand,
  QueryCommand,
} from '@aws-sdk/lib-dynamodb';
import { deploy } from '../../dev/deploy.ts';
import { synthesise } from '../../infra/app.ts';
import { createLowStock } from '../../src/activities/lowStock.ts';
import { createStockActivities } from '../../src/activities/stock.ts';
import { checkStock } from '../../src/console/checks.ts';
import { readTables } from '../../src/console/tables.ts';
import { EVENTS } from '../../src/contracts/events.ts';
import { awsAccount, eventually, uniqueId } from './servers.ts';

/** What a SKU begins with; without a threshold it never is low. */
export interface TestSku {
  readonly available: number;
  readonly threshold?: number;
  readonly target?: number;
}

/** Stock, queues of back-orders, and the bus with the queue behind it, on an account of their own. */
export async function startStock() {
  const account = awsAccount();
  const outputs = await deploy(account, synthesise());
  const { StockTable: stockTable, BackOrdersTable: backOrdersTable } = outputs;
  const table = DynamoDBDocumentClient.from(new DynamoDBClient(account), {
    marshallOptions: { removeUndefinedValues: true },
  });
  const eventBridge = new EventBridgeClient(account);
  const sqs = new SQSClient(account);
  const onBus = { table, stockTable, eventBridge, eventBusName: outputs.EventBusName };
  const lowStock = createLowStock(onBus);
  const stock = createStockActivities({ table, stockTable, backOrdersTable, lowStock });

  async function read(key: string): Promise<Record<string, unknown> | undefined> {
    const command = new GetCommand({ TableName: stockTable, Key: { key }, ConsistentRead: true });
    return (await table.send(command)).Item;
  }

  return {
    account,
    outputs,
    table,
    onBus,
    lowStock,
    stock,
    read,

    /** Puts a SKU of its own. */
    async sku(first: TestSku): Promise<string> {
      const sku = uniqueId('sku');
      const Item = { key: `SKU#${sku}`, ...first, initial: first.available };
      await table.send(new PutCommand({ TableName: stockTable, Item }));
      return sku;
    },

    async available(sku: string): Promise<number | undefined> {
      return (await read(`SKU#${sku}`))?.['available'] as number | undefined;
    },

    async statusOf(orderKey: string): Promise<unknown> {
      return (await read(`RESERVATION#${orderKey}`))?.['status'];
    },

    /** Who waits for a SKU, first come first. */
    async queueOf(sku: string): Promise<readonly string[]> {
      const { Items = [] } = await table.send(
        new QueryCommand({
          TableName: backOrdersTable,
          KeyConditionExpression: 'sku = :sku AND begins_with(place, :waiting)',
          ExpressionAttributeValues: { ':sku': sku, ':waiting': 'WAITING#' },
          ConsistentRead: true,
        }),
      );
      return Items.map(({ orderKey }) => String(orderKey));
    },

    /** The SKUs of which `StockLow` has come through the bus since this was last asked. */
    async told(): Promise<readonly string[]> {
      const last = uniqueId('last');
      await lowStock.tell([last]);
      const skus: string[] = [];
      await eventually(async () => {
        const { Messages = [] } = await sqs.send(
          new ReceiveMessageCommand({
            QueueUrl: outputs.InventoryQueueUrl,
            MaxNumberOfMessages: 10,
            WaitTimeSeconds: 1,
          }),
        );
        for (const { Body = '' } of Messages) {
          const event = JSON.parse(Body) as Record<string, unknown>;
          assert.deepEqual(
            [event['source'], event['detail-type']],
            [EVENTS.StockLow.source, 'StockLow'],
          );
          skus.push(EVENTS.StockLow.schema.parse(event['detail']).sku);
        }
        if (Messages.length > 0) {
          await sqs.send(
            new DeleteMessageBatchCommand({
              QueueUrl: outputs.InventoryQueueUrl,
              Entries: Messages.map(({ ReceiptHandle }, index) => ({
                Id: String(index),
                ReceiptHandle,
              })),
            }),
          );
        }
        return skus.includes(last);
      });
      return skus.filter((sku) => sku !== last);
    },

    /** Whether every piece there was or that came is on sale, reserved or lost. For when nothing is at work. */
    async assertStock(): Promise<void> {
      const { OrdersTable, PaymentsTable, ReturnsTable } = outputs;
      const stored = await readTables(table, {
        ordersTable: OrdersTable,
        stockTable,
        paymentsTable: PaymentsTable,
        returnsTable: ReturnsTable,
      });
      assert.deepEqual(checkStock(stored), []);
    },

    stop(): void {
      for (const client of [table, eventBridge, sqs]) client.destroy();
    },
  };
}

export type TestStock = Awaited<ReturnType<typeof startStock>>;

/** As Temporal does: what is thrown (a conflict of transactions) is tried again. */
export async function repeated<T>(work: () => Promise<T>, attempts = 20): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (attempts === 1) throw error;
    return repeated(work, attempts - 1);
  }
}
