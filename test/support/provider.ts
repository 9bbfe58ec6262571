import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { type Ledger, openLedger } from '../../dev/provider/ledger.ts';
import { createProvider } from '../../dev/provider/server.ts';

/** What happens to the next request whose `METHOD /path` it matches. */
export interface Fault {
  readonly on: RegExp;
  /** The idempotency key that the request has; default: whichever. */
  readonly key?: string;
  /** Waits for it before anything else. */
  readonly after?: Promise<unknown>;
  /** Whether the provider gets the request. Default true. */
  readonly executes?: boolean;
  /**
   * What the caller gets: a connection cut in the middle of the answer, or an answer that the idempotency key
   * keeps. Default: the provider's own.
   */
  readonly answer?: 'cut' | { readonly status: number; readonly error: object };
}

/** The sandbox behind a proxy that has faults, on free ports of 127.0.0.1. */
export interface TestProvider {
  readonly url: string;
  /** The sandbox itself, whose own faults a process of its own can ask for too. */
  readonly sandboxUrl: string;
  readonly ledger: Ledger;
  /** `METHOD /path key` of every request so far. */
  readonly requests: readonly string[];
  /** Meets one request. */
  failOnce(fault: Fault): void;
  /** Forgets the faults that no request has met. */
  clearFaults(): void;
  /** Has the sandbox do something: posts to `/sandbox/{path}`. @throws Error with its answer where it refuses. */
  ask(path: string, body: object): Promise<unknown>;
  /** Has the carrier collect a parcel, so that a cancellation calls it back. @returns whether it was booked. */
  collect(reference: string): Promise<boolean>;
  /** Has the next requests to a partner fail: see dev/provider/partner.ts. */
  failPartner(who: string, fault: string, times: number): Promise<void>;
  /** How many of the sandbox's own faults no request has met. */
  pendingFaults(): Promise<number>;
  /** Ends the sandbox's own faults, and what hangs by them. */
  endFaults(): Promise<void>;
  close(): Promise<void>;
}

export async function startTestProvider(): Promise<TestProvider> {
  const folder = mkdtempSync(path.join(tmpdir(), 'waybill-provider-'));
  const ledger = openLedger(path.join(folder, 'provider.jsonl'));
  const sandbox = createProvider(ledger);
  const target = await sandbox.listen({ host: '127.0.0.1', port: 0 });

  const faults: Fault[] = [];
  const requests: string[] = [];
  const kept = new Map<string, { readonly status: number; readonly error: object }>();

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await text(request);
    const key = String(request.headers['idempotency-key'] ?? '');
    const line = `${request.method} ${request.url}`;
    requests.push(`${line} ${key}`);
    const index = faults.findIndex((fault) => fault.on.test(line) && (fault.key ?? key) === key);
    const fault = index < 0 ? undefined : faults.splice(index, 1)[0];
    await fault?.after;

    const old = kept.get(key);
    if (old) return send(response, old.status, { error: old.error }, true);
    // A caller who gives up while the sandbox hangs is gone there too, or its key would be in use for ever.
    const gone = new AbortController();
    response.once('close', () => gone.abort());
    const answer =
      fault?.executes === false ? null : await forward(target, request, body, gone.signal);
    if (fault?.answer === 'cut') {
      response.writeHead(200, { 'content-length': 1_000 });
      response.write('{', () => response.destroy());
    } else if (fault?.answer) {
      if (key) kept.set(key, fault.answer);
      send(response, fault.answer.status, { error: fault.answer.error });
    } else if (answer) {
      const isReplay = answer.headers.get('idempotent-replayed') === 'true';
      send(response, answer.status, await answer.json(), isReplay);
    }
  }

  const proxy = createServer((request, response) => {
    handle(request, response).catch((error: unknown) => response.destroy(error as Error));
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  const address = proxy.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const post = async (name: string, body: object) =>
    await fetch(`${target}/${name}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  return {
    url: `http://127.0.0.1:${address.port}`,
    sandboxUrl: target,
    ledger,
    requests,
    failOnce: (fault) => void faults.push(fault),
    clearFaults: () => void faults.splice(0),
    async ask(name, body) {
      const response = await post(`sandbox/${name}`, body);
      const answer: unknown = await response.json();
      if (!response.ok) throw new Error(JSON.stringify(answer));
      return answer;
    },
    async collect(reference) {
      return (await post('carrier/sandbox/collections', { reference })).ok;
    },
    async failPartner(who, fault, times) {
      await post(`${who}/sandbox/faults`, { fault, times });
    },
    async pendingFaults() {
      const response = await fetch(`${target}/sandbox/faults`);
      return ((await response.json()) as { readonly pending: readonly object[] }).pending.length;
    },
    async endFaults() {
      await fetch(`${target}/sandbox/faults`, { method: 'DELETE' });
    },
    async close() {
      proxy.closeAllConnections();
      proxy.close();
      await sandbox.close();
      ledger.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function forward(
  target: string,
  request: IncomingMessage,
  body: string,
  signal: AbortSignal,
): Promise<Response> {
  const headers = new Headers();
  for (const name of ['authorization', 'content-type', 'idempotency-key']) {
    const value = request.headers[name];
    if (typeof value === 'string') headers.set(name, value);
  }
  const { method = 'GET', url = '/' } = request;
  return fetch(target + url, { method, headers, signal, ...(body !== '' && { body }) });
}

function send(response: ServerResponse, status: number, body: unknown, isReplay = false): void {
  response.writeHead(status, {
    'content-type': 'application/json',
    ...(isReplay && { 'idempotent-replayed': 'true' }),
  });
  response.end(JSON.stringify(body));
}
