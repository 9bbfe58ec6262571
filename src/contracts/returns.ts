import type { Money } from '../domain/money.ts';
import type { ReturnMatter, ReturnNews } from '../domain/notification.ts';
import type { ReturnPolicy } from '../domain/policy.ts';
import type { ReturnState, ReturnWaiting } from '../domain/return.ts';
import type { Command, CommandAnswer } from './commands.ts';
import type { InboxContent, InboxRecord } from './inbox.ts';
import type { Notified } from './notifications.ts';
import type { OrderKey, ResolveRequest } from './orders.ts';
import { queryReference, updateReference, workflowReference } from './references.ts';
import { ORDERS_TASK_QUEUE } from './taskQueues.ts';
import type { TimelineEntry } from './timeline.ts';

/** The workflow ID of a return, its key in the tables, and the root of its idempotency keys. */
export function returnWorkflowId(returnId: string): string {
  return `return:${returnId}`;
}

/** Pieces of one line of an order that are to come back. */
export interface ReturnedPieces {
  /** The line's number in the order, from 1. */
  readonly line: number;
  /** 1 or more. */
  readonly quantity: number;
}

export interface ReturnRequest extends Command {
  readonly lines: readonly ReturnedPieces[];
  readonly reason: string;
}

/** One line of a return, as the order says it. */
export interface ReturnLine extends ReturnedPieces {
  readonly sku: string;
  readonly sellerId: string;
  /** What these pieces cost, in minor units: refunded in full if all of them are accepted. */
  readonly amount: number;
}

/** What a return's workflow carries over continue-as-new. */
export interface CarriedReturn {
  readonly row: ReturnRow;
  readonly inbox: InboxContent;
  /** An operator has made the refund by hand. */
  readonly resolved?: true;
}

export interface ReturnInput {
  readonly returnId: string;
  readonly order: OrderKey;
  readonly request: ReturnRequest;
  readonly policy: ReturnPolicy;
  /** Only when the workflow continues as new. */
  readonly carried?: CarriedReturn;
}

export interface ReturnResult {
  readonly state: ReturnState;
  readonly refunded: number;
  readonly events: readonly InboxRecord[];
}

/** The return's row: answers "what is happening with this return, and why" in one read. */
export interface ReturnRow extends OrderKey {
  readonly returnId: string;
  readonly workflowId: string;
  /** Grows with each write; a write with an older one changes nothing. */
  readonly revision: number;
  readonly state: ReturnState;
  readonly waitingFor: ReturnWaiting;
  readonly reason: string | null;
  /** Null until it is known whose order it is. */
  readonly customerId: string | null;
  /** The order's, in which the lines' amounts are; null until it is known. */
  readonly currency: Money['currency'] | null;
  /** Empty until the order's lines are known. */
  readonly lines: readonly ReturnLine[];
  /** What the inspection accepted, by line; null before it. */
  readonly accepted: readonly ReturnedPieces[] | null;
  /** What is refunded, or will be once it is `refunding`; null before the inspection. */
  readonly refund: Money | null;
  /** ISO 8601. */
  readonly requestedAt: string;
  /** ISO 8601: until when the goods are awaited. */
  readonly goodsUntil: string | null;
  /** How many reminders to send the goods have been due; absent where none. */
  readonly reminders?: number;
  readonly timeline: readonly TimelineEntry[];
}

/** What a return's notification on the topic says; the attributes beside it serve the filter policies. */
export interface ReturnNotification
  extends Omit<ReturnNews, 'notice'>, ReturnMatter, OrderKey, Notified {
  /** Stable over repeats: consumers drop what they have seen. */
  readonly notificationId: string;
  readonly workflowId: string;
  readonly returnId: string;
  /** Absent until it is known whose order it is. */
  readonly customerId?: string;
  /** Those of what is returned; empty until the order's lines are known. */
  readonly sellerIds: readonly string[];
  /** ISO 8601: until when the goods are awaited; null until they are. */
  readonly goodsUntil: string | null;
}

export const returnWorkflow = workflowReference<(input: ReturnInput) => Promise<ReturnResult>>(
  'returnWorkflow',
  ORDERS_TASK_QUEUE,
);

export interface InspectionRequest extends Command {
  /** How many pieces of each line are accepted, 0 or more; a line that is not named is not accepted. */
  readonly accepted: readonly { readonly line: number; readonly quantity: number }[];
  readonly reason: string;
}

/** Says what of the goods is accepted, which decides the refund. */
export const decideInspection = updateReference<CommandAnswer<ReturnState>, [InspectionRequest]>(
  'waybill.decide-inspection',
);

/** Tries a failed refund again, after an operator has mended what made it fail. */
export const resumeReturn = updateReference<CommandAnswer<ReturnState>, [Command]>(
  'waybill.resume-return',
);

/** Takes a failed refund for made, because an operator has made it by hand. */
export const resolveReturn = updateReference<CommandAnswer<ReturnState>, [ResolveRequest]>(
  'waybill.resolve-return',
);

/** Search attribute, Keyword: the return's state, once it has needed an operator. */
export const RETURN_STATE_ATTRIBUTE = 'WaybillReturnState';

/** The return's row as the workflow has it now. */
export const returnQuery = queryReference<ReturnRow>('waybill.return');
