import type {
  QueryDefinition,
  SignalDefinition,
  UpdateDefinition,
  Workflow,
} from '@temporalio/common';

/**
 * A workflow by name and task queue, with its type: what a caller needs to start it without importing
 * its code.
 */
export interface WorkflowReference<Fn extends Workflow = Workflow> {
  readonly workflowType: string;
  readonly taskQueue: string;
  /** For the compiler alone; absent at run time. */
  readonly signature?: Fn;
}

/**
 * Names a workflow by the name its function is exported under, and the task queue its workers poll. The type of its
 * function (`workflowReference<typeof orderWorkflow>`, with `import type`) is checked wherever the reference is used.
 */
export function workflowReference<Fn extends Workflow>(
  workflowType: string,
  taskQueue: string,
): WorkflowReference<Fn> {
  return { workflowType, taskQueue };
}

// The definitions of `@temporalio/workflow` as plain values, so that clients need not load that package.

/** Names a signal and the types of its arguments. */
export function signalReference<Args extends unknown[]>(name: string): SignalDefinition<Args> {
  return { type: 'signal', name } as SignalDefinition<Args>;
}

/** Names an update, the type of its answer and of its arguments. */
export function updateReference<Result, Args extends unknown[]>(
  name: string,
): UpdateDefinition<Result, Args> {
  return { type: 'update', name } as UpdateDefinition<Result, Args>;
}

/** Names a query, the type of its answer and of its arguments. */
export function queryReference<Result, Args extends unknown[] = []>(
  name: string,
): QueryDefinition<Result, Args> {
  return { type: 'query', name } as QueryDefinition<Result, Args>;
}
