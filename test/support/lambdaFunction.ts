import { Client, Connection } from '@temporalio/client';
import { lambdaHandler } from '../../src/bridges/lambda.ts';
import { testRoutes } from './routes.ts';

const { env } = process;

/** The function that the tests deploy. */
export const handler = lambdaHandler({
  routes: testRoutes(String(env['TASK_QUEUE'])),
  connect: async () => {
    const address = String(env['TEMPORAL_ADDRESS']);
    return new Client({ connection: await Connection.connect({ address, interceptors: [] }) });
  },
});
