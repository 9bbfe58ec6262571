import {
  isGrpcServiceError,
  WorkflowNotFoundError,
  WorkflowUpdateRPCTimeoutOrCancelledError,
  type Client,
  type WorkflowHandle,
} from '@temporalio/client';
import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { CancellationRequest, OrderRequest } from '../contracts/events.ts';
import {
  cancelOrder,
  orderQuery,
  orderWorkflowId,
  type CancelRequest,
  type CommandAnswer,
  type OrderKey,
  type OrderRow,
  type PlacedOrder,
} from '../contracts/orders.ts';
import { decideCancellation } from '../domain/order.ts';
import { Problem } from './problems.ts';

/** How long an answer from Temporal or a worker is waited for, in milliseconds. */
const DEADLINE = 5_000;

export interface OrderDependencies {
  readonly temporal: Client;
  /**
   * Starts the order's workflow once: `duplicate` if the same order is there, `conflict` if another is there
   * under its ID.
   */
  readonly placeOrder: (
    placed: PlacedOrder,
    eventId: string,
  ) => Promise<'started' | 'duplicate' | 'conflict'>;
  readonly readOrder: (orderKey: string) => Promise<OrderRow | undefined>;
}

const idempotencyKey = z.object({
  'idempotency-key': z.string().regex(/^[\x21-\x7e]{1,128}$/, {
    error: 'Invalid header: expected 1 to 128 visible ASCII characters',
  }),
});

/** An order as the API names it: `{channel}:{orderId}`. */
const orderParams = z.object({
  id: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}:[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/, {
    error: 'Invalid ID: expected {channel}:{orderId}',
  }),
});

/** Adds placing, reading and cancelling an order. */
export function addOrderRoutes(app: FastifyInstance, dependencies: OrderDependencies): void {
  const typed = app.withTypeProvider<ZodTypeProvider>();

  typed.post(
    '/orders',
    { schema: { body: OrderRequest, headers: idempotencyKey } },
    async (request, reply) => {
      const placed: PlacedOrder = { version: 1, ...request.body };
      const outcome = await orUnavailable(
        dependencies.placeOrder(placed, `api:${request.headers['idempotency-key']}`),
      );
      const id = apiId(placed);
      if (outcome === 'conflict') {
        throw new Problem(409, 'order-exists', `order ${id} was placed before with other content`);
      }
      return reply
        .status(202)
        .header('location', `/orders/${id}`)
        .send({ id, workflowId: orderWorkflowId(placed), state: 'received' });
    },
  );

  typed.get('/orders/:id', { schema: { params: orderParams } }, async (request) => {
    const row = await findOrder(dependencies, request.params.id);
    return { id: request.params.id, ...row };
  });

  typed.post(
    '/orders/:id/cancel',
    { schema: { params: orderParams, headers: idempotencyKey, body: CancellationRequest } },
    async (request) => {
      const { id } = request.params;
      const answer = await cancel(
        dependencies,
        id,
        request.body,
        request.headers['idempotency-key'],
      );
      if (!answer.accepted) {
        throw new Problem(409, 'not-cancellable', `order ${id}: ${answer.reason}`);
      }
      return { id, ...answer };
    },
  );
}

async function findOrder(dependencies: OrderDependencies, id: string): Promise<OrderRow> {
  const row = await stored(dependencies, id);
  if (row) return row;
  // An order that was just accepted may not have its row yet: its workflow knows it.
  try {
    return await asked(dependencies, id, (handle) => handle.query(orderQuery));
  } catch (error) {
    if (!(error instanceof WorkflowNotFoundError)) throw error;
    throw notFound(id);
  }
}

async function cancel(
  dependencies: OrderDependencies,
  id: string,
  request: CancelRequest,
  updateId: string,
): Promise<CommandAnswer> {
  try {
    return await asked(dependencies, id, (handle) =>
      handle.executeUpdate(cancelOrder, { args: [request], updateId }),
    );
  } catch (error) {
    if (!(error instanceof WorkflowNotFoundError)) throw error;
    // It never was, or is closed.
    const row = await stored(dependencies, id);
    if (!row) throw notFound(id);
    // The same rule as in the workflow, so that the answer does not depend on whether it has ended by now.
    const decision = decideCancellation(row, request);
    if (decision.outcome === 'duplicate') return { accepted: true, state: row.state };
    const reason = decision.outcome === 'refused' ? decision.reason : 'workflow-closed';
    return { accepted: false, state: row.state, reason };
  }
}

/** Asks the order's workflow, which a worker has to answer in time. */
async function asked<Answer>(
  { temporal }: OrderDependencies,
  id: string,
  ask: (handle: WorkflowHandle) => Promise<Answer>,
): Promise<Answer> {
  const handle = temporal.workflow.getHandle(workflowId(id));
  return await orUnavailable(
    temporal.connection.withDeadline(Date.now() + DEADLINE, () => ask(handle)),
  );
}

async function stored({ readOrder }: OrderDependencies, id: string): Promise<OrderRow | undefined> {
  try {
    return await readOrder(workflowId(id));
  } catch (cause) {
    throw new Problem(503, 'not-answered', `order ${id} could not be read: ask again`, {
      cause,
      retryAfterSeconds: 5,
    });
  }
}

function notFound(id: string): Problem {
  return new Problem(404, 'order-not-found', `there is no order ${id}`);
}

/** What Temporal does not answer in time may still apply: the caller may ask again under the same key. */
async function orUnavailable<Answer>(call: Promise<Answer>): Promise<Answer> {
  try {
    return await call;
  } catch (error) {
    const unanswered =
      error instanceof WorkflowUpdateRPCTimeoutOrCancelledError ||
      (isGrpcServiceError((error as Error).cause) && !(error instanceof WorkflowNotFoundError)) ||
      isGrpcServiceError(error);
    if (!unanswered) throw error;
    throw new Problem(
      503,
      'not-answered',
      'the order service did not answer in time; the request may still apply: ask again with the same Idempotency-Key',
      { cause: error, retryAfterSeconds: 5 },
    );
  }
}

function apiId({ channel, orderId }: OrderKey): string {
  return `${channel}:${orderId}`;
}

function workflowId(id: string): string {
  return `order:${id}`;
}
