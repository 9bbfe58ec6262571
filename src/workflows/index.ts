/** The workflows a worker runs: each export is a workflow type. */
export { disputeWorkflow } from './dispute.ts';
export { orderWorkflow } from './order.ts';
export { restockWorkflow } from './restock.ts';
export { returnWorkflow } from './return.ts';
export { sweepWorkflow } from './sweep.ts';
