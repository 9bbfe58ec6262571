import { randomInt, randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { AwsConfig } from '../../dev/deploy.ts';
import { awaitEmulator, startEmulator } from '../../dev/emulator.ts';
import { freePort } from '../../dev/ports.ts';
import type { Process } from '../../dev/process.ts';
import { awaitTemporal, startTemporal } from '../../dev/temporal.ts';
import { type Command, findTools } from '../../dev/tools.ts';

const TOOLS = path.resolve(import.meta.dirname, '../../.waybill/tools');

/**
 * Starts one Temporal dev server and one AWS emulator for the whole run, unless TEMPORAL_ADDRESS or
 * AWS_ENDPOINT_URL names a running one, and says in the environment where they are. Answers how to stop them.
 */
export async function startServers(): Promise<() => Promise<void>> {
  const { env } = process;
  const tools = await findTools({
    env: { ...env },
    installDir: TOOLS,
    onProgress: (message) => console.error(message),
  });
  const folder = await mkdtemp(path.join(tmpdir(), 'waybill-test-'));
  env['AWS_REGION'] = 'us-east-1';
  env['AWS_ACCESS_KEY_ID'] = 'test';
  env['AWS_SECRET_ACCESS_KEY'] = 'test';
  const starts = await Promise.allSettled([
    useTemporal(tools.temporal, folder),
    useEmulator(tools.ministack, folder),
  ]);
  const stop = async () => {
    const servers = starts.flatMap((start) =>
      start.status === 'fulfilled' ? (start.value ?? []) : [],
    );
    await Promise.all(servers.map((server) => server.stop()));
    await rm(folder, { recursive: true, force: true });
  };
  const failed = starts.find((start) => start.status === 'rejected');
  if (failed) {
    await stop();
    throw failed.reason;
  }
  return stop;
}

async function useTemporal(command: Command | null, folder: string): Promise<Process | undefined> {
  if (command === null) {
    await awaitTemporal(temporalAddress());
    return undefined;
  }
  const port = await freePort();
  const server = await startTemporal({ command, port, logFile: path.join(folder, 'temporal.log') });
  process.env['TEMPORAL_ADDRESS'] = `127.0.0.1:${port}`;
  return server;
}

async function useEmulator(command: Command | null, folder: string): Promise<Process | undefined> {
  if (command === null) {
    await awaitEmulator(awsEndpoint());
    return undefined;
  }
  const port = await freePort();
  const server = await startEmulator({ command, port, logFile: path.join(folder, 'emulator.log') });
  process.env['AWS_ENDPOINT_URL'] = `http://127.0.0.1:${port}`;
  return server;
}

/** Where the run's Temporal service is, `host:port`. */
export function temporalAddress(): string {
  return serverSetting('TEMPORAL_ADDRESS');
}

/** Where the run's AWS emulator is, a URL. */
export function awsEndpoint(): string {
  return serverSetting('AWS_ENDPOINT_URL');
}

/** A fresh account of the emulator, which sees nothing of the others: what an AWS SDK client takes. */
export function awsAccount(): AwsConfig {
  const accessKeyId = String(randomInt(100_000_000_000, 281_000_000_000_000)).slice(0, 12);
  return {
    endpoint: awsEndpoint(),
    region: 'us-east-1',
    credentials: { accessKeyId, secretAccessKey: 'test' },
  };
}

/** What a process of its own is told, to use the run's servers and this account. */
export function environmentOf({ endpoint, region, credentials }: AwsConfig) {
  return {
    AWS_CONFIG_FILE: '/dev/null',
    AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
    TEMPORAL_CONFIG_FILE: path.resolve(import.meta.dirname, '../../dev/temporal.toml'),
    TEMPORAL_ADDRESS: temporalAddress(),
    AWS_ENDPOINT_URL: endpoint,
    AWS_REGION: region,
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
  };
}

/** An ID that no other test uses, such as `order-1f0c9a3e7b52`. */
export function uniqueId(prefix: string): string {
  return `${prefix}-${randomUUID().replaceAll('-', '').slice(0, 12)}`;
}

/**
 * Asks until the probe answers something other than undefined, null or false, without throwing, and returns
 * that. Past `within` (milliseconds, default 30,000) throws an Error that says what was last seen. `every`:
 * milliseconds between two probes, default 25.
 */
export async function eventually<T>(
  probe: () => T | Promise<T>,
  { within = 30_000, every = 25 }: { readonly within?: number; readonly every?: number } = {},
): Promise<Exclude<T, undefined | null | false>> {
  const deadline = Date.now() + within;
  let seen: unknown;
  do {
    try {
      seen = await probe();
      if (seen !== undefined && seen !== null && seen !== false) {
        return seen as Exclude<T, undefined | null | false>;
      }
    } catch (error) {
      seen = error;
    }
    await delay(every);
  } while (Date.now() < deadline);
  const last = seen instanceof Error ? seen.message : String(seen);
  throw new Error(`not within ${within} ms; last seen: ${last}`, { cause: seen });
}

function serverSetting(name: string): string {
  const value = process.env[name];
  if (!value) {
    throw new Error(
      `${name} is not set: the servers start after the test files are loaded, so ask in \`before\` or ` +
        'later; WAYBILL_TEST_SERVERS=off leaves them out',
    );
  }
  return value;
}
