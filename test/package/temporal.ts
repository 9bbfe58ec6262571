import { Client, Connection } from '@temporalio/client';

/** The bridge has to learn of a refusal at once: nothing is repeated below it. */
export async function connect(): Promise<Client> {
  const address = process.env['TEMPORAL_ADDRESS'] ?? 'localhost:7233';
  return new Client({ connection: await Connection.connect({ address, interceptors: [] }) });
}
