import { ID_PATTERN } from '../contracts/fields.ts';
import { returnWorkflowId } from '../contracts/returns.ts';
import { orderWorkflowId } from '../contracts/orders.ts';
import { UserError } from '../platform/errors.ts';

const ORDER = new RegExp(`^(?:order:)?(${ID_PATTERN}):(${ID_PATTERN})$`);
const RETURN = new RegExp(`^return:(${ID_PATTERN})$`);

/** The workflow ID of an order, from how people name it. @throws UserError when it is no order's name. */
export function readOrderId(text: string): string {
  const [, channel, orderId] = ORDER.exec(text) ?? [];
  if (channel !== undefined && orderId !== undefined) return orderWorkflowId({ channel, orderId });
  throw new UserError(
    `${JSON.stringify(text)} names no order`,
    'expected {channel}:{orderId} or order:{channel}:{orderId}',
  );
}

/** The workflow ID of a return, where it is one; else undefined. */
export function readReturn(text: string): string | undefined {
  const [, returnId] = RETURN.exec(text) ?? [];
  return returnId === undefined ? undefined : returnWorkflowId(returnId);
}

/** How people name the order of a workflow ID. */
export function orderName(workflowId: string): string {
  return workflowId.replace(/^order:/, '');
}
