import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { freePort } from '../dev/ports.ts';

/** Where parcels are booked. */
export interface Carrier {
  readonly url: string;
  close(): void;
}

/** The carrier of the provider's sandbox; where that has none yet, somebody who books whatever he is asked to. */
export async function findCarrier(provider: string): Promise<Carrier> {
  const url = `${provider}/carrier`;
  const answer = await fetch(`${url}/shipments`);
  await answer.body?.cancel();
  return answer.ok ? { url, close: () => undefined } : await startStandIn();
}

async function startStandIn(): Promise<Carrier> {
  const server = createServer((request, response) => {
    void text(request).then(() => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end('{"carrier":"bench","trackingNumber":"1"}');
    });
  });
  const port = await freePort();
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${port}/carrier`, close: () => server.close() };
}
