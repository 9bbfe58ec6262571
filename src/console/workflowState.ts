import { WorkflowClient, WorkflowNotFoundError, type Client } from '@temporalio/client';

/** What Temporal knows of a workflow ID, for as long as its namespace retains it. */
export type WorkflowState =
  | { readonly is: 'absent' }
  | { readonly is: 'running'; readonly contentHash: unknown }
  | {
      readonly is: 'closed';
      /** `completed`, `failed`, `terminated`, ... */
      readonly as: string;
      /** ISO 8601. */
      readonly at: string;
      readonly contentHash: unknown;
    };

/** Asks for the state of a workflow, of the namespace given or else the client's own. */
export type ReadState = (
  workflowId: string,
  namespace: string | undefined,
) => Promise<WorkflowState>;

/** Asks for each workflow once: many events are for the same. */
export function createStateReader({ workflow, connection }: Client): ReadState {
  const states = new Map<string, Promise<WorkflowState>>();
  return (workflowId, namespace = workflow.options.namespace) => {
    const key = JSON.stringify([namespace, workflowId]);
    const known = states.get(key) ?? readState(clientOf(namespace), workflowId);
    states.set(key, known);
    return known;
  };

  function clientOf(namespace: string): WorkflowClient {
    if (namespace === workflow.options.namespace) return workflow;
    const { loadedDataConverter, ...options } = workflow.options;
    return new WorkflowClient({
      ...options,
      connection,
      namespace,
      dataConverter: loadedDataConverter,
    });
  }
}

async function readState(client: WorkflowClient, workflowId: string): Promise<WorkflowState> {
  try {
    const { status, closeTime, memo } = await client.getHandle(workflowId).describe();
    const contentHash = memo?.['contentHash'];
    if (closeTime === undefined) return { is: 'running', contentHash };
    const as = status.name.toLowerCase().replaceAll('_', ' ');
    return { is: 'closed', as, at: closeTime.toISOString(), contentHash };
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return { is: 'absent' };
    throw error;
  }
}
