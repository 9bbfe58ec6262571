import { GetCommand } from '@aws-sdk/lib-dynamodb';
import { createApi } from '../api/app.ts';
import { startOnce } from '../bridges/index.ts';
import { orderWorkflow, orderWorkflowId, type OrderRow } from '../contracts/orders.ts';
import { createTables } from '../platform/aws.ts';
import { loadConfig } from '../platform/config.ts';
import { createLogger } from '../platform/logger.ts';
import { connectTemporal } from '../platform/temporal.ts';
import { aborted, stopSignal } from './process.ts';

/** How long Temporal may take to answer a health check or to take an order, in milliseconds. */
const TEMPORAL_DEADLINE = 5_000;

/** Serves the orders API until the process is told to stop. */
export async function runApi(): Promise<void> {
  const config = loadConfig('api');
  const logger = createLogger({ process: 'api', level: config.logLevel });
  const stopping = stopSignal(logger);
  const { client, connection } = await connectTemporal({ retries: true });
  const tables = createTables();
  const inTime = <Answer>(ask: () => Promise<Answer>) =>
    connection.withDeadline(Date.now() + TEMPORAL_DEADLINE, ask);

  const app = createApi({
    logger,
    temporal: client,
    placeOrder: (placed, eventId) =>
      inTime(() =>
        startOnce(client, {
          ...orderWorkflow,
          workflowId: orderWorkflowId(placed),
          args: [{ placed, policy: config.orderPolicy }],
          eventId,
          content: placed,
        }),
      ),
    readOrder: async (orderKey) => {
      const { Item } = await tables.send(
        new GetCommand({ TableName: config.ordersTable, Key: { orderKey } }),
      );
      return Item as OrderRow | undefined;
    },
    checkTemporal: async () => {
      await inTime(() => connection.workflowService.getSystemInfo({}));
    },
  });
  const address = await app.listen({ host: config.apiHost, port: config.apiPort });
  logger.info({ address }, 'ready');
  await aborted(stopping);
  await app.close();
  await connection.close();
}
