import type { Money } from '../domain/money.ts';
import type { InboxContent, InboxRecord } from './inbox.ts';
import type { OrderKey } from './orders.ts';
import { queryReference, workflowReference } from './references.ts';
import { ORDERS_TASK_QUEUE } from './taskQueues.ts';

/** The workflow ID of a dispute: the provider's own ID, as disputes come long after their orders are closed. */
export function disputeWorkflowId(disputeId: string): string {
  return `dispute:${disputeId}`;
}

export type DisputeState = 'opened' | 'awaiting-decision' | DisputeOutcome;

/** How a dispute ends for the shop. */
export type DisputeOutcome = 'won' | 'lost';

/** What is disputed. */
export interface DisputeFacts {
  readonly disputeId: string;
  readonly order: OrderKey;
  readonly paymentIntentId: string;
  readonly money: Money;
  /** The bank's, a code. */
  readonly reason: string;
}

export interface DisputeInput extends DisputeFacts {
  /** Only when the workflow continues as new. */
  readonly carried?: { readonly state: DisputeState; readonly inbox: InboxContent };
}

export interface DisputeResult {
  readonly state: DisputeState;
  readonly events: readonly InboxRecord[];
}

/** What support and security are told. Task queue `orders`. */
export interface DisputeNoticeActivities {
  /** Publishes the notification `dispute-opened`, under an ID that repeats carry too. */
  tellDisputeOpened(dispute: DisputeFacts): Promise<void>;

  /** Publishes `dispute-closed`, with how it ended as its status. */
  tellDisputeClosed(dispute: DisputeFacts & { readonly outcome: DisputeOutcome }): Promise<void>;
}

export const disputeWorkflow = workflowReference<(input: DisputeInput) => Promise<DisputeResult>>(
  'disputeWorkflow',
  ORDERS_TASK_QUEUE,
);

export const disputeQuery = queryReference<{ readonly state: DisputeState }>('waybill.dispute');
