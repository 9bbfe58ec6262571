import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { orderWorkflowId } from '../contracts/orders.ts';
import { callerOf } from './access.ts';
import type { Caller } from './caller.ts';
import { InvalidCursorError } from './cursor.ts';
import { findOrder, inStore } from './lookup.ts';
import { problems } from './operations.ts';
import { orderPlacedBy, place, type PlaceDependencies } from './place.ts';
import { waitOf } from './preference.ts';
import { invalidRequest } from './problemAnswers.ts';
import { Problem } from './problems.ts';
import {
  ORDER_STATES,
  OrderBody,
  orderFor,
  orderIdOf,
  OrderListBody,
  summaryFor,
} from './representations.ts';
import { ListQuery, OrderParams, OrderRequest, PlaceHeaders } from './requests.ts';

export type OrderDependencies = PlaceDependencies;

const accepted = {
  id: z.string().meta({ description: 'The order: {channel}:{orderId}' }),
  workflowId: z.string(),
};

const AcceptedBody = z
  .object({ ...accepted, state: z.literal('received') })
  .meta({ id: 'AcceptedOrder', description: 'The order is accepted; Location says where it is' });

const PlacedBody = z
  .object({
    ...accepted,
    outcome: z.enum(['paid', 'declined', 'on-review', 'stopped', 'duplicate']).meta({
      description:
        '`paid`: captured, or nothing to pay. `declined`: another payment method is awaited. `on-review`: a person decides first. `stopped`: the order goes no further',
    }),
    state: z.enum(ORDER_STATES),
    reason: z.string().nullable().meta({ description: 'A code, where there is more to say' }),
  })
  .meta({
    id: 'PlacedOrder',
    description: 'The order is accepted, and this became of its payment',
  });

const PLACING = [
  'The same Idempotency-Key of the same caller with the same request is the same order and the same answer; with',
  'another request it is a 422. Answered at once with a 202; with `Prefer: wait=N` after N seconds at the latest, with a',
  "201 if the payment's outcome is known by then. Customers place for themselves alone, staff for anybody.",
].join(' ');

/** Adds placing, reading and listing orders. */
export function addOrderRoutes(app: FastifyInstance, dependencies: OrderDependencies): void {
  const typed = app.withTypeProvider<ZodTypeProvider>();

  typed.post(
    '/orders',
    {
      config: { access: 'orders:place' },
      schema: {
        operationId: 'placeOrder',
        tags: ['orders'],
        summary: 'Place an order',
        description: PLACING,
        headers: PlaceHeaders,
        body: OrderRequest,
        response: {
          201: PlacedBody,
          202: AcceptedBody,
          ...problems('order-exists', 'idempotency-key-reused'),
        },
      },
    },
    async (request, reply) => {
      const caller = callerOf(request);
      const { 'idempotency-key': idempotencyKey, prefer } = request.headers;
      const placed = orderPlacedBy(caller, idempotencyKey, request.body);
      const wait = waitOf(prefer);
      const outcome = await place(dependencies, { caller, idempotencyKey, placed, wait });
      const answer = { id: orderIdOf(placed), workflowId: orderWorkflowId(placed) };
      reply.header('location', `/orders/${answer.id}`);
      if (wait !== null) reply.header('preference-applied', `wait=${wait}`);
      return outcome
        ? reply.status(201).send({ ...answer, ...outcome })
        : reply.status(202).send({ ...answer, state: 'received' });
    },
  );

  typed.get(
    '/orders',
    {
      config: { access: 'orders:read' },
      schema: {
        operationId: 'listOrders',
        tags: ['orders'],
        summary: 'List orders, newest first',
        description:
          'Customers see their own orders, sellers those with lines of theirs, staff all. A page may hold fewer orders than `limit`, or none, and yet have a `cursor`: only without one it is the last. Without `customer`, `seller` and `status` the list begins 31 days before `to`, unless `from` says otherwise.',
        querystring: ListQuery,
        response: { 200: OrderListBody, ...problems() },
      },
    },
    async (request) => {
      const caller = callerOf(request);
      const { customer, seller, status: state, ...range } = request.query;
      const filters = { ...filtersOf(caller, customer, seller), state, ...range };
      const page = await inStore(() => dependencies.orders.list(filters).catch(refuseCursor));
      return { ...page, orders: page.orders.map((row) => summaryFor(caller, row)) };
    },
  );

  typed.get(
    '/orders/:id',
    {
      config: { access: 'orders:read' },
      schema: {
        operationId: 'readOrder',
        tags: ['orders'],
        summary: 'Read an order',
        description: 'A seller sees its own lines, and neither customer nor payment nor total.',
        params: OrderParams,
        response: { 200: OrderBody, ...problems('order-not-found') },
      },
    },
    async (request) => {
      const caller = callerOf(request);
      return orderFor(caller, await findOrder(dependencies, caller, request.params.id));
    },
  );
}

function refuseCursor(error: unknown): never {
  throw error instanceof InvalidCursorError ? invalidRequest(`cursor: ${error.message}`) : error;
}

/** Whose orders are listed. Throws a Problem `forbidden` where they are somebody else's. */
function filtersOf(caller: Caller, customerId: string | undefined, sellerId: string | undefined) {
  switch (caller.role) {
    case 'staff':
      return { customerId, sellerId };
    case 'customer':
      if (customerId !== undefined && customerId !== caller.customerId) {
        throw new Problem('forbidden', `customer: expected ${caller.customerId}, or nothing`);
      }
      return { customerId: caller.customerId, sellerId };
    case 'seller':
      if (customerId !== undefined) {
        throw new Problem('forbidden', 'customer: this filter is not for a seller');
      }
      if (sellerId !== undefined && sellerId !== caller.sellerId) {
        throw new Problem('forbidden', `seller: expected ${caller.sellerId}, or nothing`);
      }
      return { sellerId: caller.sellerId };
  }
}
