import { GetCommand } from '@aws-sdk/lib-dynamodb';
import type { FastifyInstance } from 'fastify';
import { createApi } from '../api/app.ts';
import { startOnce } from '../bridges/index.ts';
import { parseJson } from '../bridges/json.ts';
import { orderWorkflow, orderWorkflowId, type OrderRow } from '../contracts/orders.ts';
import { assertTables, createTables } from '../platform/aws.ts';
import { loadConfig } from '../platform/config.ts';
import { UserError } from '../platform/errors.ts';
import { createLogger } from '../platform/logger.ts';
import { connectTemporal } from '../platform/temporal.ts';
import { aborted, stopSignal } from './process.ts';

/** How long Temporal or DynamoDB may take to answer, in milliseconds. */
const DEADLINE = 5_000;

/** Serves the orders API until the process is told to stop. */
export async function runApi(): Promise<void> {
  const config = loadConfig('api');
  const logger = createLogger({ process: 'api', level: config.logLevel });
  const stopping = stopSignal(logger);
  const { client, connection } = await connectTemporal({ retries: true });
  const tables = createTables();
  await assertTables(tables, [config.ordersTable]);
  const inTime = <Answer>(ask: () => Promise<Answer>) =>
    connection.withDeadline(Date.now() + DEADLINE, ask);

  const app = createApi({
    logger,
    temporal: client,
    parseJson,
    placeOrder: (placed, eventId) =>
      inTime(() =>
        startOnce(client.workflow, {
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
        { abortSignal: AbortSignal.timeout(DEADLINE) },
      );
      return Item as OrderRow | undefined;
    },
    checkTemporal: async () => {
      await inTime(() => connection.workflowService.getSystemInfo({}));
    },
  });
  const address = await listen(app, config.apiHost, config.apiPort);
  logger.info({ address }, 'ready');
  await aborted(stopping);
  await app.close();
  await connection.close();
}

async function listen(app: FastifyInstance, host: string, port: number): Promise<string> {
  try {
    return await app.listen({ host, port });
  } catch (cause) {
    const { code, syscall } = cause as NodeJS.ErrnoException;
    if (syscall !== 'listen' && syscall !== 'getaddrinfo') throw cause;
    throw new UserError(
      `the API cannot listen on ${host}:${port}: ${code}`,
      'set WAYBILL_API_HOST and WAYBILL_API_PORT to what is free',
      { cause },
    );
  }
}
