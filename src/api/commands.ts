import type { UpdateDefinition } from '@temporalio/common';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { Command } from '../contracts/commands.ts';
import {
  cancelOrder,
  changePaymentMethod,
  decideReview as reviewUpdate,
  type OrderAnswer,
  type OrderRow,
} from '../contracts/orders.ts';
import { winnerOf } from '../contracts/winner.ts';
import { decideLinesCancellation } from '../domain/lines.ts';
import {
  decideCancellation,
  decidePaymentMethod,
  decideReview,
  type Decision,
} from '../domain/order.ts';
import { callerOf } from './access.ts';
import { ownLines, type Caller } from './caller.ts';
import { decide, type DecisionDependencies } from './decision.ts';
import { findOrder, refuseRoles, type LookupDependencies } from './lookup.ts';
import { problems } from './operations.ts';
import { Problem, type ProblemCode } from './problems.ts';
import { ORDER_STATES } from './representations.ts';
import {
  CancelBody,
  IdempotencyHeaders,
  OrderParams,
  PaymentMethodBody,
  ReviewBody,
} from './requests.ts';

export interface CommandDependencies extends LookupDependencies, DecisionDependencies {}

const DecidedBody = z
  .object({ id: z.string(), accepted: z.literal(true), state: z.enum(ORDER_STATES) })
  .meta({ id: 'Decided', description: 'The order as it was when the command was accepted' });

const FROM_STATE =
  "Answered from the order's state at that moment: what follows from it shows in the order, and in its timeline.";

/** Adds cancelling, changing the payment method and deciding a review. */
export function addCommandRoutes(app: FastifyInstance, dependencies: CommandDependencies): void {
  const typed = app.withTypeProvider<ZodTypeProvider>();

  typed.post(
    '/orders/:id/cancel',
    {
      config: { access: 'orders:cancel' },
      schema: {
        operationId: 'cancelOrder',
        tags: ['orders'],
        summary: 'Cancel an order, or some of its lines',
        description: `${FROM_STATE} Possible until the first parcel has left. A seller cancels its own lines.`,
        params: OrderParams,
        headers: IdempotencyHeaders,
        body: CancelBody,
        response: {
          200: DecidedBody,
          ...problems('order-not-found', 'not-cancellable', 'idempotency-key-reused'),
        },
      },
    },
    async (request) => {
      const asked = await askedOf(request);
      const { caller, row, body } = asked;
      const { reason } = body;
      const lines = linesToCancel(caller, row, body.lines);
      const cancellation = { reason, requestedBy: caller.name };
      return await decideOrder(asked, {
        update: cancelOrder,
        request: { reason, ...(lines && { lines }) },
        rule: (order) =>
          lines
            ? decideLinesCancellation(order, order.lines, lines, cancellation)
            : decideCancellation(order, cancellation),
        refusal: 'not-cancellable',
      });
    },
  );

  typed.post(
    '/orders/:id/payment-method',
    {
      config: { access: 'orders:pay' },
      schema: {
        operationId: 'changePaymentMethod',
        tags: ['orders'],
        summary: 'Give an order another payment method',
        description: `${FROM_STATE} Possible until it is paid or given up. Not for sellers.`,
        params: OrderParams,
        headers: IdempotencyHeaders,
        body: PaymentMethodBody,
        response: {
          200: DecidedBody,
          ...problems('order-not-found', 'payment-method-refused', 'idempotency-key-reused'),
        },
      },
    },
    async (request) => {
      const asked = await askedOf(request, 'seller');
      const { body } = asked;
      return await decideOrder(asked, {
        update: changePaymentMethod,
        request: body,
        rule: (order) => decidePaymentMethod(order, body.paymentMethod),
        refusal: 'payment-method-refused',
      });
    },
  );

  typed.post(
    '/orders/:id/review',
    {
      config: { access: 'orders:review' },
      schema: {
        operationId: 'decideReview',
        tags: ['orders'],
        summary: 'Decide about an order that screening is in doubt about',
        description: `${FROM_STATE} For staff; the first decision counts.`,
        params: OrderParams,
        headers: IdempotencyHeaders,
        body: ReviewBody,
        response: {
          200: DecidedBody,
          ...problems('order-not-found', 'not-under-review', 'idempotency-key-reused'),
        },
      },
    },
    async (request) => {
      const asked = await askedOf(request, 'customer', 'seller');
      const { caller, body } = asked;
      return await decideOrder(asked, {
        update: reviewUpdate,
        request: body,
        rule: (order) => decideReview(order, { ...body, requestedBy: caller.name }),
        refusal: 'not-under-review',
      });
    },
  );

  /** Who asks what of which order. Throws a Problem where it is not their order, or not for their role. */
  async function askedOf<Body>(
    request: CommandRequest<Body>,
    ...refused: readonly Caller['role'][]
  ): Promise<AskedOrder<Body>> {
    const { params, headers, body } = request;
    const caller = callerOf(request);
    const row = await findOrder(dependencies, caller, params.id);
    refuseRoles(caller, ...refused);
    return { caller, row, body, id: params.id, idempotencyKey: headers['idempotency-key'] };
  }

  /** Has the order decide: its workflow, or the same rule on its row where that is closed. */
  async function decideOrder<Request extends Command>(
    { caller, row, body, id, idempotencyKey }: AskedOrder<unknown>,
    { update, request, rule, refusal }: OrderCommand<Request>,
  ): Promise<z.infer<typeof DecidedBody>> {
    const state = await decide(dependencies, {
      caller,
      idempotencyKey,
      workflowId: row.workflowId,
      update,
      body,
      request,
      whenClosed: async () => answerOf(await findOrder(dependencies, caller, id), rule),
      refusal: [refusal, `order ${id}`],
    });
    return { id, accepted: true, state };
  }
}

type CommandRequest<Body> = FastifyRequest & {
  readonly params: z.infer<typeof OrderParams>;
  readonly headers: z.infer<typeof IdempotencyHeaders>;
  readonly body: Body;
};

interface AskedOrder<Body> {
  readonly caller: Caller;
  readonly row: OrderRow;
  readonly body: Body;
  /** As the API names the order. */
  readonly id: string;
  readonly idempotencyKey: string;
}

interface OrderCommand<Request extends Command> {
  readonly update: UpdateDefinition<OrderAnswer, [Request]>;
  /** What the workflow is told. */
  readonly request: Omit<Request, keyof Command>;
  readonly rule: (order: OrderRow) => Decision;
  readonly refusal: ProblemCode;
}

/** The lines that a caller means; undefined for the whole order. */
function linesToCancel(
  caller: Caller,
  row: OrderRow,
  given: readonly number[] | undefined,
): readonly number[] | undefined {
  if (caller.role !== 'seller') return given;
  const own = ownLines(caller, row);
  const foreign = given?.find((line) => !own.includes(line));
  if (foreign !== undefined) {
    // Whether it is there is none of the seller's business.
    throw new Problem('not-cancellable', `order ${row.channel}:${row.orderId}: unknown-line`);
  }
  return given ?? own;
}

/** The same rule as in the workflow, so that the answer does not depend on whether that has ended by now. */
function answerOf(ended: OrderRow, rule: (order: OrderRow) => Decision): OrderAnswer {
  const { state, timeline } = ended;
  const decision = rule(ended);
  if (decision.outcome === 'duplicate') return { accepted: true, state };
  // It was ended by somebody: nobody is there to do it.
  const reason = decision.outcome === 'refused' ? decision.reason : 'workflow-closed';
  const wonBy = winnerOf(reason, timeline);
  return { accepted: false, state, reason, ...(wonBy && { wonBy }) };
}
