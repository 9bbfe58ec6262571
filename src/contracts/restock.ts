import type { RestockPolicy } from '../domain/policy.ts';
import type { EventData } from './events.ts';
import type { InboxContent, InboxEvent } from './inbox.ts';
import { queryReference, workflowReference } from './references.ts';
import { ORDERS_TASK_QUEUE } from './taskQueues.ts';

/** The workflow ID of a SKU's restocking: one for each SKU, for as long as there is the SKU. */
export function restockWorkflowId(sku: string): string {
  return `restock:${sku}`;
}

/** The events a restocking takes through its inbox. */
export type RestockEvent =
  | InboxEvent<'StockLow', EventData<'StockLow'>>
  | InboxEvent<'StockReceived', EventData<'StockReceived'>>;

export interface RestockInput {
  readonly sku: string;
  readonly policy: RestockPolicy;
  /** Only when the workflow continues as new. */
  readonly carried?: {
    readonly standing: RestockStanding;
    readonly inbox: InboxContent;
    /** Whether those who wait are still to be served. */
    readonly hasNews?: true;
  };
}

/** Where a SKU's restocking stands. */
export interface RestockStanding {
  readonly sku: string;
  /**
   * `idle`: enough is there. `overdue`: the supplier has taken too long, and is still waited for. `ordering` while it is
   * not at work: the supplier has refused, and is asked again with what happens next.
   */
  readonly state: 'idle' | 'ordering' | 'awaiting-supplier' | 'overdue' | 'serving';
  /** How many orders were sent to the supplier: numbers them. */
  readonly orders: number;
  /** How many pieces came that none of these orders was for, all in all. */
  readonly unexpected: number;
  /** What is on its way; null: nothing. */
  readonly expected: {
    readonly supplierOrderId: string;
    readonly quantity: number;
    readonly received: number;
    /** Until when, in milliseconds since 1970. */
    readonly until: number;
  } | null;
}

export const restockWorkflow = workflowReference<(input: RestockInput) => Promise<void>>(
  'restockWorkflow',
  ORDERS_TASK_QUEUE,
);

export const restockQuery = queryReference<RestockStanding>('waybill.restock');
