import { once } from 'node:events';
import { createServer } from 'node:net';
import { UserError } from '../src/platform/errors.ts';

const HOST = '127.0.0.1';

/** A port that a part of the stack is about to listen on. */
export interface PortClaim {
  readonly port: number;
  /** Who wants it: `Temporal`. */
  readonly name: string;
  /** What else to do than to free it: `or set TEMPORAL_ADDRESS to use what runs there`. */
  readonly alternative?: string;
}

/** @throws UserError naming every port that is taken, for whom it was meant, and what to do. */
export async function assertPortsFree(claims: readonly PortClaim[]): Promise<void> {
  const checks = claims.map(async (claim) =>
    (await listenOnce(claim.port)) === null ? [claim] : [],
  );
  const taken = (await Promise.all(checks)).flat();
  if (taken.length === 0) return;
  const ports = taken.map(({ port, name }) => `${HOST}:${port}, meant for ${name}, is taken`);
  const ways = taken.flatMap(({ alternative }) => alternative ?? []);
  throw new UserError(
    ports.join('; '),
    ['stop what listens there (an earlier run, perhaps)', ...ways].join(', '),
  );
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const port = await listenOnce(0);
  if (port === null) throw new Error(`no free port on ${HOST}`);
  return port;
}

/** Listens and lets go again; answers the port, or null when it is taken. */
async function listenOnce(port: number): Promise<number | null> {
  const server = createServer();
  server.listen({ port, host: HOST });
  try {
    await once(server, 'listening');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return null;
    throw error;
  }
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : null;
}
