import type { StartOnce } from '../bridges/startOnce.ts';
import {
  orderPriority,
  orderWorkflow,
  orderWorkflowId,
  type PaymentOutcome,
  type PlacedOrder,
  newOrder,
} from '../contracts/orders.ts';
import type { OrderPolicy } from '../domain/policy.ts';
import type { Caller } from './caller.ts';
import { derivedId, type IdempotencyKeys } from './idempotency.ts';
import { inStore, type LookupDependencies } from './lookup.ts';
import { isSameOrder, startAndWait } from './paymentWait.ts';
import { invalidRequest } from './problemAnswers.ts';
import { Problem } from './problems.ts';
import { OWN_CHANNEL, type PlaceRequest } from './requests.ts';
import { describeStart, keyReused, type StartDependencies } from './start.ts';
import { inTime } from './temporal.ts';

export interface PlaceDependencies extends LookupDependencies, StartDependencies {
  readonly keys: IdempotencyKeys;
  readonly orderPolicy: OrderPolicy;
}

/** An order that is to be placed, once for a caller and its key. */
export interface Placing {
  readonly caller: Caller;
  readonly idempotencyKey: string;
  readonly placed: PlacedOrder;
  /** How long the payment's outcome is waited for, in seconds; null: not at all. */
  readonly wait: number | null;
}

/** The order that a caller means. Throws a Problem where it is not the caller's to place. */
export function orderPlacedBy(
  caller: Caller,
  idempotencyKey: string,
  { channel, orderId, ...request }: PlaceRequest,
): PlacedOrder {
  // Whoever could take a shop's next number would keep the shop's own order out.
  if (caller.role === 'customer' && channel !== undefined) {
    throw new Problem('forbidden', 'channel and orderId: the numbers of shops are for staff');
  }
  return {
    version: 1,
    ...request,
    customerId: customerOf(caller, request.customerId),
    // Both or neither are there.
    channel: channel ?? OWN_CHANNEL,
    orderId: orderId ?? derivedId(caller.name, idempotencyKey),
  };
}

/**
 * Places an order once.
 *
 * @returns the payment's outcome; null where it was not asked for, or is not known in time. Throws a Problem
 * `idempotency-key-reused` or `order-exists` where another order is there.
 */
export async function place(
  dependencies: PlaceDependencies,
  placing: Placing,
): Promise<PaymentOutcome | null> {
  const { caller, idempotencyKey, placed, wait } = placing;
  const { channel, orderId } = placed;
  const start: StartOnce = {
    ...orderWorkflow,
    workflowId: orderWorkflowId(placed),
    args: [newOrder(placed, dependencies.orderPolicy)],
    priority: orderPriority(placed),
    eventId: `${OWN_CHANNEL}:${channel}:${orderId}/${idempotencyKey}`,
    content: placed,
  };
  if (channel !== OWN_CHANNEL) await claimKey(dependencies, placing, start);
  if (wait !== null) {
    const updateId = `place:${caller.name}/${idempotencyKey}`;
    const answer = await startAndWait(dependencies, { placed, start, updateId, seconds: wait });
    if (answer === 'conflict') throw await conflict(dependencies, placing, start);
    return answer;
  }
  const [row, answer] = await Promise.all([
    // Temporal forgets an order after its namespace's retention, and starts another under its ID: its workflow ends
    // at once, for the row is there for ever. Where it cannot be read, the order is accepted all the same.
    dependencies.orders.read(start.workflowId).catch(() => undefined),
    inTime(dependencies.temporal, () => dependencies.startOnce(start)),
  ]);
  if (answer === 'conflict' || (row && !isSameOrder(dependencies, row, placed))) {
    throw await conflict(dependencies, placing, start);
  }
  return null;
}

function customerOf(caller: Caller, given: string | undefined): string {
  switch (caller.role) {
    case 'customer':
      if (given !== undefined && given !== caller.customerId) {
        throw new Problem('forbidden', `customerId: expected ${caller.customerId}, or nothing`);
      }
      return caller.customerId;
    case 'seller':
      throw new Problem('forbidden', 'this is not for a seller');
    case 'staff': {
      if (given !== undefined) return given;
      throw invalidRequest(
        'customerId: Invalid input: expected whose order it is, received undefined',
      );
    }
  }
}

/** The caller's own number says nothing of its key: what that was used for has to be remembered. */
async function claimKey(
  { keys, hash }: PlaceDependencies,
  { caller, idempotencyKey }: Placing,
  { workflowId, content }: StartOnce,
): Promise<void> {
  const key = derivedId(caller.name, idempotencyKey);
  const use = { orderKey: workflowId, contentHash: hash(content) };
  if (!(await inStore(() => keys.claim(key, use)))) throw keyReused();
}

/** Another order is there under the ID: under one that follows from the key, it was placed with that key. */
async function conflict(
  { orders, temporal, hash }: PlaceDependencies,
  { placed }: Placing,
  { workflowId, content }: StartOnce,
): Promise<Problem> {
  const { channel, orderId } = placed;
  if (channel === OWN_CHANNEL) return keyReused();
  const row = await inStore(() => orders.read(workflowId));
  const known = await describeStart(temporal, workflowId);
  const at = row?.placedAt ?? known?.startedAt;
  // Where Temporal has forgotten the first start, the one it knows is this caller's.
  const by = known && known.contentHash !== hash(content) ? known.eventId : null;
  return new Problem(
    'order-exists',
    `order ${channel}:${orderId} was placed before with other content`,
    at === undefined ? {} : { wonBy: { what: 'OrderPlaced', by, at } },
  );
}
