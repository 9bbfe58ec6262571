/** Workflows, and the activities that cost little and are ours. */
export const ORDERS_TASK_QUEUE = 'orders';

/** Calls to the payment provider: a queue of their own, so that their rate can be limited. */
export const PAYMENTS_TASK_QUEUE = 'payments';

/** Calls to carrier and supplier: of a queue of their own, so that one that hangs holds up nothing else. */
export const PARTNERS_TASK_QUEUE = 'partners';

/** What Temporal calls the versions of our workers taken together: each is a build ID of this deployment. */
export const DEPLOYMENT = 'waybill';
