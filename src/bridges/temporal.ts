import { AsyncLocalStorage } from 'node:async_hooks';
import {
  defaultGrpcRetryOptions,
  makeGrpcRetryInterceptor,
  WorkflowClient,
  type Client,
  type ConnectionLike,
} from '@temporalio/client';
import type { PayloadCodec } from '@temporalio/common';
import { CallDeadlineError, CodecError } from './answer.ts';

/** Temporal as the bridge calls it. */
export interface Temporal {
  /** A client of this namespace; undefined: the one that the bridge was given. */
  in(namespace: string | undefined): WorkflowClient;
  /**
   * Makes calls that have to be answered until then (milliseconds since the epoch). Signals among them have this
   * request ID, by which the service drops repeats within a run.
   */
  call<Answer>(deadline: number, requestId: string, work: () => Promise<Answer>): Promise<Answer>;
}

/**
 * @param client - its namespace, data converter and interceptors are used.
 * @throws TypeError when its connection repeats calls by itself: the bridge would learn of a refusal 40 s late.
 */
export function createTemporal({ workflow, connection }: Client): Temporal {
  assertNoRetries(connection);
  const requestIds = new AsyncLocalStorage<string>();
  const identified = withRequestIds(connection, requestIds);
  const clients = new Map<string | undefined, WorkflowClient>();

  function createClient(namespace: string | undefined): WorkflowClient {
    const { loadedDataConverter, ...options } = workflow.options;
    return new WorkflowClient({
      ...options,
      connection: identified,
      dataConverter: {
        ...loadedDataConverter,
        payloadCodecs: loadedDataConverter.payloadCodecs.map(namingErrors),
      },
      ...(namespace !== undefined && { namespace }),
    });
  }

  return {
    in(namespace) {
      const client = clients.get(namespace) ?? createClient(namespace);
      clients.set(namespace, client);
      return client;
    },
    async call(deadline, requestId, work) {
      const { promise: late, reject } = Promise.withResolvers<never>();
      const timer = setTimeout(
        () => reject(new CallDeadlineError('no answer in time')),
        deadline + OWN_DEADLINE - Date.now(),
      );
      try {
        const called = requestIds.run(requestId, () => connection.withDeadline(deadline, work));
        return await Promise.race([called, late]);
      } finally {
        clearTimeout(timer);
      }
    },
  };
}

/** How long after gRPC's own deadline a call is given up that hangs elsewhere, in a codec or an interceptor; in milliseconds. */
const OWN_DEADLINE = 500;

/** The client draws a random request ID for each signal, and has no option for it. */
function withRequestIds(
  connection: ConnectionLike,
  requestIds: AsyncLocalStorage<string>,
): ConnectionLike {
  const service = connection.workflowService;
  const identify = <Request extends object>(request: Request) => {
    const requestId = requestIds.getStore();
    return requestId === undefined ? request : { ...request, requestId };
  };
  const workflowService = Object.create(service, {
    signalWorkflowExecution: {
      value: (request: object) => service.signalWorkflowExecution(identify(request)),
    },
    signalWithStartWorkflowExecution: {
      value: (request: object) => service.signalWithStartWorkflowExecution(identify(request)),
    },
  }) as ConnectionLike['workflowService'];
  return Object.create(connection, {
    workflowService: { value: workflowService },
  }) as typeof connection;
}

/** What a codec throws comes to the bridge as it is: without a name it would look like a fault of the event. */
function namingErrors(codec: PayloadCodec): PayloadCodec {
  const naming = async <Answer>(work: () => Promise<Answer>): Promise<Answer> => {
    try {
      return await work();
    } catch (cause) {
      throw new CodecError(`payload codec: ${String(cause)}`, { cause });
    }
  };
  return {
    encode: (...args) => naming(() => codec.encode(...args)),
    decode: (...args) => naming(() => codec.decode(...args)),
  };
}

const RETRIES = String(makeGrpcRetryInterceptor(defaultGrpcRetryOptions()));

function assertNoRetries(connection: ConnectionLike): void {
  const { options } = connection as { options?: { interceptors?: readonly unknown[] } };
  if (options?.interceptors?.some((each) => String(each) === RETRIES)) {
    throw new TypeError(
      'client: expected a connection that does not repeat calls, Connection.connect({ interceptors: [] }), ' +
        'received one with the retry interceptor',
    );
  }
}
