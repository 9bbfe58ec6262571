import { subscribe } from 'node:diagnostics_channel';
import { writeFileSync } from 'node:fs';
import type { ClientRequest } from 'node:http';

/** How many calls a process has made, by name. */
export type Calls = Readonly<Record<string, number>>;

/** Names the file that `reportCalls` writes. */
export const CALLS_FILE = 'BENCH_CALLS_FILE';

/**
 * Counts every HTTP request of this process from here on, each try: those of the AWS SDK as `dynamodb {operation}` or
 * the service's name, all others as `http {method} /{first part of the path}`.
 *
 * It listens to Node's own announcement of requests, so that it need not know who makes them; what goes to Temporal goes
 * through the SDK's native core, which does not announce any.
 */
export function countCalls(): Calls {
  const calls: Record<string, number> = {};
  const add = (name: string) => {
    calls[name] = (calls[name] ?? 0) + 1;
  };
  subscribe('http.client.request.start', (message) => {
    const { request } = message as { readonly request: ClientRequest };
    const service = serviceOf(String(request.getHeader('authorization') ?? ''));
    if (service === null) return add(nameOf(request.method, request.path));
    const operation = String(request.getHeader('x-amz-target') ?? '').split('.')[1];
    add(operation === undefined ? service : `${service} ${operation}`);
  });
  // Those of `fetch`.
  subscribe('undici:request:create', (message) => {
    const { request } = message as { readonly request: { method: string; path: string } };
    add(nameOf(request.method, request.path));
  });
  return calls;
}

/** Writes what this process has counted into the file that its environment names, when it ends. */
export function reportCalls(calls: Calls): void {
  const file = process.env[CALLS_FILE];
  if (!file) throw new Error(`${CALLS_FILE}: expected the path of a file, received nothing`);
  process.once('exit', () => writeFileSync(file, JSON.stringify(calls)));
}

/** Which AWS service a request was signed for; null where it is none. */
function serviceOf(authorization: string): string | null {
  return /^AWS4-\S+ Credential=[^,]*\/([^/,]+)\/aws4_request/.exec(authorization)?.[1] ?? null;
}

function nameOf(method: string, path: string): string {
  return `http ${method} /${path.split(/[/?]/)[1] ?? ''}`;
}
