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
import { OrderRequest } from '../contracts/events.ts';
import {
  cancelOrder,
  orderQuery,
  orderWorkflowId,
  type OrderKey,
  type OrderRow,
  type PlacedOrder,
} from '../contracts/orders.ts';
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

const cancelBody = z.object({
  reason: z.string().min(1).max(500),
  requestedBy: z.string().min(1).max(128),
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
    { schema: { params: orderParams, headers: idempotencyKey, body: cancelBody } },
    async (request) => {
      const { id } = request.params;
      const answer = await answered(dependencies, id, (handle) =>
        handle.executeUpdate(cancelOrder, {
          args: [request.body],
          updateId: request.headers['idempotency-key'],
        }),
      );
      if (!answer.accepted) {
        throw new Problem(409, 'not-cancellable', `order ${id}: ${answer.reason}`);
      }
      return { id, ...answer };
    },
  );
}

async function findOrder(dependencies: OrderDependencies, id: string): Promise<OrderRow> {
  const row = await dependencies.readOrder(workflowId(id));
  // An order that was just accepted may not have its row yet: its workflow knows it.
  return row ?? (await answered(dependencies, id, (handle) => handle.query(orderQuery)));
}

/** Asks the order's workflow, which a worker has to answer in time. */
async function answered<Answer>(
  { temporal, readOrder }: OrderDependencies,
  id: string,
  ask: (handle: WorkflowHandle) => Promise<Answer>,
): Promise<Answer> {
  const handle = temporal.workflow.getHandle(workflowId(id));
  try {
    return await orUnavailable(
      temporal.connection.withDeadline(Date.now() + DEADLINE, () => ask(handle)),
    );
  } catch (error) {
    if (!(error instanceof WorkflowNotFoundError)) throw error;
    const row = await readOrder(workflowId(id));
    if (!row) throw new Problem(404, 'order-not-found', `there is no order ${id}`);
    throw new Problem(409, 'not-cancellable', `order ${id}: order-${row.state}`);
  }
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
      { retryAfterSeconds: 5 },
    );
  }
}

function apiId({ channel, orderId }: OrderKey): string {
  return `${channel}:${orderId}`;
}

function workflowId(id: string): string {
  return `order:${id}`;
}
