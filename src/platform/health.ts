import { createServer } from 'node:http';
import { UserError } from './errors.ts';

export interface HealthOptions {
  /** Without a port nothing listens. 0: any free one. */
  readonly healthPort: number | undefined;
  readonly healthHost: string;
  /** The process has been told to stop: it is alive, and not ready any more. */
  readonly stopping: AbortSignal;
  /** Told where it listens, a URL. */
  readonly onListening?: (url: string) => void;
}

/** What a process says of itself to whoever watches over it. */
export interface Health {
  /** From now on it is ready whenever this check resolves; a rejection's message says why it is not. */
  readyWhen(check: () => Promise<void>): void;
}

/**
 * Answers `GET /healthz` as long as the process is alive, and `GET /readyz` with 200 when it does its work, else with 503
 * and `{ status, reason }`. It never keeps the process from ending.
 *
 * @throws UserError when the port is not to be had.
 */
export async function serveHealth(options: HealthOptions): Promise<Health> {
  const { healthPort: port, healthHost: host, stopping, onListening } = options;
  let check = (): Promise<void> => Promise.reject(new Error('it is still starting'));
  const health: Health = {
    readyWhen(given) {
      check = given;
    },
  };
  if (port === undefined) return health;

  const server = createServer((request, response) => {
    const answer = (status: number, body: object) =>
      response
        .writeHead(status, { 'content-type': 'application/json', connection: 'close' })
        .end(JSON.stringify(body));
    const path = request.url?.split('?', 1)[0];
    if (request.method !== 'GET' && request.method !== 'HEAD') answer(405, { status: 'refused' });
    else if (path === '/healthz') answer(200, { status: 'alive' });
    else if (path === '/readyz') {
      void reasonAgainst(check, stopping).then((reason) =>
        answer(reason === null ? 200 : 503, {
          status: reason === null ? 'ready' : 'not-ready',
          ...(reason !== null && { reason }),
        }),
      );
    } else answer(404, { status: 'not-found' });
  });
  server.on('connection', (socket) => socket.unref());
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  }).catch((cause: NodeJS.ErrnoException) => {
    throw new UserError(
      `the health checks cannot listen on ${host}:${port}: ${cause.code}`,
      'set WAYBILL_HEALTH_HOST and WAYBILL_HEALTH_PORT to what is free',
      { cause },
    );
  });
  server.unref();
  const address = server.address();
  if (typeof address === 'object' && address) onListening?.(`http://${host}:${address.port}`);
  return health;
}

/** Null: it is ready. */
async function reasonAgainst(
  check: () => Promise<void>,
  stopping: AbortSignal,
): Promise<string | null> {
  if (stopping.aborted) return 'it is stopping';
  try {
    await check();
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
