/** Workflows, and the activities that cost little and are ours. */
export const ORDERS_TASK_QUEUE = 'orders';

/** Calls to the payment provider: a queue of their own, so that their rate can be limited. */
export const PAYMENTS_TASK_QUEUE = 'payments';

/** What Temporal calls the versions of our workers taken together: each is a build ID of this deployment. */
export const DEPLOYMENT = 'waybill';
