import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { CommandAnswer } from '../contracts/commands.ts';
import type { OrderRow } from '../contracts/orders.ts';
import {
  decideInspection,
  returnWorkflow,
  returnWorkflowId,
  type ReturnRequest,
  type ReturnRow,
} from '../contracts/returns.ts';
import type { ReturnPolicy } from '../domain/policy.ts';
import { winnerOf } from '../contracts/winner.ts';
import { decideReturn, type ReturnState } from '../domain/return.ts';
import { callerOf } from './access.ts';
import type { Caller } from './caller.ts';
import { decide } from './decision.ts';
import { derivedId } from './idempotency.ts';
import { findOrder, findReturn, inStore, refuseRoles, type LookupDependencies } from './lookup.ts';
import { problems } from './operations.ts';
import { Problem } from './problems.ts';
import { RETURN_STATES, ReturnBody, returnFor, ReturnListBody } from './representations.ts';
import {
  IdempotencyHeaders,
  InspectionBody,
  OrderParams,
  ReturnParams,
  ReturnRequestBody,
} from './requests.ts';
import { describeStart, keyReused, type StartDependencies } from './start.ts';
import { inTime } from './temporal.ts';

export interface ReturnDependencies extends LookupDependencies, StartDependencies {
  readonly returnPolicy: ReturnPolicy;
}

const RequestedBody = z
  .object({
    id: z.string(),
    workflowId: z.string(),
    order: z.string(),
    state: z.literal('requested'),
  })
  .meta({ id: 'RequestedReturn' });

const InspectedBody = z
  .object({ id: z.string(), accepted: z.literal(true), state: z.enum(RETURN_STATES) })
  .meta({ id: 'InspectedReturn' });

/** Adds requesting, reading and inspecting returns. */
export function addReturnRoutes(app: FastifyInstance, dependencies: ReturnDependencies): void {
  const typed = app.withTypeProvider<ZodTypeProvider>();

  typed.post(
    '/orders/:id/returns',
    {
      config: { access: 'returns:request' },
      schema: {
        operationId: 'requestReturn',
        tags: ['returns'],
        summary: 'Request a return',
        description:
          'Of an order that is delivered. Whether the same pieces are being returned already is decided afterwards: the return is `rejected` then. Not for sellers.',
        params: OrderParams,
        headers: IdempotencyHeaders,
        body: ReturnRequestBody,
        response: {
          202: RequestedBody,
          ...problems('order-not-found', 'not-returnable', 'idempotency-key-reused'),
        },
      },
    },
    async (request, reply) => {
      const caller = callerOf(request);
      const order = await findOrder(dependencies, caller, request.params.id);
      refuseRoles(caller, 'seller');
      const key = request.headers['idempotency-key'];
      const id = `r-${derivedId(order.workflowId, caller.name, key)}`;
      const asked = { ...request.body, requestedBy: caller.name };
      await requestReturn(dependencies, order, id, asked);
      return reply
        .status(202)
        .header('location', `/returns/${id}`)
        .send({
          id,
          workflowId: returnWorkflowId(id),
          order: request.params.id,
          state: 'requested',
        });
    },
  );

  typed.get(
    '/orders/:id/returns',
    {
      config: { access: 'returns:read' },
      schema: {
        operationId: 'listReturns',
        tags: ['returns'],
        summary: "List an order's returns, newest first",
        description: 'The last 100. A seller sees those of its own lines.',
        params: OrderParams,
        response: { 200: ReturnListBody, ...problems('order-not-found') },
      },
    },
    async (request) => {
      const caller = callerOf(request);
      const order = await findOrder(dependencies, caller, request.params.id);
      const rows = await inStore(() => dependencies.orders.listReturns(order.workflowId));
      const returns = rows.map((row) => returnFor(caller, row));
      return {
        returns: returns.filter(({ lines }) => caller.role !== 'seller' || lines.length > 0),
      };
    },
  );

  typed.get(
    '/returns/:id',
    {
      config: { access: 'returns:read' },
      schema: {
        operationId: 'readReturn',
        tags: ['returns'],
        summary: 'Read a return',
        description: 'A seller sees its own lines, and not what is refunded.',
        params: ReturnParams,
        response: { 200: ReturnBody, ...problems('return-not-found') },
      },
    },
    async (request) => {
      const caller = callerOf(request);
      return returnFor(caller, await findReturn(dependencies, caller, request.params.id));
    },
  );

  typed.post(
    '/returns/:id/inspection',
    {
      config: { access: 'returns:inspect' },
      schema: {
        operationId: 'inspectReturn',
        tags: ['returns'],
        summary: 'Say what of the goods is accepted',
        description:
          'Decides the refund, once the goods have come; the first decision counts. For staff, and for the seller of all the lines.',
        params: ReturnParams,
        headers: IdempotencyHeaders,
        body: InspectionBody,
        response: {
          200: InspectedBody,
          ...problems('return-not-found', 'not-inspectable', 'idempotency-key-reused'),
        },
      },
    },
    async (request) => {
      const caller = callerOf(request);
      const { id } = request.params;
      const row = await findReturn(dependencies, caller, id);
      assertInspector(caller, row);
      const state = await decide(dependencies, {
        caller,
        idempotencyKey: request.headers['idempotency-key'],
        workflowId: row.workflowId,
        update: decideInspection,
        body: request.body,
        request: request.body,
        whenClosed: async () => tooLate(await findReturn(dependencies, caller, id)),
        refusal: ['not-inspectable', `return ${id}`],
      });
      return { id, accepted: true as const, state };
    },
  );
}

/** Starts the return's workflow once, if the order as it is now allows it. */
async function requestReturn(
  dependencies: ReturnDependencies,
  order: OrderRow,
  returnId: string,
  request: ReturnRequest,
): Promise<void> {
  const { temporal, orders, hash, startOnce, returnPolicy: policy } = dependencies;
  const { channel, orderId } = order;
  const content = { order: { channel, orderId }, request };
  const workflowId = returnWorkflowId(returnId);
  // Past Temporal's retention the row still knows it: started again, it would ask for the goods once more.
  if (await inStore(() => orders.readReturn(returnId))) {
    const known = await describeStart(temporal, workflowId);
    if (known && known.contentHash !== hash(content)) throw keyReused();
    return;
  }
  const decision = decideReturn(order, {}, request.lines);
  if (decision.kind === 'rejected') {
    throw new Problem('not-returnable', `order ${channel}:${orderId}: ${decision.reason}`);
  }
  const input = { returnId, ...content, policy };
  const answer = await inTime(temporal, () =>
    startOnce({
      ...returnWorkflow,
      workflowId,
      args: [input],
      eventId: `api:${returnId}`,
      content,
    }),
  );
  if (answer === 'conflict') throw keyReused();
}

/** As the workflow would say it. */
function tooLate({ state, timeline }: ReturnRow): CommandAnswer<ReturnState> {
  const wonBy = winnerOf('already-inspected', timeline);
  return wonBy
    ? { accepted: false, state, reason: 'already-inspected', wonBy }
    : { accepted: false, state, reason: 'not-inspecting' };
}

/** Throws a Problem `forbidden` for whom not all of the goods concern. */
function assertInspector(caller: Caller, { lines }: ReturnRow): void {
  refuseRoles(caller, 'customer');
  if (caller.role === 'seller' && lines.some(({ sellerId }) => sellerId !== caller.sellerId)) {
    throw new Problem('forbidden', 'lines of this return are of other sellers: staff decides');
  }
}
