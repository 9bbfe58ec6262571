import { setTimeout as delay } from 'node:timers/promises';
import {
  Client,
  Connection,
  isGrpcServiceError,
  type ClientPlugin,
  type ConnectionLike,
} from '@temporalio/client';
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
  /** Default: none. */
  readonly plugins?: ClientPlugin[];
}

/** After how many milliseconds at the most a lost connection is tried again; gRPC's own 120 s outlast an outage. */
const RECONNECT_BACKOFF = 5_000;

/** Connects as the TEMPORAL_* variables and Temporal's configuration file say. @throws UserError when nobody answers. */
export async function connectTemporal({
  retries,
  plugins = [],
}: ConnectOptions): Promise<TemporalClient> {
  const { connectionOptions, namespace } = readTemporalConfig();
  const connection = await orExplain(connectionOptions.address, () =>
    Connection.connect({
      ...connectionOptions,
      connectTimeout: '5s',
      channelArgs: { 'grpc.max_reconnect_backoff_ms': RECONNECT_BACKOFF },
      ...(retries ? {} : { interceptors: [] }),
    }),
  );
  const client = new Client({ connection, plugins, ...(namespace ? { namespace } : {}) });
  return { connection, client };
}

/** How long Temporal may take to say that it is there, in milliseconds. */
const ANSWER_WITHIN = 3_000;

/** Resolves when Temporal answers on this connection; a rejection says that it does not. */
export async function assertAnswers(connection: ConnectionLike): Promise<void> {
  // A worker's connection repeats the call by itself, and its deadline is that of one try.
  const late = delay(ANSWER_WITHIN, null, { ref: false });
  const asking = connection.withDeadline(Date.now() + ANSWER_WITHIN, () =>
    connection.workflowService.getSystemInfo({}),
  );
  const answer = await Promise.race([asking, late]).catch((cause: unknown) => {
    throw new Error(`Temporal does not answer: ${messageOf(cause)}`, { cause });
  });
  if (answer === null)
    throw new Error(`Temporal does not answer within ${ANSWER_WITHIN / 1_000} s`);
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
  address = 'localhost:7233',
  connect: () => Promise<T>,
): Promise<T> {
  try {
    return await connect();
  } catch (error) {
    if (isRefusal(error)) {
      throw new UserError(
        `Temporal at ${address} refuses who asks: ${messageOf(error)}`,
        'check TEMPORAL_API_KEY, or the certificate of TEMPORAL_TLS_CLIENT_CERT_PATH, and what they may do in TEMPORAL_NAMESPACE',
        { cause: error },
      );
    }
    throw new UserError(
      `Temporal cannot be reached at ${address}: ${messageOf(error)}`,
      'start it, or set TEMPORAL_ADDRESS (and TEMPORAL_TLS_* or TEMPORAL_API_KEY where it wants them)',
      { cause: error },
    );
  }
}

/** gRPC's status codes for who is not known, and for who may not; and how the native connection says them. */
const REFUSALS: readonly number[] = [16, 7];
const NATIVE_REFUSAL =
  /code: '(The request does not have valid authentication|The caller does not have permission)/;

function isRefusal(error: unknown): boolean {
  const status = statusOf(error);
  if (isGrpcServiceError(status)) return REFUSALS.includes(Number(status.code));
  return error instanceof Error && NATIVE_REFUSAL.test(error.message);
}

/** The client wraps what gRPC says into an error that says less. */
function statusOf(error: unknown): unknown {
  return error instanceof Error && isGrpcServiceError(error.cause) ? error.cause : error;
}

/** In one line. The native connection's message is a dump of a Rust value: of that, only what the system said. */
function messageOf(error: unknown): string {
  const status = statusOf(error);
  if (isGrpcServiceError(status)) return status.details;
  const message = status instanceof Error ? status.message : String(status);
  const said = /error: "([^"]+)"/.exec(message) ?? /message: "([^"]+)"/.exec(message);
  return said?.[1] ?? message.split('\n', 1).join();
}
