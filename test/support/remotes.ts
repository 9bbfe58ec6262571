import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';

/** Stand-ins for remote systems, on free ports of 127.0.0.1, each answering as a test says. */
export class Remotes {
  readonly #servers: Server[] = [];

  /** @returns its URL, without a slash at its end. */
  async serve(answer: RequestListener): Promise<string> {
    const server = createServer(answer);
    this.#servers.push(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    return `http://127.0.0.1:${address.port}`;
  }

  close(): void {
    for (const server of this.#servers.splice(0)) {
      server.closeAllConnections();
      server.close();
    }
  }
}
