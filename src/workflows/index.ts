/** The workflows a worker runs: each export is a workflow type. */
export { orderWorkflow } from './order.ts';
export { returnWorkflow } from './return.ts';
