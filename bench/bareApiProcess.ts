import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient, GetCommand } from '@aws-sdk/lib-dynamodb';
import { Client, Connection } from '@temporalio/client';
import Fastify from 'fastify';

// What Fastify, Temporal's client and the AWS SDK give to whoever does nothing else with them. Nothing is checked
// here, and nobody is asked who they are.
const { TEMPORAL_ADDRESS = '', WAYBILL_ORDERS_TABLE = '', PORT = '' } = process.env;

const client = new Client({ connection: await Connection.connect({ address: TEMPORAL_ADDRESS }) });
const table = DynamoDBDocumentClient.from(new DynamoDBClient());
const app = Fastify();

app.post('/orders', async (request, reply) => {
  const workflowId = `bare:${String(request.headers['idempotency-key'])}`;
  await client.workflow.start('orderWorkflow', {
    workflowId,
    taskQueue: 'bare',
    args: [{ placed: request.body }],
  });
  return reply.status(202).send({ id: workflowId });
});

app.get<{ Params: { id: string } }>('/orders/:id', async (request) => {
  const Key = { orderKey: `order:${request.params.id}` };
  return (await table.send(new GetCommand({ TableName: WAYBILL_ORDERS_TABLE, Key }))).Item;
});

await app.listen({ host: '127.0.0.1', port: Number(PORT) });
console.log('ready');
