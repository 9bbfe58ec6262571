import { Client, Connection, type ConnectionLike } from '@temporalio/client';
import { loadClientConnectConfig, type ClientConnectConfig } from '@temporalio/envconfig';
import { UserError } from './errors.ts';

/** A client of Temporal and the connection under it, which is closed in the end. */
export interface TemporalClient {
  readonly connection: Connection;
  readonly client: Client;
}

export interface ConnectOptions {
  /**
   * Whether a refused call is repeated silently, for up to 40 s. The bridge says false: its breaker and its
   * limiter must learn of a refusal when it happens.
   */
  readonly retries: boolean;
}

/** After how many milliseconds at the most a lost connection is tried again; gRPC's own 120 s outlast an outage. */
const RECONNECT_BACKOFF = 5_000;

/** Connects as the TEMPORAL_* variables and Temporal's configuration file say. @throws UserError when nobody answers. */
export async function connectTemporal({ retries }: ConnectOptions): Promise<TemporalClient> {
  const { connectionOptions, namespace } = readTemporalConfig();
  const connection = await orExplain(connectionOptions.address, () =>
    Connection.connect({
      ...connectionOptions,
      connectTimeout: '5s',
      channelArgs: { 'grpc.max_reconnect_backoff_ms': RECONNECT_BACKOFF },
      ...(retries ? {} : { interceptors: [] }),
    }),
  );
  return { connection, client: new Client({ connection, ...(namespace ? { namespace } : {}) }) };
}

/** How long Temporal may take to say that it is there, in milliseconds. */
const ANSWER_WITHIN = 3_000;

/** Resolves when Temporal answers on this connection; a rejection says that it does not. */
export async function assertAnswers(connection: ConnectionLike): Promise<void> {
  try {
    await connection.withDeadline(Date.now() + ANSWER_WITHIN, () =>
      connection.workflowService.getSystemInfo({}),
    );
  } catch (cause) {
    throw new Error(`Temporal does not answer: ${messageOf(cause)}`, { cause });
  }
}

/** What the TEMPORAL_* variables and Temporal's configuration file say. @throws UserError when they cannot be read. */
export function readTemporalConfig(): ClientConnectConfig {
  try {
    return loadClientConnectConfig();
  } catch (error) {
    throw new UserError(
      `Temporal's configuration cannot be read: ${messageOf(error)}`,
      'check the TEMPORAL_* variables and the file that TEMPORAL_CONFIG_FILE names',
      { cause: error },
    );
  }
}

/** Runs `connect`; when it fails, says in a UserError what was tried and what to set. */
export async function orExplain<T>(
  address: string | undefined,
  connect: () => Promise<T>,
): Promise<T> {
  try {
    return await connect();
  } catch (error) {
    throw new UserError(
      `Temporal cannot be reached at ${address ?? 'localhost:7233'}: ${messageOf(error)}`,
      'start it, or set TEMPORAL_ADDRESS (and TEMPORAL_TLS or TEMPORAL_API_KEY where it wants them)',
      { cause: error },
    );
  }
}

/** In one line. The native connection's message is a dump of a Rust value: of that, only what the system said. */
function messageOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return /message: "([^"]+)"/.exec(message)?.[1] ?? message.split('\n', 1).join();
}
