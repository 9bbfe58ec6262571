import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { SQSClient } from '@aws-sdk/client-sqs';
import { DynamoDBDocumentClient, GetCommand } from '@aws-sdk/lib-dynamodb';
import { Client, Connection } from '@temporalio/client';
import type { AuditSources } from '../src/console/audit.ts';
import type { OrderRow } from '../src/contracts/orders.ts';
import { createStripe } from '../src/platform/stripe.ts';
import { awsOf } from './environment.ts';
import { patiently } from './feed/patience.ts';
import type { Stack } from './stack.ts';
import { NAMESPACE } from './temporal.ts';

const PROVIDER_TIMEOUT = 10_000;

/** Clients of one running stack, of which there may be several at once: nothing is read from the environment. */
export async function connectTo(stack: Stack) {
  const { env, outputs, urls } = stack;
  const aws = awsOf(env, urls.aws);
  const connection = await Connection.connect({ address: env['TEMPORAL_ADDRESS'] ?? '' });
  const sqs = new SQSClient(aws);
  const eventBridge = new EventBridgeClient(aws);
  const table = DynamoDBDocumentClient.from(new DynamoDBClient(aws));
  const sources = {
    temporal: new Client({ connection, namespace: NAMESPACE }),
    sqs,
    table,
    stripe: createStripe({
      apiKey: env['WAYBILL_STRIPE_API_KEY'] ?? '',
      baseUrl: urls.provider,
      timeoutMs: PROVIDER_TIMEOUT,
    }),
    ordersTable: outputs.OrdersTable,
    stockTable: outputs.StockTable,
    paymentsTable: outputs.PaymentsTable,
    returnsTable: outputs.ReturnsTable,
    queues: [
      { url: outputs.OrdersQueueUrl, deadLetterUrl: outputs.OrdersDlqUrl },
      { url: outputs.PaymentsQueueUrl, deadLetterUrl: outputs.PaymentsDlqUrl },
      { url: outputs.PaymentsFifoQueueUrl, deadLetterUrl: outputs.PaymentsFifoDlqUrl },
      { url: outputs.FulfilmentQueueUrl, deadLetterUrl: outputs.FulfilmentDlqUrl },
      { url: outputs.ReturnsQueueUrl, deadLetterUrl: outputs.ReturnsDlqUrl },
      { url: outputs.InventoryQueueUrl, deadLetterUrl: outputs.InventoryDlqUrl },
    ],
    supportQueueUrl: outputs.SupportQueueUrl,
  } satisfies Partial<AuditSources>;

  return {
    ...sources,
    eventBridge,

    readOrder: async (orderKey: string): Promise<OrderRow | undefined> => {
      const { Item } = await patiently(() =>
        table.send(
          new GetCommand({
            TableName: outputs.OrdersTable,
            Key: { orderKey },
            ConsistentRead: true,
          }),
        ),
      );
      return Item as OrderRow | undefined;
    },

    async close(): Promise<void> {
      sqs.destroy();
      eventBridge.destroy();
      table.destroy();
      await connection.close();
    },
  };
}

export type StackClients = Awaited<ReturnType<typeof connectTo>>;
