import { WorkflowNotFoundError, type Client } from '@temporalio/client';
import type { QueryDefinition } from '@temporalio/common';
import { orderQuery, orderWorkflowId, type OrderRow } from '../contracts/orders.ts';
import { returnQuery, returnWorkflowId, type ReturnRow } from '../contracts/returns.ts';
import { ownLines, type Caller } from './caller.ts';
import type { OrderStore } from './orderStore.ts';
import { Problem } from './problems.ts';
import { inTime, notRead } from './temporal.ts';

export interface LookupDependencies {
  readonly temporal: Client;
  readonly orders: OrderStore;
}

/** An order that the caller has to do with. Throws a Problem `order-not-found` for any other. */
export async function findOrder(
  dependencies: LookupDependencies,
  caller: Caller,
  id: string,
): Promise<OrderRow> {
  const row = await readOrder(dependencies, `order:${id}`);
  if (!row || ownLines(caller, row).length === 0) {
    throw new Problem('order-not-found', `there is no order ${id}`);
  }
  return row;
}

/** A return that the caller has to do with. Throws a Problem `return-not-found` for any other. */
export async function findReturn(
  dependencies: LookupDependencies,
  caller: Caller,
  id: string,
): Promise<ReturnRow> {
  const row = await readReturn(dependencies, id);
  if (!row || !(await isOwn(dependencies, caller, row))) {
    throw new Problem('return-not-found', `there is no return ${id}`);
  }
  return row;
}

/** What is not for everybody whose order it is. Throws a Problem `forbidden` for these roles. */
export function refuseRoles({ role }: Caller, ...refused: readonly Caller['role'][]): void {
  if (refused.includes(role)) throw new Problem('forbidden', `this is not for a ${role}`);
}

/** Reads what is stored. Throws a Problem `not-answered` where the store does not answer, and the reader's own as they are. */
export async function inStore<Answer>(read: () => Promise<Answer>): Promise<Answer> {
  try {
    return await read();
  } catch (error) {
    throw error instanceof Problem ? error : notRead(error);
  }
}

/** What was accepted just now may not have its row yet: its workflow knows it. */
async function readOrder(
  { temporal, orders }: LookupDependencies,
  orderKey: string,
): Promise<OrderRow | undefined> {
  const row = await inStore(() => orders.read(orderKey));
  return row ?? (await query(temporal, orderKey, orderQuery));
}

async function readReturn(
  { temporal, orders }: LookupDependencies,
  returnId: string,
): Promise<ReturnRow | undefined> {
  const row = await inStore(() => orders.readReturn(returnId));
  return row ?? (await query(temporal, returnWorkflowId(returnId), returnQuery));
}

async function query<Answer>(
  temporal: Client,
  workflowId: string,
  asked: QueryDefinition<Answer>,
): Promise<Answer | undefined> {
  const handle = temporal.workflow.getHandle(workflowId);
  try {
    return await inTime(temporal, () => handle.query(asked), notRead);
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return undefined;
    throw error;
  }
}

/** A customer's return is of its own order; a seller's has lines of its own. */
async function isOwn(
  dependencies: LookupDependencies,
  caller: Caller,
  row: ReturnRow,
): Promise<boolean> {
  switch (caller.role) {
    case 'staff':
      return true;
    case 'seller':
      return row.lines.some(({ sellerId }) => sellerId === caller.sellerId);
    case 'customer': {
      const customerId =
        row.customerId ?? (await readOrder(dependencies, orderWorkflowId(row)))?.customerId;
      return customerId === caller.customerId;
    }
  }
}
